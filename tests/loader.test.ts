import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { must, run } from "../lab/hosts/process";
import { checkout } from "../lab/project";

const answer = async (script: string) => {
  const said = await must([process.execPath, "--require", join(checkout, "loader.cjs"), "-e", script]);
  return said.trim();
};

test.each([
  [
    "traces of the SDK's",
    `const tracing = require("@pulumi/pulumi/cmd/run/tracing");
     tracing.start("http://127.0.0.1:9/");
     console.log(tracing.newSpan("one").isRecording());
     process.exit();`,
    "true",
  ],
  ["the automation API", `console.log(typeof require("@pulumi/pulumi").automation.LocalWorkspace.create)`, "function"],
  ["messages of zod's in other languages", `console.log(typeof require("zod").locales.de().localeError)`, "function"],
  [
    "a function for a cloud",
    `require("@pulumi/pulumi").runtime.serializeFunction(() => 42).then(({ text }) => console.log(text.includes("42")))`,
    "true",
  ],
])("%s work where what they need is loaded later", async (_, script, expected) => {
  expect(await answer(script)).toBe(expected);
});

test("nothing of that is loaded before it is used", async () => {
  const loaded = await answer(`
    process.argv[1] = "none";
    require("@pulumi/pulumi/cmd/run/tracing");
    require("@pulumi/pulumi");
    require("zod");
    const packages = ["/typescript/", "arborist", "normalize-package-data", "sdk-trace-node", "locales/de", "automation"];
    console.log(packages.filter((name) => Object.keys(require.cache).some((path) => path.includes(name))).join(" "));
  `);
  expect(loaded).toBe("");
});

test("a cluster loads nothing that plans and makes resources before its hosts are asked", async () => {
  const loaded = await answer(`
    require("./components/stackArguments");
    require("./components/cluster");
    const late = ["/@pulumi/command/", "/fflate/", "/yaml/", "/plan/planMesh", "/components/mesh", "/plan/launch/"];
    console.log(late.filter((name) => Object.keys(require.cache).some((path) => path.includes(name))).join(" "));
  `);
  expect(loaded).toBe("");
});

test("components load nothing of what validates and plans", async () => {
  const loaded = await answer(`
    require("./components/mesh");
    require("./components/vllmDeployment");
    const packages = ["/zod/", "/yaml/", "/ip-num/"];
    console.log(packages.filter((name) => Object.keys(require.cache).some((path) => path.includes(name))).join(" "));
  `);
  expect(loaded).toBe("");
});

test("a copy of the project in another folder strips no file anew, and its stacks have its own files and lines", async () => {
  const root = mkdtempSync(join(tmpdir(), "spark-mesh-loader-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const program = [
    "interface Wish {",
    "  readonly what: string;",
    "}",
    "export function fail({ what }: Wish): never {",
    "  throw new Error(what satisfies string);",
    "}",
    "fail({",
    '  what: "broken",',
    "});",
  ];
  const modules = join(root, "node_modules");
  mkdirSync(modules);
  for (const name of ["sucrase", "pirates"]) symlinkSync(join(checkout, "node_modules", name), join(modules, name));
  const cached = () => readdirSync(join(modules, ".cache/spark-mesh")).filter((name) => name.endsWith(".js"));
  const frames = async (folder: string) => {
    mkdirSync(join(root, folder));
    symlinkSync(modules, join(root, folder, "node_modules"));
    cpSync(join(checkout, "loader.cjs"), join(root, folder, "loader.cjs"));
    writeFileSync(join(root, folder, "program.ts"), program.join("\n"));
    const { stderr } = await run([
      process.execPath,
      "--require",
      join(root, folder, "loader.cjs"),
      join(root, folder, "program.ts"),
    ]);
    return [...stderr.matchAll(/^ {4}at .*?([^/( ]+\/[^/]+\.ts):(\d+):\d+\)?$/gm)].map(
      ([, file, line]) => `${file}:${line}`,
    );
  };
  expect(await frames("one")).toEqual(["one/program.ts:5", "one/program.ts:7"]);
  const [stripped, ...others] = cached();
  expect(others).toEqual([]);
  const written = statSync(join(modules, ".cache/spark-mesh", `${stripped}`)).mtimeMs;
  expect(await frames("two")).toEqual(["two/program.ts:5", "two/program.ts:7"]);
  expect(cached()).toEqual([stripped]);
  expect(statSync(join(modules, ".cache/spark-mesh", `${stripped}`)).mtimeMs).toBe(written);
});
