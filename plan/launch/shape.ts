import type { LaunchShape } from "../recipe/layers";
import type { Recipe } from "../recipe/recipe";
import { overridden } from "./overrides";
import { countOf, parallelOf } from "./ranks";
import { meetOverRay } from "./ray";
import { launcherOf } from "./runtimes";
import { type Overrides, parametersOf, serverOf } from "./serverArguments";

/** What the conditions of a recipe's `overrides` ask of: the launch as it would be without any of them. */
export function shapeOf(declared: Recipe, wished: Overrides): LaunchShape {
  const { recipe, overrides } = overridden(declared, wished);
  const parameters = parametersOf(recipe, overrides);
  const { words } = serverOf(recipe, parameters, overrides);
  const parallel = parallelOf(words, parameters, []);
  const found = launcherOf(recipe, words, parameters, overrides);
  const isRay = "launcher" in found && found.launcher === meetOverRay;
  const runtime = recipe.runtime ?? "vllm";
  const written = (recipe.source.value.defaults ?? {}) as Readonly<Record<string, unknown>>;
  const values = { model: recipe.model, model_revision: recipe.modelRevision, ...written, ...overrides.values };
  return {
    ...parallel,
    expert: Number(parameters.expert_parallel ?? 1),
    context: Number(parameters.context_parallel ?? 1),
    nodes: countOf(parallel),
    runtime: runtime.startsWith("vllm") ? (isRay ? "vllm-ray" : "vllm-distributed") : runtime,
    config: (name) => (Object.hasOwn(values, name) ? values[name as keyof typeof values] : undefined),
  };
}
