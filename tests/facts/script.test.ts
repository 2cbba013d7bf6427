import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { MarkedAnswers, markLine } from "../../facts/marked";
import { dockerScript, factsScript } from "../../facts/script";

const folder = mkdtempSync(join(tmpdir(), "facts-script-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a command after the script, as it runs on a host: by a shell that reads it all from standard input. */
function bash(command: string, ...args: string[]): string {
  return execFileSync("bash", ["-s", ...args], {
    input: `${markLine("facts")}${factsScript}\n${command}\n`,
    encoding: "utf8",
  });
}
/** The answers in what it prints. */
const answersIn = (text: string) =>
  new MarkedAnswers("facts").take(Buffer.from(text)).map((answer) => JSON.parse(answer));
const lastLine = (text: string): unknown => JSON.parse(text.trim().split("\n").at(-1) ?? "");

it("quotes every byte of a text", () => {
  const all = Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1))
    .filter((char) => char < "\u0080")
    .join("");
  for (const text of [all, "", '\\"\\\\""', "$(x) `y` & %s %n \\x01", "é\u202e\u{1f980}"]) {
    expect(lastLine(bash('json_string "$1"; printf "%s\\n" "$REPLY"', text))).toBe(text);
  }
});

it("tells an absent file from one that can't be read", () => {
  const file = join(folder, "record.json");
  writeFileSync(file, '{"a":"\u0001"}\n');
  const json = (path: string) => lastLine(bash('json_file "$1"; printf "%s\\n" "$REPLY"', path));
  expect(json(file)).toBe('{"a":"\u0001"}\n');
  expect(json(join(folder, "none"))).toBeNull();
  expect(json(folder)).toBe(false);
});

it("reads no more than the beginning of a file that isn't ours", () => {
  const json = (path: string) => lastLine(bash('json_head "$1"; printf "%s\\n" "$REPLY"', path));
  const file = join(folder, "cx7-hotplug-enabled");
  expect(json(file)).toBeNull();
  writeFileSync(file, "");
  expect(json(file)).toBe("");
  writeFileSync(file, "1\n");
  expect(json(file)).toBe("1\n");
  writeFileSync(file, "x".repeat(1 << 20));
  expect(json(file)).toBe("x".repeat(64));
  expect(json(folder)).toBe("");
});

it("finds our block wherever it stands, and says where it can't be told what is ours", () => {
  const file = join(folder, "config");
  const block = "# BEGIN spark-mesh: words of any release\nHost a\n\n# END spark-mesh\n";
  const json = (text: string) => {
    writeFileSync(file, text);
    return lastLine(bash('json_block "$1"; printf "%s\\n" "$REPLY"', file));
  };
  expect(lastLine(bash('json_block "$1"; printf "%s\\n" "$REPLY"', join(folder, "none")))).toBeNull();
  for (const text of [
    "",
    "Host a\n",
    "# BEGIN spark-mesh-other:\n",
    " # BEGIN spark-mesh: x\n",
    "# END spark-mesh.\n",
  ]) {
    expect(json(text)).toBeNull();
  }
  for (const text of [block, `above\n${block}below`, block.trimEnd()]) expect(json(text)).toBe(block);
  const [begin, end] = ["# BEGIN spark-mesh: x\n", "# END spark-mesh\n"];
  for (const text of [begin, end, end + begin, begin + begin + end, block + block, block + end, block + begin]) {
    expect(json(text)).toBe(false);
  }
});

it("gives one answer a pass, takes hostile data for data, and changes nothing", () => {
  const canary = join(folder, "canary");
  const lines = bash(
    [
      "first_pass",
      "192.0.2.1",
      "end",
      "second_pass",
      `ping lo $(touch ${canary})`,
      "ping lo 127.0.0.1",
      "; exit 1",
      "end",
    ].join("\n"),
  );
  const [first, second, ...rest] = answersIn(lines);
  expect(rest).toEqual([]);
  expect(first).toMatchObject({ sparkMeshFacts: 1, record: null, ip: expect.any(Array) });
  expect(first).toHaveProperty("hotplug");
  expect(first).toHaveProperty("trust");
  expect(second).toMatchObject({
    sparkMeshFacts: 1,
    sudo: "notAsked",
    files: null,
    answered: [{ netdev: "lo", address: "127.0.0.1" }],
    looked: [],
  });
  expect(existsSync(canary)).toBe(false);
});

it("asks Docker in the background, in one line, and takes hostile data for data", () => {
  const canary = join(folder, "docker-canary");
  const models = join(folder, "model");
  mkdirSync(models);
  writeFileSync(join(models, "one"), "12345");
  writeFileSync(join(models, "two"), "x".repeat(1 << 20));
  const code = `$(touch\${IFS}${canary})`;
  const lines = bash(
    [
      dockerScript(),
      "docker_begin",
      `image ${code}`,
      "image --format={{.}}",
      `model - ${models}`,
      `model ${code} ${code}/x`,
      "model ../../.. a/b",
      `port ${code}`,
      "port 1",
      `endpoint ${code} 127.0.0.1 1`,
      `; touch ${canary}`,
      "end",
      "first_pass",
      "end",
      "docker_pass",
    ].join("\n"),
  );
  const [, docker, ...rest] = answersIn(lines);
  expect(rest).toEqual([]);
  expect(docker).toMatchObject({
    sparkMeshFacts: 1,
    docker: expect.stringMatching(/^(ok|missing|denied|down)$/),
    home: expect.stringMatching(/^\//),
    homeFree: expect.any(Number),
    memory: expect.any(Number),
    images: [],
    models: [
      { id: models, revision: "-", record: null, files: 2, bytes: 5 + (1 << 20) },
      { id: `${code}/x`, revision: code, record: null, files: 0, bytes: 0 },
      { id: "a/b", revision: "../../..", record: null, files: 0, bytes: 0 },
    ],
    ports: [{ port: 1, listening: false }],
    endpoints: [],
    watch: "missing",
  });
  expect(existsSync(canary)).toBe(false);
});

describe("a home that a container writes to", () => {
  const home = join(folder, "home");
  const model = join(home, ".cache/huggingface/hub/models--org--m");
  const commit = "a".repeat(40);
  const snapshot = join(model, "snapshots", commit);
  const blob = (name: string, text: string) => writeFileSync(join(model, "blobs", name), text);
  const secret = join(folder, "secret");
  const record = (files: number, bytes: number) =>
    `{\n  "version": 1,\n  "commit": "${commit}",\n  "files": ${files},\n  "bytes": ${bytes}\n}\n`;
  const recordFile = join(model, ".spark-mesh-main.json");

  beforeEach(() => {
    rmSync(home, { recursive: true, force: true });
    for (const path of [join(model, "blobs"), join(model, "refs"), join(snapshot, "sub")])
      mkdirSync(path, { recursive: true });
    writeFileSync(join(model, "refs/main"), commit);
    blob("b".repeat(64), "12345");
    blob("c".repeat(40), "123");
    symlinkSync(`../../blobs/${"b".repeat(64)}`, join(snapshot, "model.safetensors"));
    symlinkSync(`../../../blobs/${"c".repeat(40)}`, join(snapshot, "sub/config.json"));
    writeFileSync(join(snapshot, "plain.txt"), "12");
    writeFileSync(secret, "SECRET-KEY\n".repeat(100));
  });

  /** What is told of the model. */
  function told(): Record<string, unknown> {
    const lines = ["docker_models=('main org/m')", `HOME=${home}`, "docker_models_there"];
    const said = execFileSync("bash", ["-s"], {
      input: `${markLine("facts")}${factsScript}${dockerScript()}\n${lines.join("\n")}\n`,
      encoding: "utf8",
    });
    expect(said).not.toContain("SECRET");
    return JSON.parse(said);
  }

  it("is told with the files that are its own, and links to its own blobs", () => {
    writeFileSync(recordFile, record(3, 10));
    expect(told()).toEqual({
      id: "org/m",
      revision: "main",
      record: record(3, 10).trimEnd(),
      leaves: "",
      files: 3,
      bytes: 10,
    });
  });

  it("is told without what other links in it lead to", () => {
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere, { recursive: true });
    for (const name of ["1", "2", "3"]) writeFileSync(join(elsewhere, name), "x".repeat(1000));
    symlinkSync(elsewhere, join(snapshot, "folder"));
    symlinkSync(secret, join(snapshot, "absolute"));
    symlinkSync("../../../../../../../secret", join(snapshot, "relative"));
    symlinkSync(`../../../blobs/${"b".repeat(64)}`, join(snapshot, "wrong-depth"));
    symlinkSync(secret, join(model, "blobs", "d".repeat(64)));
    symlinkSync(`../../blobs/${"d".repeat(64)}`, join(snapshot, "through-a-blob"));
    symlinkSync("loop", join(snapshot, "loop"));
    expect(told()).toMatchObject({ files: 3, bytes: 10, leaves: `hub/models--org--m/snapshots/${commit}/` });
  });

  it.each([
    ["", "../../blobs/none"],
    ["", "../../../../else"],
    ["leaves", "../../../../../else"],
    ["leaves", "/root/.cache/huggingface/hub/else"],
  ])("has a link that a container can't follow where it %s: to %s", (leaves, target) => {
    symlinkSync(target, join(snapshot, "one"));
    expect(told().leaves).toBe(leaves && `hub/models--org--m/snapshots/${commit}/`);
  });

  it.each([
    ["record", () => symlinkSync(secret, recordFile)],
    ["record's pipe", () => execFileSync("mkfifo", [recordFile])],
    ["record of any length", () => execFileSync("truncate", ["-s", "3G", recordFile])],
  ])("is told without a %s that isn't ours", (_, make) => {
    make();
    expect(told()).toMatchObject({ record: null, files: 3, bytes: 10 });
  });

  it.each([
    ["ref", join(model, "refs/main")],
    ["snapshots", join(model, "snapshots")],
    ["model", model],
  ])("is told as absent where its %s is a link", (_, path) => {
    const moved = join(folder, "moved");
    rmSync(moved, { recursive: true, force: true });
    renameSync(path, moved);
    symlinkSync(moved, path);
    const leaves = path.slice(join(home, ".cache/huggingface/").length);
    expect(told()).toMatchObject({ record: null, files: 0, bytes: 0, leaves });
  });

  it("may have its whole cache elsewhere by its owner's own link", () => {
    renameSync(join(home, ".cache"), join(folder, "disk"));
    symlinkSync(join(folder, "disk"), join(home, ".cache"));
    expect(told()).toMatchObject({ files: 3, bytes: 10, leaves: "" });
    rmSync(join(folder, "disk"), { recursive: true });
  });
});

it("reads no file of any length, and no link in place of ours", () => {
  const long = join(folder, "long");
  const link = join(folder, "link");
  execFileSync("truncate", ["-s", "3G", long]);
  writeFileSync(join(folder, "short"), "text");
  symlinkSync(join(folder, "short"), link);
  const json = (call: string) => lastLine(bash(`ulimit -v 200000; ${call}; printf "%s\\n" "$REPLY"`));
  expect(json(`json_file '${link}'`)).toBe(false);
  writeFileSync(long, "x".repeat(5 << 20));
  expect(json(`json_file '${long}'`)).toBe(false);
  expect(json(`json_block '${long}'`)).toBe(false);
});

it("looks for an address whoever answers", () => {
  const passes = bash(
    ["second_pass", "look lo 192.0.2.1", "end"]
      .concat(["second_pass", "ping lo 127.0.0.1", "look lo 127.0.0.2", "end"])
      .join("\n"),
  );
  const [alone, beside] = answersIn(passes);
  expect(alone).toMatchObject({ answered: [], looked: [{ netdev: "lo", address: "192.0.2.1" }] });
  expect(beside).toMatchObject({
    answered: [{ netdev: "lo", address: "127.0.0.1" }],
    looked: [{ netdev: "lo", address: "127.0.0.2" }],
  });
});

it("looks for others only where nobody answers", () => {
  const look = ["else lo 127.0.0.2", "else lo 127.0.0.3"];
  const said = bash(
    ["second_pass", "ping lo 192.0.2.1", "ping lo 127.0.0.1", ...look, "end"]
      .concat(["second_pass", "ping lo 192.0.2.1", ...look, "else other 127.0.0.4", "end"])
      .join("\n"),
  );
  const [answered, silent] = answersIn(said);
  expect(answered).toMatchObject({ answered: [{ netdev: "lo", address: "127.0.0.1" }], looked: [] });
  expect(silent).toMatchObject({
    answered: [],
    looked: [
      { netdev: "lo", address: "127.0.0.2" },
      { netdev: "lo", address: "127.0.0.3" },
      { netdev: "other", address: "127.0.0.4" },
    ],
  });
});

it("answers in lines that are one write each, whatever is in them", () => {
  const text = `${"x".repeat(2999)}\u{1f980}${"y".repeat(9000)}`;
  const said = bash('say_answer "$1"; say_answer short', text);
  const lines = said.split("\n").filter((line) => line !== "");
  expect(lines.map((line) => line.slice(0, 6))).toEqual(["facts+", "facts+", "facts+", "facts+", "facts.", "facts."]);
  expect(Math.max(...lines.map((line) => Buffer.from(line, "utf8").length))).toBeLessThan(4096);
  expect(
    new MarkedAnswers("facts").take(
      execFileSync("bash", ["-s"], {
        input: `${markLine("facts")}${factsScript}\nsay_answer '${text}'; say_answer short\n`,
      }),
    ),
  ).toEqual([text, "short"]);
});
