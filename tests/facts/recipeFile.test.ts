import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readIncluded } from "../../facts/recipeFile";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "spark-mesh-include-"));
  mkdirSync(join(folder, "r"));
  writeFileSync(join(folder, "elsewhere.yaml"), "secret: 1\n");
  writeFileSync(join(folder, "r", "a.yaml"), "model: a/a\n");
  writeFileSync(join(folder, "r", "b.yml"), "model: b/b\n");
  symlinkSync("a.yaml", join(folder, "r", "link.yaml"));
  symlinkSync("../elsewhere.yaml", join(folder, "r", "out.yaml"));
});

afterAll(() => rmSync(folder, { recursive: true }));

describe("the file that a recipe is built on", () => {
  const read = (name: string) => readIncluded(join(folder, "r"), "r/outer.yaml", name);

  it("lies beside it, with or without its ending", () => {
    expect(read("a")).toEqual({ file: "r/a.yaml", text: "model: a/a\n" });
    expect(read("a.yaml")).toEqual(read("a"));
    expect(read("b")).toEqual({ file: "r/b.yml", text: "model: b/b\n" });
    expect(read("link").text).toBe("model: a/a\n");
  });

  it("is nothing else of this machine", () => {
    expect(() => read("none")).toThrow("none: no such recipe beside r/outer.yaml");
    expect(() => read("out")).toThrow("out: is a link to another folder");
  });
});
