import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { scriptTexts } from "../../components/scriptTexts";

/** Runs a command with the functions of image and model; its input is a document. */
function bash(command: string, document = "") {
  const text = scriptTexts().fetchProgram.replace(/main "\$@"\n$/, `${command}; exit\n`);
  const { status, stdout, stderr } = spawnSync("bash", ["-s"], { input: `${text}${document}`, encoding: "utf8" });
  return { status, stdout, stderr };
}

const document = (line: string) =>
  ["spark-mesh 1", "host spark-1", "stack organization/spark-mesh/home", "operator me@laptop", line, ""].join("\n");

test.each([
  "image ghcr.io/spark-arena/dgx-vllm:latest",
  `image localhost:5000/a/b@sha256:${"0".repeat(64)}`,
  "nccl 2.30.7",
  "model Qwen/Qwen3.5-397B-A17B",
  "model /srv/models/own_1.2@x",
  "revision refs/pr/7",
  "target spark-2",
  "token aGZfeA==",
  `build ${"0".repeat(40)}`,
  "argument LS10ZjU=",
  "source H4sIAAAA",
])("a document says: %s", (line) => {
  expect(bash("read_document; printf read", document(line))).toEqual({ status: 0, stdout: "read", stderr: "" });
});

test.each([
  "image -v",
  "image $(id)",
  "image a b",
  "nccl 2.30",
  "nccl 2.30.7;id",
  "model ../../etc",
  "model a/b/c",
  "model /srv/$HOME",
  "model /srv/a b",
  "model ~/model",
  "revision a/../../b",
  "revision -x",
  "target -oProxyCommand=id",
  "target spark-2;id",
  "token a b",
  "build main",
  "argument --tf5",
  "source",
  "shell id",
])("a document doesn't say: %s", (line) => {
  expect(bash("read_document; printf read", document(line))).toEqual({
    status: 3,
    stdout: "",
    stderr: `spark-1: the document has a line that this script can't read: ${line.split(" ")[0]}\n`,
  });
});

const digest = "0123456789abcdef".repeat(4);
test.each([
  ["vllm", "vllm"],
  ["localhost:5000/a/b:c", "localhost:5000/a/b:c"],
  [`a/b@sha256:${digest}`, `a/b:sha256-${digest}`],
  [`localhost:5000/a/b@sha256:${digest}`, `localhost:5000/a/b:sha256-${digest}`],
  [`localhost:5000/a/b:c@sha256:${digest}`, `localhost:5000/a/b:sha256-${digest}`],
])("%s is known on all hosts as %s", (reference, known) => {
  expect(bash(`local_name ${reference}`).stdout).toBe(known);
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1536, "1.5 KiB"],
  [838_860_800, "800 MiB"],
  [1_288_490_189, "1.2 GiB"],
  [439_804_651_110, "409 GiB"],
  [5_497_558_138_880_000, "5000 TiB"],
])("%d bytes are %s", (bytes, shown) => {
  expect(bash(`show_bytes ${bytes}`).stdout).toBe(shown);
});

test.each([
  ["2.30.7", 23_007],
  ["2.9.0", 20_900],
])("NCCL %s is number %d", (version, number) => {
  expect(bash(`nccl_number ${version}; printf ' '; nccl_version ${number}`).stdout).toBe(`${number} ${version}`);
});

test("a builder's words become a label, whatever is in them", () => {
  const words = ["--tf5", 'a "b" $(id) \\ &', "ä"];
  const lines = [`build ${"c".repeat(40)}`, ...words.map((word) => `argument ${Buffer.from(word).toString("base64")}`)];
  const { stdout, stderr } = bash('read_document; name_build; printf "%s" "$build"', document(lines.join("\n")));
  expect([JSON.parse(stdout), stderr]).toEqual([{ commit: "c".repeat(40), arguments: words }, ""]);
  expect(bash('read_document; name_build; printf "%s" "$build"', document("image a")).stdout).toBe("");
});

test("a builder's last words lead to what helps", () => {
  const remedy = (words: string) => bash(`build_remedy '${words}'`).stdout;
  expect(remedy("write /x: no space left on device")).toMatch(/^free some space/);
  expect(remedy("Unknown parameter passed: --tf6")).toMatch(/^correct the recipe.s build_args/);
  expect(remedy("ERROR: BuildKit is enabled but the buildx component is missing or broken.")).toMatch(/^install /);
  expect(remedy("curl: (6) Could not resolve host: github.com")).toMatch(/^check the way from /);
  expect(remedy("ninja: build stopped")).toMatch(/^its last lines stand above/);
});

test("a registry's words lead to what helps", () => {
  const remedy = (words: string) => bash(`pull_remedy '${words}'`).stdout;
  expect(remedy("pull access denied for x, repository does not exist")).toMatch(
    /^check the name, or log in to its registry/,
  );
  expect(remedy("manifest for x:1 not found: manifest unknown")).toBe("correct the image that the recipe names");
  expect(remedy("toomanyrequests: You have reached your pull rate limit")).toMatch(/^wait, or log in/);
  expect(remedy("write /var/lib/docker/tmp/x: no space left on device")).toMatch(/^free some space/);
  expect(remedy("dial tcp: i/o timeout")).toMatch(/^check the way from /);
});

test.each([
  ["/home/nvidia", "spark-2", "/home/nvidia/.cache/spark-mesh-fetch/%n.ssh"],
  ["/home/nvidia", "s".repeat(50), "none"],
  ["/home/a b", "spark-2", "none"],
  ["/home/100%", "spark-2", "none"],
])("a home %s and a target %s share a connection at %s", (home, target, path) => {
  const work = `${home}/.cache/spark-mesh-fetch`;
  const { stdout } = bash(`work='${work}'; targets=(${target}); share_connections; printf '%s' "\${ssh_options[*]}"`);
  expect(stdout).toContain(` -o ControlPath=${path}`);
});
