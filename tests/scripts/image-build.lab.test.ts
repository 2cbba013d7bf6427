import { afterAll, beforeAll, expect, test } from "vitest";
import { standInReference } from "../../lab/hosts/image";
import type { Lab } from "../../lab/hosts/lab";
import { packed } from "../../sources/repository";
import { inside } from "../inside";
import { BuilderRepository } from "./builder";
import { fetchTo, killUser, startFetch, upTrusted, whenOn } from "./fetch";

const IMAGE = "lab/vllm-node";
/** What the sessions of an operation cost that sends no image. */
const NOTHING = 100_000;

let lab: Lab;
let repository: BuilderRepository;

/** Commits the stand-in of the builder with this version, and returns the lines of a document that has it built. */
function committed(version: string) {
  const commit = repository.commit(version);
  const source = `source ${packed({ commit, folder: repository.folder })}`;
  const wanted = (...words: readonly string[]) => [
    `image ${IMAGE}`,
    `build ${commit}`,
    ...words.map((word) => `argument ${Buffer.from(word).toString("base64")}`),
  ];
  return { commit, wanted, lines: (...words: readonly string[]) => [...wanted(...words), source] };
}

beforeAll(async () => {
  repository = new BuilderRepository();
  lab = await upTrusted("test-build");
  await lab.loadImage(["spark-1"]);
});

afterAll(async () => {
  await lab?.down();
  repository.remove();
});

const inspect = (host: string, format: string) =>
  inside(lab, host, `docker image inspect --format '${format}' ${IMAGE}`);
const idOn = (host: string) => inspect(host, "{{.Id}}");
const labelOn = async (host: string) => JSON.parse(await inspect(host, '{{index .Config.Labels "spark-mesh.build"}}'));
const inContainer = (host: string, command: string) =>
  inside(lab, host, `docker run --rm --network none ${IMAGE} ${command}`);
/** Has the second host get it too, and returns what the operation printed. */
async function built(lines: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await startFetch(lab, "image", lines, ["spark-2"]);
  expect(code, stderr).toBe(0);
  return stdout;
}
/** What an operation leaves on a host besides images. */
const leftOn = (host: string) =>
  inside(lab, host, "ls -A /home/nvidia/.cache 2>/dev/null; docker ps --all --quiet; true");
/** What a build runs on a host. */
const workOn = (host: string) => inside(lab, host, "pgrep -af 'build-and-copy[.]sh|docker[ ]build|[s]leep 600'; true");

test("what nobody has is built as the recipe's words say, named, labelled, and copied with the same id", async () => {
  const { commit, lines } = committed("one");
  expect(await built(lines("--tf5", "--vllm-ref", "v1"))).toBe(`${await idOn("spark-1")}\n`);
  expect(await idOn("spark-2")).toBe(await idOn("spark-1"));
  const label = { commit, arguments: ["--tf5", "--vllm-ref", "v1"] };
  expect([await labelOn("spark-1"), await labelOn("spark-2")]).toEqual([label, label]);
  expect(await inContainer("spark-2", "bash -c 'cat /version; echo $TF5 $VLLM_REF'")).toBe("one\nyes v1");
  expect(await leftOn("spark-1")).toBe("");
});

test("the same again builds nothing, sends nothing, and needs nothing to build from", async () => {
  const { wanted } = committed("one again");
  const before = await labelOn("spark-1");
  const same = wanted("--tf5", "--vllm-ref", "v1").with(1, `build ${before.commit}`);
  const again = await fetchTo(lab, "image", same, ["spark-2"]);
  expect(again).toMatchObject({ code: 0, stdout: `${await idOn("spark-1")}\n`, stderr: "" });
  expect(again.sent).toBeLessThan(NOTHING);
});

test("another head gets it from who has it, and builds nothing", async () => {
  const { wanted } = committed("another head");
  const label = await labelOn("spark-2");
  const id = await idOn("spark-1");
  await inside(lab, "spark-1", `docker rmi --force ${IMAGE}`);
  const same = wanted("--tf5", "--vllm-ref", "v1").with(1, `build ${label.commit}`);
  expect(await fetchTo(lab, "image", same, ["spark-2"])).toMatchObject({ code: 0, stdout: `${id}\n` });
  expect(await labelOn("spark-1")).toEqual(label);
});

test("another commit, and then other words, make it another image everywhere", async () => {
  const before = await idOn("spark-1");
  const { commit, lines, wanted } = committed("two");
  const nothing = await startFetch(lab, "image", wanted("--tf5"), ["spark-2"]);
  expect(nothing.message).toMatch(/found none that was built from .*, and not what builds it; run the command again$/);
  await built(lines("--tf5"));
  const second = await idOn("spark-1");
  expect(second).not.toBe(before);
  expect(await inContainer("spark-2", "cat /version")).toBe("two");
  await built(lines());
  expect(await labelOn("spark-2")).toEqual({ commit, arguments: [] });
  expect(await idOn("spark-2")).toBe(await idOn("spark-1"));
  expect(await idOn("spark-1")).not.toBe(second);
});

test("an image that somebody made by hand under that name is not taken for it", async () => {
  const { lines } = committed("three");
  await inside(lab, "spark-1", `docker tag ${standInReference} ${IMAGE}`);
  await built(lines());
  expect(await inContainer("spark-1", "cat /version")).toBe("three");
  expect(await inside(lab, "spark-1", `docker image inspect --format '{{.Id}}' ${standInReference}`)).not.toBe(
    await idOn("spark-1"),
  );
});

test("words of a recipe are data, whatever is in them", async () => {
  const ref = '$(touch /tmp/pwned) `id` "a\'b" \\ ; & <x>  y é';
  const { commit, lines, wanted } = committed("four");
  const words = ["--vllm-ref", ref];
  await built(lines(...words));
  expect(await labelOn("spark-2")).toEqual({ commit, arguments: words });
  expect(await inContainer("spark-1", 'bash -c "echo \\"\\$VLLM_REF\\""')).toBe(ref);
  expect(await inside(lab, "spark-1", "ls /tmp/pwned 2>/dev/null; true")).toBe("");
  expect(await fetchTo(lab, "image", wanted(...words), ["spark-2"])).toMatchObject({ code: 0, stderr: "" });
});

test.each([
  [
    "fails",
    ["--broken"],
    /^spark-1: image lab\/vllm-node: build-and-copy\.sh: found it ended with status 7 \(give it another --vllm-ref\), wanted an image; its last lines stand above/,
  ],
  [
    "doesn't know a word",
    ["--tf6"],
    /found it ended with status 1 \(Unknown parameter passed: --tf6\), wanted an image; correct the recipe's build_args, or build a commit that knows them$/,
  ],
  ["makes another image", ["--elsewhere"], /found no image of that name after it, wanted one; see that it heeds -t/],
])("a builder that %s is a fault with its last lines, and the image stays as it was", async (_, words, said) => {
  const before = await idOn("spark-1");
  const { code, stdout, stderr, message } = await startFetch(lab, "image", committed("five").lines(...words), []);
  expect({ code: code !== 0, stdout }).toEqual({ code: true, stdout: "" });
  expect(message).toMatch(said);
  if (words[0] === "--broken") expect(stderr).toMatch(/^spark-1: build-and-copy\.sh: ERROR: no wheels of vLLM$/m);
  expect(await idOn("spark-1")).toBe(before);
});

test.each([
  ["by the end of all that runs on the head", () => killUser(lab, "spark-1")],
  ["by the end of the operation alone", () => inside(lab, "spark-1", "pkill -KILL -o -u nvidia -fx 'bash -s image'")],
  ["by the end of the connection", () => inside(lab, "spark-1", "pkill -u nvidia -f 'sshd.*nvidia'")],
])("cut short %s, nothing runs on, and the next run builds it", async (_, interrupt) => {
  const { lines } = committed(`six ${_}`);
  const before = await idOn("spark-1");
  const cut = startFetch(lab, "image", lines("--slow"), ["spark-2"]);
  await whenOn(lab, "spark-1", "pgrep -f '[s]leep 600'");
  await interrupt();
  expect(await cut).toMatchObject({ stdout: "" });
  await whenOn(lab, "spark-1", "! pgrep -f 'build-and-copy[.]sh|docker[ ]build|[s]leep 600'");
  expect(await workOn("spark-1")).toBe("");
  expect(await idOn("spark-1")).toBe(before);
  await built(lines());
  expect([await inContainer("spark-2", "cat /version"), await leftOn("spark-1")]).toEqual([`six ${_}`, ""]);
});

test("a build says every few seconds how far it is", async () => {
  const slow = startFetch(lab, "image", committed("seven").lines("--slow"), ["spark-2"]);
  await whenOn(lab, "spark-1", "pgrep -f '[s]leep 600'");
  await new Promise((resolve) => setTimeout(resolve, 7000));
  await killUser(lab, "spark-1");
  expect((await slow).stderr).toMatch(/^spark-1: image lab\/vllm-node: build-and-copy\.sh: .*\w.*$/m);
});
