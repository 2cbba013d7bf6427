import { Faults } from "../../../config/faults";
import { type LaunchPlan, type LaunchWish, planLaunch } from "../../../plan/launch/launch";
import type { RankMesh } from "../../../plan/nccl";
import { parseRecipe } from "../../../plan/recipe/recipe";

/** So many Sparks that ranks can run on. */
export function sparks(count: number): LaunchWish["hosts"] {
  return Array.from({ length: count }, (_, index) => ({
    name: `spark-${index + 1}`,
    address: `10.0.0.${11 + index}`,
    home: "/home/nvidia",
  }));
}

/** The plan of a recipe's text on up to eight Sparks. */
export function launch(text: string, change: Partial<LaunchWish> = {}, mesh?: RankMesh): LaunchPlan {
  const recipe = parseRecipe("test.yaml", text);
  const wish = { name: "test", recipe, overrides: overrides({}), hosts: sparks(8), chosen: false };
  return planLaunch({ ...wish, ...change }, mesh);
}

export function overrides(values: LaunchWish["overrides"]["values"]): LaunchWish["overrides"] {
  return { values, path: (key) => `overrides.${key}` };
}

/** The head's argument list of a recipe with this command and these defaults. */
export function argvOf(command: string, defaults = "{}", change: Partial<LaunchWish> = {}): readonly string[] {
  return launch(withCommand(command, defaults), change).ranks[0]?.argv ?? [];
}

/** A recipe of version 2 whose command is a literal block. */
export function withCommand(command: string, defaults = "{}"): string {
  const lines = command.split("\n").map((line) => `  ${line}`);
  return `model: Qwen/Qwen3-8B\ncontainer: vllm-node\ndefaults: ${defaults}\ncommand: |\n${lines.join("\n")}\n`;
}

/** The lines of what it throws. */
export function faultsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof Faults) return error.lines;
    throw error;
  }
  throw new Error("no fault");
}
