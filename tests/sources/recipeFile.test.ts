import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRecipe } from "../../sources/recipeFile";
import { LocalRepository } from "./localRepository";

describe("the file that a recipe is built on", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "spark-mesh-include-"));
    mkdirSync(join(folder, "r"));
    writeFileSync(join(folder, "elsewhere.yaml"), "secret: 1\n");
    writeFileSync(join(folder, "r", "outer.yaml"), "include: a\n");
    writeFileSync(join(folder, "r", "a.yaml"), "model: a/a\n");
    writeFileSync(join(folder, "r", "b.yml"), "model: b/b\n");
    symlinkSync("a.yaml", join(folder, "r", "link.yaml"));
    symlinkSync("../elsewhere.yaml", join(folder, "r", "out.yaml"));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  const read = (name: string) => {
    const outer = join(folder, "r/outer.yaml");
    return openRecipe(outer, {}).readBase(outer, name);
  };

  it("lies beside it, with or without its ending", () => {
    expect(read("a")).toEqual({ file: join(folder, "r/a.yaml"), text: "model: a/a\n", folder: join(folder, "r") });
    expect(read("a.yaml")).toEqual(read("a"));
    expect(read("b")).toMatchObject({ file: join(folder, "r/b.yml"), text: "model: b/b\n" });
    expect(read("link").text).toBe("model: a/a\n");
  });

  it("is nothing else of this machine", () => {
    expect(() => read("none")).toThrow(`none: no such recipe beside ${folder}/r/outer.yaml`);
    expect(() => read("out")).toThrow("out: is a link to another folder");
  });
});

describe("a recipe of a repository", () => {
  let repository: LocalRepository;
  let commit: string;

  beforeAll(() => {
    repository = new LocalRepository({
      "recipes/big/a.yaml": "include: base\n",
      "recipes/big/base.yaml": "model: a/a\n",
      "recipes/readme.md": "",
      "other/base.yaml": "model: b/b\n",
    });
    symlinkSync("/etc/hostname", join(repository.folder, "recipes/out.yaml"));
    commit = repository.commit();
  });

  afterAll(() => repository.remove());

  it("is fetched at its commit, and what it includes lies beside it", () => {
    const opened = openRecipe(`${repository.url}#${commit}:recipes/big/a.yaml`, {});
    const file = `repository@${commit.slice(0, 12)}/recipes/big/a.yaml`;
    expect(opened).toMatchObject({ file, text: "include: base\n", checkout: { commit } });
    const base = opened.readBase(opened.file, "base");
    expect(base).toMatchObject({ file: file.replace("a.yaml", "base.yaml"), text: "model: a/a\n" });
    expect(opened.files.map((one) => one.file)).toEqual([file, base.file]);
    expect(openRecipe(`${repository.url}#${commit}:recipes/big/a`, {}).file).toBe(file);
  });

  it.each([
    ["", 'found no recipe ""'],
    [":recipes/none.yaml", 'found no recipe "recipes/none.yaml"'],
    [":recipes/readme.md", 'found no recipe "recipes/readme.md"'],
    [":recipes/../../a.yaml", "allowed: one in the repository, without .."],
    [":.git/config.yaml", "allowed: one in the repository, without .."],
    [":/etc/a.yaml", "allowed: one in the repository, without .."],
    [":recipes/out.yaml", "is a link that leaves its repository"],
  ])("is nothing but a recipe that lies in it: %s", (path, problem) => {
    expect(() => openRecipe(`${repository.url}#${commit}${path}`, {})).toThrow(problem);
  });

  it("is shown with its commit where it isn't pinned", () => {
    expect(() => openRecipe(`${repository.url}#main:recipes/big/a.yaml`, {})).toThrow(
      `pin it: ${repository.url}#COMMIT:recipes/big/a.yaml with all 40 digits`,
    );
    expect(() => openRecipe(`${repository.url}#HEAD:recipes/big/a.yaml`, {})).toThrow(
      `pin it: ${repository.url}#${commit}:recipes/big/a.yaml`,
    );
  });

  it("may include one of a registry, whose own bases lie beside that", () => {
    const registries = { other: `${repository.url}#${commit}:other` };
    const opened = openRecipe(`${repository.url}#${commit}:recipes/big/a.yaml`, registries);
    const base = opened.readBase(opened.file, "@other/base");
    expect(base).toMatchObject({ file: "@other/base.yaml", text: "model: b/b\n" });
    expect(() => opened.readBase(base.file, "a")).toThrow("a: no such recipe beside @other/base.yaml");
  });
});
