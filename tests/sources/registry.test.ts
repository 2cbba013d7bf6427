import { afterAll, beforeAll, expect, it } from "vitest";
import { openRecipe } from "../../sources/recipeFile";
import { lineToDeclare, openRegistry, recipesIn, registryProblems } from "../../sources/registry";
import { LocalRepository } from "./localRepository";

let repository: LocalRepository;
let source: string;

/** As sparkrun's own registries are laid out. */
const MANIFEST = `registries:
  - { name: official, recipes: official-recipes, mods: official-mods, tuning: tuning }
  - { name: experimental, recipes: experimental-recipes, mods: experimental-mods, visible: false }
`;

beforeAll(() => {
  repository = new LocalRepository({
    ".sparkrun/registry.yaml": MANIFEST,
    "official-recipes/README.md": "",
    "official-recipes/qwen3.6/vllm/qwen3.6-27b.yaml": "model: Qwen/Qwen3.6-27B-FP8\n",
    "official-recipes/qwen3.6/sglang/qwen3.6-27b.yaml": "model: Qwen/Qwen3.6-27B-FP8\n",
    "official-recipes/minimax.yml": "model: a/minimax\n",
    "official-mods/fix/run.sh": "true\n",
    "experimental-recipes/minimax.yaml": "model: a/other\n",
  });
  source = `${repository.url}#${repository.commit()}`;
});

afterAll(() => repository.remove());

it("has recipes in its folder and below, by name", () => {
  const registries = { official: `${source}:official-recipes/`, x: `${source}:experimental-recipes` };
  expect(recipesIn(openRegistry("official", registries))).toEqual([
    "minimax.yml",
    "qwen3.6/sglang/qwen3.6-27b.yaml",
    "qwen3.6/vllm/qwen3.6-27b.yaml",
  ]);
  expect(openRecipe("@official/minimax", registries)).toMatchObject({ file: "@official/minimax.yml" });
  expect(openRecipe("@x/minimax", registries).text).toBe("model: a/other\n");
  expect(openRecipe("@official/vllm/qwen3.6-27b", registries).file).toBe("@official/qwen3.6/vllm/qwen3.6-27b.yaml");
  expect(() => openRecipe("@official/qwen3.6-27b", registries)).toThrow(
    "found 2 recipes, qwen3.6/sglang/qwen3.6-27b.yaml and qwen3.6/vllm/qwen3.6-27b.yaml; name one with its folder",
  );
  expect(() => openRecipe("@official/minimaks", registries)).toThrow("(did you mean @official/minimax?)");
  expect(() => openRecipe("@official", registries)).toThrow("allowed: @registry/name");
});

it("goes by the manifest of its repository for what isn't said", () => {
  const { folder } = openRegistry("official", { official: source }).checkout;
  const places = (name: string, folderOf = "") => {
    const { recipes, mods } = openRegistry(name, { [name]: `${source}${folderOf}` });
    return [recipes, mods].map((path) => path.slice(folder.length + 1));
  };
  expect(places("official")).toEqual(["official-recipes", "official-mods"]);
  expect(places("mine", ":experimental-recipes")).toEqual(["experimental-recipes", "experimental-mods"]);
  expect(places("mine")).toEqual(["", "mods"]);
  expect(() => openRegistry("a", { a: `${source}:none` })).toThrow("registries.a: found no folder none in file:");
});

it("is no registry without a commit, and shows the line to write", () => {
  const [, commit] = source.split("#");
  expect(registryProblems({ e: `${repository.url}:official-recipes` })).toEqual([
    `registries.e: ${repository.url}: found no commit; what a branch has changes, so pin it: e: ${source}:official-recipes`,
  ]);
  expect(registryProblems({ a: source, b: `${repository.url}#master`, c: "recipes", d: repository.url })).toEqual([
    expect.stringMatching(/^registries\.b: file:.*: found "master", which is no commit; .* pin it: b: file:.*#/),
    'registries.c: found "recipes"; allowed: URL#COMMIT[:FOLDER]',
    `registries.d: ${repository.url}: found no commit; what a branch has changes, so pin it: d: ${repository.url}#${commit}`,
  ]);
});

it("says how to declare one that isn't", () => {
  expect(() => openRecipe("@offical/x", { official: source })).toThrow(
    "@offical: no such registry (did you mean @official?); declared: official; write under spark-mesh:registries: offical: URL#COMMIT:FOLDER",
  );
  // Whether this machine reaches GitHub or not.
  expect(lineToDeclare("eugr")).toMatch(
    /^eugr: https:\/\/github\.com\/eugr\/spark-vllm-docker#(COMMIT:recipes with all 40 digits|[0-9a-f]{40}:recipes)$/,
  );
  expect(lineToDeclare("mine")).toBeUndefined();
});
