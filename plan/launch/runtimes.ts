import type { Word } from "../recipe/command";
import type { Parameters } from "../recipe/parameters";
import type { Recipe } from "../recipe/recipe";
import type { RuntimeName } from "../recipe/schema";
import { FLAGS, flagValue } from "./flags";
import type { Launcher } from "./meeting";
import { meetByThemselves } from "./native";
import { meetOverRay } from "./ray";
import type { Overrides } from "./serverArguments";

/** How servers that are no vLLM begin. */
const HINTS: readonly (readonly [RuntimeName, RegExp])[] = [
  ["sglang", /^(sglang serve|python3? -m sglang\b)/],
  ["llama-cpp", /^(\S*\/)?llama-server\b/],
  ["trtllm", /^(trtllm-serve\b|mpirun\b.*trtllm)/],
  ["atlas", /^atlas serve\b/],
];

/**
 * The recipe's runtime and how its ranks meet: without Ray, unless the recipe asks for it. A `ray` in the command of a
 * recipe of version 1 is from when there was no other way.
 */
export function launcherOf(
  recipe: Recipe,
  words: readonly Word[],
  parameters: Parameters,
  overrides: Overrides,
): { readonly launcher: Launcher } | { readonly fault: string } {
  const { source, version } = recipe;
  const start = words.map(({ text }) => text).join(" ");
  const runtime = recipe.runtime ?? HINTS.find(([, begins]) => begins.test(start))?.[0] ?? "vllm";
  if (!runtime.startsWith("vllm")) {
    const at = recipe.runtime === undefined ? source.at(["command"]) : source.at(["runtime"]);
    return { fault: `${at}: runtime: ${runtime} is not supported yet; supported: vllm, vllm-distributed, vllm-ray` };
  }
  const backend = flagValue(words, FLAGS.executorBackend)?.text ?? parameters.distributed_executor_backend;
  const asked = overrides.values.distributed_executor_backend === "ray";
  const written = runtime === "vllm" && version === 2 && recipe.runtime !== undefined && backend === "ray";
  return { launcher: runtime === "vllm-ray" || asked || written ? meetOverRay : meetByThemselves };
}
