import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type ModSources, readMod } from "../../sources/mods";
import { openRecipe } from "../../sources/recipeFile";
import type { Registries } from "../../sources/registry";
import { LocalRepository } from "./localRepository";

const folder = mkdtempSync(join(tmpdir(), "facts-mods-"));
afterAll(() => rmSync(folder, { recursive: true }));

function mod(name: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, "mods", name, path, ".."), { recursive: true });
    writeFileSync(join(folder, "mods", name, path), text);
  }
  return `mods/${name}`;
}
const beside: ModSources = { files: [{ file: "a.yaml", text: "", folder }], registries: {} };
const base64 = (text: string) => Buffer.from(text, "latin1").toString("base64");

it("reads files as data, by path, with whether they can be run", () => {
  const reference = mod("fix-a", { "run.sh": "#!/bin/sh\n", "patches/b.diff": "+b\n", empty: "", ".git/HEAD": "ref" });
  writeFileSync(join(folder, reference, "weights.bin"), Buffer.from([0, 255, 10]));
  chmodSync(join(folder, reference, "run.sh"), 0o755);
  expect(readMod(reference, beside)).toEqual([
    { path: "empty", mode: "644", base64: "" },
    { path: "patches/b.diff", mode: "644", base64: base64("+b\n") },
    { path: "run.sh", mode: "755", base64: base64("#!/bin/sh\n") },
    { path: "weights.bin", mode: "644", base64: base64("\x00\xff\n") },
  ]);
  expect(readMod(`${reference}/`, beside)).toHaveLength(4);
});

it("refuses what can't travel, or isn't there", () => {
  const linked = mod("linked", { "run.sh": "" });
  symlinkSync("/etc/passwd", join(folder, linked, "passwd"));
  const big = mod("big", { "run.sh": "", blob: "x".repeat((4 << 20) + 1) });
  expect(() => readMod(linked, beside)).toThrow(/mods\/linked\/passwd: is no plain file/);
  expect(() => readMod(big, beside)).toThrow("mods/big: has 5 MiB; allowed: 4 MiB");
  expect(() => readMod(mod("still", { readme: "" }), beside)).toThrow("mods/still: has no run.sh");
  expect(() => readMod(mod("odd", { "run.sh": "", "a b": "" }), beside)).toThrow(/mods\/odd\/a b: allowed in its name/);
  expect(() => readMod("mods/none", beside)).toThrow(
    "mods/none: no such folder beside the recipe, and none in recipes/; say where it is under the deployment's mods",
  );
  expect(() => readMod("@eugr/mods/fix-a", beside)).toThrow("@eugr: no such registry; declared: none");
});

describe("of a repository's recipe", () => {
  const own = new LocalRepository({
    "recipes/big/a.yaml": "model: a/a\n",
    "recipes/mods/near/run.sh": "near\n",
    "mods/near/run.sh": "far\n",
    "mods/far/run.sh": "far\n",
  });
  const common = new LocalRepository({ "recipes/b.yaml": "model: b/b\n", "mods/shared/run.sh": "shared\n" });
  symlinkSync(folder, join(own.folder, "mods/out"));
  const source = `${own.url}#${own.commit()}`;
  const registries = { eugr: `${common.url}#${common.commit()}:recipes`, own: `${source}:recipes` };
  afterAll(() => {
    common.remove();
    own.remove();
  });

  const read = (recipe: string, reference: string, declared: Registries = registries) => {
    const [file] = readMod(reference, { files: openRecipe(recipe, declared).files, registries: declared });
    return Buffer.from(file?.base64 ?? "", "base64").toString();
  };

  it.each([
    ["mods/near", "near\n"],
    ["mods/far", "far\n"],
    ["far", "far\n"],
    ["mods/shared", "shared\n"],
    ["@eugr/mods/shared", "shared\n"],
    ["@own/far", "far\n"],
  ])("%s lies in it, the nearest first, else in the registry eugr", (reference, text) => {
    expect(read(`${source}:recipes/big/a.yaml`, reference)).toBe(text);
    expect(read("@own/a", reference)).toBe(text);
  });

  it("lies nowhere else", () => {
    const from = (reference: string, declared?: Registries) => () =>
      read(`${source}:recipes/big/a.yaml`, reference, declared);
    expect(from("mods/out")).toThrow("mods/out: is a link that leaves its repository");
    expect(from("mods/none")).toThrow(
      "mods/none: no such folder in its repository, in recipes/, or in the registry eugr",
    );
    expect(from("@own/mods/shared")).toThrow("no such folder among the mods of the registry own");
    expect(from("mods/shared", {})).toThrow(
      /write under spark-mesh:registries: eugr: https:\/\/github.com\/eugr\/spark-vllm-docker#/,
    );
  });
});
