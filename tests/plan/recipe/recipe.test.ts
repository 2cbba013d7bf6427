import { describe, expect, it } from "vitest";
import { parseRecipe } from "../../../plan/recipe/recipe";
import { recipeJsonSchema } from "../../../plan/recipe/schema";
import { launch } from "./recipes";

const parse = (text: string) => parseRecipe("recipes/qwen3-8b.yaml", text);
const V1 = "name: Qwen3 8B\nmodel: Qwen/Qwen3-8B\ncontainer: vllm-node\ncommand: vllm serve Qwen/Qwen3-8B\n";
const V2 = "model: Qwen/Qwen3-8B\ncontainer: vllm-node\n";

describe("a recipe", () => {
  it.each([
    ['recipe_version: "1"\n', 1],
    ["recipe_version: 1\n", 1],
    ["recipe_version: 2.0\n", 2],
    ["", 2],
  ])("has a version however it is written: %j", (line, version) => {
    expect(parse(line + V1).version).toBe(version);
  });

  it("without a version or a model is of version 1", () => {
    const recipe = parse(V1.replace("model: Qwen/Qwen3-8B\n", ""));
    expect(recipe.version).toBe(1);
    expect(recipe.model).toBeUndefined();
    expect(launch(V1.replace("model: Qwen/Qwen3-8B\n", "")).models).toMatchObject([{ id: "Qwen/Qwen3-8B" }]);
  });

  it("of version 1 needs no name where sparkrun would read it", () => {
    expect(parse(`recipe_version: "1"\nruntime: vllm\n${V1.replace("name: Qwen3 8B\n", "")}`).version).toBe(1);
  });

  it("is called like its file", () => {
    expect(parse(V1).name).toBe("qwen3-8b");
  });

  it.each(["env:\n", "env: {}\n", "env: []\n", "env: null\n", ""])("may have no environment: %j", (env) => {
    const { warnings, ...recipe } = parse(V2 + env);
    expect(recipe.env).toEqual({});
    expect(warnings).toEqual([]);
  });

  it("keeps values as they are written", () => {
    const { env, defaults, modelRevision } = parse(
      `${V2}model_revision: 00123456\nenv:\n  A: 1\n  B: 0.80\n  C: yes\n  D: 0755\n  E: 12:30\n  F: 2026-03-31\n  G: ""\n  ON: true\n` +
        "defaults:\n  a: 1.0\n  b: [1, 2, 4]\n  c: { method: mtp, tokens: 2 }\n  d:\n",
    );
    expect(env).toEqual({ A: "1", B: "0.80", C: "yes", D: "0755", E: "12:30", F: "2026-03-31", G: "", ON: "true" });
    expect(defaults).toEqual({
      a: "1.0",
      b: "1 2 4",
      c: '{"method":"mtp","tokens":2}',
      "c.method": "mtp",
      "c.tokens": "2",
    });
    expect(modelRevision).toBe("00123456");
  });

  it("takes sparkrun's image where it names none, and says so", () => {
    const { container, warnings } = parse("model: Qwen/Qwen3-8B\n");
    expect(container).toBe("ghcr.io/spark-arena/dgx-vllm-eugr-nightly-tf5:latest");
    expect(warnings).toEqual([
      "recipes/qwen3-8b.yaml:1:1: container: missing; ghcr.io/spark-arena/dgx-vllm-eugr-nightly-tf5:latest is taken",
    ]);
  });

  it.each([
    "vllm-node",
    "ghcr.io:443/a/b:latest",
    "ghcr.io/a/b:0.1.1@sha256:a83948492cf13df455170fb42885f5ef4db54fefe0feff0f841ecbff464ac9d8",
  ])("takes the image %s", (image) => {
    expect(parse(V2.replace("vllm-node", image)).container).toBe(image);
  });

  it("names mods by their folders", () => {
    const text = `${V2}mods:\n  - mods/fix-a\n  - fix-b/\n  - "@eugr/mods/fix-c"\n`;
    expect(parse(text).mods.map(({ name }) => name)).toEqual(["fix-a", "fix-b", "fix-c"]);
    expect(parse(`${V2}mods:\n`).mods).toEqual([]);
  });
});

describe("what is not acted on", () => {
  const warnings = (text: string) =>
    parse(V2 + text).warnings.map((line) => line.replace("recipes/qwen3-8b.yaml:", ""));

  it("is named, the nearest key too", () => {
    expect(warnings("comand: vllm serve\npost_exec:\n  - curl localhost\nmin_sparkrun_version: 0.4\n")).toEqual([
      "3:1: comand: not acted on: unknown key (did you mean command?)",
      "4:1: post_exec: not acted on: the deployment's own health check is what is asked",
      "6:1: min_sparkrun_version: not acted on: this is not sparkrun",
    ]);
    expect(warnings("executor_config:\n  restart_polcy: always\n")).toEqual([
      "4:3: executor_config.restart_polcy: not acted on: unknown key (did you mean restart_policy?)",
    ]);
  });

  it("are words about the model, without a warning", () => {
    expect(
      warnings("description: x\nmaintainer: me\nruntime_version: 0.17\nmetadata: { tags: [a], created: 2026-01-01 }\n"),
    ).toEqual([]);
  });

  it("is a token, and a variable of the control machine", () => {
    const text = "env:\n  HF_TOKEN: hf_secret\n  TMPDIR: $HOME/tmp\n";
    expect(warnings(text)).toEqual([
      "4:3: env.HF_TOKEN: left out: a token in a recipe is in plain text, and the server reads the model offline",
      "5:3: env.TMPDIR: passed as it is written: no shell expands its $",
    ]);
    expect(parse(V2 + text).env).toEqual({ TMPDIR: "$HOME/tmp" });
  });

  it("is a key that says the same twice", () => {
    expect(warnings("runtime: vllm\nruntime: vllm\n")).toEqual([
      "4:1: runtime: already at recipes/qwen3-8b.yaml:3:1, with the same value",
    ]);
  });
});

it("has a JSON schema for editors", () => {
  expect(recipeJsonSchema()).toMatchObject({
    type: "object",
    properties: { runtime: { anyOf: [{ enum: expect.arrayContaining(["vllm", "sglang"]) }, { type: "null" }] } },
  });
  expect(recipeJsonSchema()).not.toHaveProperty("required");
});
