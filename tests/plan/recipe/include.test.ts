import { describe, expect, it } from "vitest";
import { planLaunch } from "../../../plan/launch/launch";
import { parseRecipe } from "../../../plan/recipe/recipe";
import { faultsOf, overrides, sparks } from "./recipes";

/** A recipe among others in a folder, by their names. */
function parse(name: string, files: Readonly<Record<string, string>>) {
  return parseRecipe(`r/${name}.yaml`, files[name] ?? "", (_, wanted) => {
    const base = wanted.replace(/\.ya?ml$/, "");
    return { file: `r/${base}.yaml`, text: files[base] ?? "model: none/none" };
  });
}

const base =
  "model: Qwen/Qwen3-8B\ncontainer: vllm-node\nmods: [fix-a]\nmodel_revision: abc\n" +
  "defaults: { port: 8000, speculative_config: { method: mtp, n: 2 }, gone: 1 }\nenv: { A: 1, B: 2 }\n" +
  "executor_config: { memory_limit: 100g }\n" +
  "command: vllm serve {model} --port {port} --max-num-seqs {max_num_seqs}\n";

describe("include", () => {
  it("puts a recipe over another one", () => {
    const outer =
      "include: base\nmodel_revision:\nmods: [fix-b]\nexecutor_config: { restart_policy: always }\n" +
      "defaults: { max_num_seqs: 4, speculative_config: { method: eagle }, gone: null }\nenv: { B: 3 }\n";
    const recipe = parse("outer", { base, outer });
    expect(recipe).toMatchObject({
      name: "outer",
      model: "Qwen/Qwen3-8B",
      container: "vllm-node",
      env: { A: "1", B: "3" },
      executor: { memory_limit: "100g", restart_policy: "always" },
    });
    expect(recipe.modelRevision).toBeUndefined();
    expect(recipe.mods.map(({ name }) => name)).toEqual(["fix-b"]);
    expect(recipe.defaults).toEqual({
      port: "8000",
      speculative_config: '{"method":"eagle"}',
      "speculative_config.method": "eagle",
      max_num_seqs: "4",
    });
  });

  it("says where each thing stands, by its file", () => {
    const broken = base.replace("--port {port}", "--port {prot}");
    const recipe = parse("outer", {
      base: broken,
      outer: "include: base\ndefaults: { max_num_seqs: four, port: 1 }\n",
    });
    const plan = () => planLaunch({ name: "x", recipe, overrides: overrides({}), hosts: sparks(1), chosen: false });
    expect(faultsOf(plan)).toEqual([expect.stringMatching(/^r\/base.yaml:8:36: command: no value for \{prot\}/)]);
    expect(recipe.source.at(["defaults", "max_num_seqs"])).toBe("r/outer.yaml:2:27");
  });

  it("goes on, and keeps the values of overrides in their order", () => {
    const files = {
      a: "include: b\noverrides: [{ when: { tp: 1 }, env: { A: a } }]\n",
      b: "include: c.yaml\noverrides: [{ when: { tp: 1 }, env: { A: b } }]\n",
      c: base,
    };
    const recipe = parse("a", files);
    expect((recipe.source.value.overrides as { env: { A: string } }[]).map(({ env }) => env.A)).toEqual(["b", "a"]);
  });

  it.each([
    ["include: a", "r/a.yaml:1:10: include: recipes in a cycle: r/a.yaml -> r/a.yaml"],
    ["include: ../a", 'r/a.yaml:1:10: include: found "../a"; allowed: the name of a recipe\'s file'],
    ["include: /etc/a", 'r/a.yaml:1:10: include: found "/etc/a"; allowed: the name of a recipe\'s file'],
    ["include: [a, b]", "r/a.yaml:1:10: include: found"],
    [
      "include: '@official/../x'",
      'r/a.yaml:1:10: include: found "@official/../x"; allowed: the name of a recipe\'s file',
    ],
    ["include: '@official'", 'r/a.yaml:1:10: include: found "@official"; allowed: the name of a recipe\'s file'],
    ["recipe_version: 1\ninclude: base", "r/a.yaml:2:10: include: needs recipe_version 2"],
    ["include: one", "r/a.yaml:1:10: include: r/one.yaml is of version 1"],
    ["include: bad", "r/bad.yaml:1:8: malformed YAML"],
  ])("is a problem at its place: %j", (text, problem) => {
    const files = { a: `${text}\n`, base, one: `recipe_version: "1"\n${base}`, bad: "model: [\n" };
    const lines = faultsOf(() => parse("a", files));
    expect(lines).toEqual([expect.stringContaining(problem.startsWith("r/bad") ? "r/bad.yaml:" : problem)]);
  });

  it("has an end", () => {
    const files = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`n${n}`, `include: n${n + 1}\n`]));
    expect(faultsOf(() => parse("n0", files))).toEqual(["r/n8.yaml:1:10: include: a chain of more than 8 recipes"]);
    expect(faultsOf(() => parseRecipe("x.yaml", "include: none\n"))).toEqual([
      "x.yaml:1:10: include: none: no such recipe beside x.yaml",
    ]);
  });
});
