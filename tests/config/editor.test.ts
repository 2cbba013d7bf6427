import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { LanguageServer } from "./languageServer";

const checkout = join(__dirname, "../..");
const example = readFileSync(join(checkout, "Pulumi.example.yaml"), "utf8");
const [modeline = ""] = example.split("\n");
/** A file that isn't there, where a person's would be. */
const place = (name: string) => join(checkout, `Pulumi.${name}.yaml`);
const HOSTS = "config:\n  spark-mesh:hosts:\n    - { name: spark-1, address: 10.0.0.11 }\n";

let editor: LanguageServer;

beforeAll(async () => {
  editor = await LanguageServer.start();
});

afterAll(() => editor.stop());

async function said(name: string, body: string): Promise<readonly string[]> {
  const found = await editor.problems(place(name), `${modeline}\n${body}`);
  return found.map(({ message, range }) => `${range.start.line}: ${message}`);
}

it("has nothing to say of the example, nor of what Pulumi adds to it", async () => {
  expect(await editor.problems(place("example"), example)).toEqual([]);
  const added = "  spark-mesh:sudoPassword:\n    secure: v1:abc\n  aws:region: x\nencryptionsalt: v1:def\n";
  expect(await editor.problems(place("added"), `${example}${added}`)).toEqual([]);
});

it("has nothing to say of the example with all its comments taken in", async () => {
  const whole = example
    .split("\n")
    .map((line) => line.replace(/^ {2}# (?=spark-mesh:| {2})/, "  "))
    .join("\n")
    .replaceAll("#COMMIT", `#${"a".repeat(40)}`);
  expect(whole).toContain("\n  spark-mesh:deployments:");
  expect(await editor.problems(place("whole"), whole)).toEqual([]);
});

it.each([
  ["an unknown key", `${HOSTS}  spark-mesh:topologie: ring\n`, /^4: .*topologie/],
  ["a key at the wrong depth", `${HOSTS}  spark-mesh:ssh: { mtu: 9000 }\n`, /^4: .*mtu/],
  ["a key beside config", `${HOSTS}spark-mesh:topology: ring\n`, /^4: .*spark-mesh:topology/],
  ["a value that isn't allowed", `${HOSTS}  spark-mesh:topology: rign\n`, /^4: .*auto, direct, ring or switch/],
  ["a number out of range", `${HOSTS}  spark-mesh:network: { mtu: 99999 }\n`, /^4: .*(9216|maximum)/],
  [
    "a text of another form",
    `${HOSTS}  spark-mesh:cables: [{ from: spark-1, to: x }]\n`,
    /^4: .*spark-1\/0; ports are/,
  ],
  ["a password in plain text", `${HOSTS}  spark-mesh:sudoPassword: abc\n`, /^4: .*object/],
  ["no hosts", "config:\n  spark-mesh:topology: ring\n", /spark-mesh:hosts/],
])("names %s where it stands", async (name, body, pattern) => {
  const lines = await said(name.replaceAll(" ", "-").replaceAll("'", ""), body);
  expect(lines.join("\n")).toMatch(pattern);
});

it("offers keys and values, and says what a key is", async () => {
  await said("typing", `${HOSTS}  spark-mesh:network:\n    \n  spark-mesh:topology: \n  `);
  expect(await editor.completions(place("typing"), 5, 4)).toEqual(expect.arrayContaining(["mtu", "firstSubnet"]));
  expect(await editor.completions(place("typing"), 6, 23)).toEqual(expect.arrayContaining(["ring", "switch"]));
  expect(await editor.completions(place("typing"), 7, 2)).toEqual(expect.arrayContaining(["spark-mesh:deployments"]));
  expect(await editor.hover(place("typing"), 4, 8)).toContain("The address plan");
});
