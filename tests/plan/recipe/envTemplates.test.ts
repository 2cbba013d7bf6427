import { describe, expect, it } from "vitest";
import { faultsOf, launch, overrides, sparks } from "./recipes";

const text = (env: string, more = "") =>
  `model: Qwen/Qwen3-8B\ncontainer: c\n${more}defaults: { port: 8001, tensor_parallel: 2 }\nenv:\n${env}` +
  "command: vllm serve {model} --port {port} -tp {tensor_parallel}\n";
const valuesOf = (value: string, more = "") =>
  launch(text(`  X: '${value}'\n`, more), { hosts: sparks(2) }).ranks.map(({ env }) => env.X);

describe("values in the environment", () => {
  const commit = "0123456789abcdef0123456789abcdef01234567";

  it.each([
    ["{config.port}", ["8001", "8001"]],
    ["a{config.port}b{config.model}", ["a8001bQwen/Qwen3-8B", "a8001bQwen/Qwen3-8B"]],
    ["{launch.node_rank} of {launch.num_nodes}", ["0 of 2", "1 of 2"]],
    ["{launch.node_host}", ["10.0.0.11", "10.0.0.12"]],
    ["{launch.cluster_id}", ["test", "test"]],
    ["{{config.port}}", ["{config.port}", "{config.port}"]],
    ["{{launch.nothing", ["{launch.nothing", "{launch.nothing"]],
    ['{"a": {"b": {config.port}}}', ['{"a": {"b": 8001}}', '{"a": {"b": 8001}}']],
    [
      "$".concat("{config.port} {port} {config} {other.x}"),
      Array(2).fill("$".concat("{config.port} {port} {config} {other.x}")),
    ],
  ])("%s", (value, found) => {
    expect(valuesOf(value)).toEqual(found);
  });

  it("know the model where it is pinned", () => {
    expect(valuesOf("{launch.model_revision} {launch.model_path}", `model_revision: ${commit}\n`)[0]).toBe(
      `${commit} /root/.cache/huggingface/hub/models--Qwen--Qwen3-8B/snapshots/${commit}`,
    );
  });

  it("are the stack's, where it overrides them, and nothing in them is looked at again", () => {
    const change = { hosts: sparks(2), overrides: overrides({ port: 9, x: "{launch.node_rank}" }) };
    const recipe = text("  A: '{config.port}'\n  B: '{config.x}'\n").replace("port: 8001,", "port: 8001, x: 1,");
    expect(launch(recipe.replace("{port} -tp", "{port} --x 1 -tp"), change).ranks[0]?.env).toMatchObject({
      A: "9",
      B: "{launch.node_rank}",
    });
  });

  it.each([
    ["{config.prot}", "no value for {config.prot}; give it one under defaults or as an override"],
    ["{launch.rank}", "no value for {launch.rank}: known: model_path, model_revision, num_nodes, node_rank"],
    ["{launch.model_path}", "no value for {launch.model_path}: known where model_revision is a commit"],
    ["{launch.model_revision}", "no value for {launch.model_revision}: known where the recipe has"],
    ["{launch.runtime_cache_dir}", "no value for {launch.runtime_cache_dir}: not supported"],
    ["{config.port!r}", "found {config.port!r}; allowed: {config.NAME} and {launch.NAME}"],
    ["{config.port", "found {config.port; allowed: {config.NAME} and {launch.NAME}"],
    ["{config.constructor}", "no value for {config.constructor}"],
  ])("are problems at their place: %s", (value, problem) => {
    const lines = faultsOf(() => valuesOf(value));
    expect(lines).toEqual([expect.stringContaining(`test.yaml:5:6: env.X: ${problem}`)]);
  });
});
