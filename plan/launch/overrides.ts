import { shown } from "../../config/judge";
import type { ExecutorConfig, Recipe } from "../recipe/recipe";
import * as schema from "../recipe/schema";
import type { Overrides } from "./serverArguments";

/** Keys of a recipe that can be overridden beside its parameters. */
const FIELDS = { model: "model", model_revision: "modelRevision", container: "container", runtime: "runtime" } as const;

/** Keys of `executor_config` with one value. */
const OPTIONS = ["privileged", "restart_policy", "memory_limit", "gpus", "ipc", "shm_size", "entrypoint"] as const;

interface Overridden {
  readonly recipe: Recipe;
  /** What is left for the parameters. */
  readonly overrides: Overrides;
  readonly faults: readonly string[];
}

/** A recipe with those of the overrides that are about its fields or its container. */
export function overridden(recipe: Recipe, { values, path, args }: Overrides): Overridden {
  const faults: string[] = [];
  const fields: Record<string, unknown> = {};
  const options: Record<string, unknown> = {};
  const parameters: Record<string, string | number | boolean> = {};
  for (const [key, value] of Object.entries(values)) {
    const field = Object.entries(FIELDS).find(([name]) => name === key);
    const option = OPTIONS.find((name) => name === key);
    const shape = field
      ? schema.recipe.shape[field[0] as keyof typeof FIELDS]
      : option && schema.executorConfig.shape[option];
    const judged = shape?.safeParse(value);
    if (judged?.error) {
      const [issue] = judged.error.issues;
      faults.push(`${path(key)}: found ${shown(value)}; allowed: ${issue?.message}`);
    } else if (field) fields[field[1]] = key === "runtime" ? value : String(value);
    else if (option) options[option] = value;
    else if (/^[A-Za-z_][\w-]*(\.[A-Za-z_][\w-]*)*$/.test(key)) parameters[key] = value;
    else faults.push(`${path(key)}: found the name ${shown(key)}; allowed: letters, digits, _ and -, no digit first`);
  }
  if ("model" in fields && recipe.command !== undefined && !recipe.command.includes("{model}")) {
    faults.push(`${path("model")}: the command has no {model}`);
  }
  const executor: ExecutorConfig = { ...recipe.executor, ...options };
  return {
    recipe: { ...recipe, ...fields, executor },
    overrides: { values: parameters, path, ...(args && { args }) },
    faults,
  };
}
