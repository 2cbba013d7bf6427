import { describe, expect, it } from "vitest";
import type { ClusterConfig, DeploymentConfig } from "../../../config/cluster";
import { deployed, fresh, planOf, plansOf, recipeOf } from "../deployments/deployed";
import { faultsOf } from "../recipe/recipes";

/** What a stack says beside a recipe: variables for all deployments or one, and words behind the server's own. */

const planned = (recipe: string, wish: Partial<DeploymentConfig>, config: Partial<ClusterConfig> = {}) =>
  planOf(fresh(recipe, [wish], { config }));

describe("variables of the stack", () => {
  it("win over the recipe's, and a deployment's own over those of all", () => {
    const recipe = recipeOf(2, "env: { A: recipe, B: recipe, C: recipe, OMP_NUM_THREADS: 2 }\n");
    const { launch } = planned(recipe, { env: { C: "own" } }, { env: { B: "all", C: "all", NCCL_CUMEM_ENABLE: "1" } });
    for (const { env, docker } of launch.ranks) {
      expect(env).toMatchObject({ A: "recipe", B: "all", C: "own", OMP_NUM_THREADS: "2", NCCL_CUMEM_ENABLE: "1" });
      expect(docker).toEqual(expect.arrayContaining(["A=recipe", "B=all", "C=own"]));
    }
  });

  it("win over what stands before the command, and are no templates", () => {
    const recipe = recipeOf().replace("vllm serve", "A=command vllm serve");
    expect(planned(recipe, { env: { A: "{config.port} $HOME" } }).launch.ranks[0]?.env.A).toBe("{config.port} $HOME");
  });

  it("make another container where they change", () => {
    const digest = (env: Readonly<Record<string, string>>) => planned(recipeOf(), {}, { env }).launch.ranks[0]?.digest;
    expect(digest({ A: "1" })).not.toBe(digest({ A: "2" }));
    const { cluster, ...rest } = deployed(fresh(recipeOf()));
    expect(planOf({ cluster, ...rest }).state).toBe("settled");
    expect(planOf({ cluster: { ...cluster, env: { A: "1" } }, ...rest }).state).toBe("due");
  });

  it("are held to the mesh like a recipe's, and with fabricEnv: mesh too", () => {
    const wish = (fabricEnv: "recipe" | "mesh") => ({ fabricEnv, env: { NCCL_IB_HCA: "mlx5_0", HF_HOME: "/x" } });
    for (const fabricEnv of ["recipe", "mesh"] as const) {
      const lines = faultsOf(() => planned(recipeOf(3), wish(fabricEnv)));
      expect(lines).toHaveLength(4);
      expect(lines[0]).toMatch(
        /^qwen: spark-mesh:deployments\[0\]\.env\.NCCL_IB_HCA: found "mlx5_0", which has no cable on spark-1, wanted one of .*; leave NCCL_IB_HCA out$/,
      );
      expect(lines[3]).toMatch(
        /^qwen: spark-mesh:deployments\[0\]\.env\.HF_HOME: found "\/x", which has the models in /,
      );
    }
    const warned = plansOf(fresh(recipeOf(3), [{}], { config: { env: { NCCL_NET_PLUGIN: "x" } } })).warnings;
    expect(warned).toContain(
      'qwen: spark-mesh:env.NCCL_NET_PLUGIN: found "x", the ring needs none; the stack\'s env wins; leave it out there',
    );
  });
});

describe("words of a deployment", () => {
  it("stand behind the server's own, as they are", () => {
    const args = ["--max-num-seqs", "4", "--hf-overrides", '{"a": "$HOME; x"}'];
    expect(planned(recipeOf(), { args }).launch.ranks[0]?.argv.slice(-4)).toEqual(args);
    const bare = "model: acme/a\ncontainer: ghcr.io/acme/vllm:1\ndefaults: { port: 8000 }\n";
    expect(planned(bare, { args }).launch.ranks[0]?.argv).toEqual([
      "vllm",
      "serve",
      "acme/a",
      "--port",
      "8000",
      ...args,
    ]);
  });

  it("count over a flag of before, also where the plan reads it", () => {
    const args = ["--port", "8001", "--pipeline-parallel-size", "2", "--speculative-config", '{"model": "acme/d"}'];
    const { launch, models, url } = planned(recipeOf(3), { args });
    expect(launch.ranks).toHaveLength(2);
    expect(url).toContain(":8001/v1");
    expect(models.map(({ id }) => id)).toContain("acme/d");
    expect(launch.ranks[1]?.argv).toEqual(expect.arrayContaining(["--node-rank", "1", "--headless"]));
  });

  it("are said by their place in the stack", () => {
    const lines = faultsOf(() => planned(recipeOf(), { args: ["--port", "no"] }));
    expect(lines).toEqual([
      expect.stringMatching(/^qwen: spark-mesh:deployments\[0\]\.args\[1\]: --port: found no; allowed: a whole number/),
    ]);
  });
});
