import { pathText, shown } from "../../config/judge";
import { nearest } from "../../config/nearest";
import type { Written } from "./recipe";
import * as schema from "./schema";
import type { RecipeSource } from "./source";

/** What sparkrun takes where a recipe names no image. */
export const DEFAULT_CONTAINER = "ghcr.io/spark-arena/dgx-vllm-eugr-nightly-tf5:latest";

/** Where a container without a command's or a recipe's word for it would have these from. */
export const TOKENS = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];

/** Everything that is written and not acted on. */
export function notActedOn(source: RecipeSource, written: Written): readonly string[] {
  const known = Object.keys(schema.recipe.shape);
  const all = [...known, ...Object.keys(schema.UNACTED), ...Object.keys(schema.UNDONE)];
  const at = (...path: string[]) => `${source.atKey(path)}: ${pathText(path)}`;
  const hint = (key: string, names: readonly string[]) => {
    const near = nearest(key, names);
    return near === undefined ? "" : ` (did you mean ${near}?)`;
  };
  const keys = Object.keys(written).flatMap((key) => {
    const why = Object.hasOwn(schema.UNACTED, key) ? schema.UNACTED[key] : undefined;
    if (why !== undefined) return [`${at(key)}: not acted on: ${why}`];
    return known.includes(key) || Object.hasOwn(schema.UNDONE, key)
      ? []
      : [`${at(key)}: not acted on: unknown key${hint(key, all)}`];
  });
  const inRuntime = Object.keys(written.runtime_config ?? {})
    .filter((key) => key !== "mods" && key !== "build_args")
    .map(
      (key) =>
        `${at("runtime_config", key)}: not acted on: write what the server should get into the command or defaults`,
    );
  const executor = Object.keys(schema.executorConfig.shape);
  const options = Object.keys(written.executor_config ?? {})
    .filter((key) => !executor.includes(key))
    .map((key) => `${at("executor_config", key)}: not acted on: unknown key${hint(key, executor)}`);
  const environment = Object.keys(written.env ?? {}).flatMap((name) => {
    if (TOKENS.includes(name))
      return [
        `${at("env", name)}: left out: a token in a recipe is in plain text, and the server reads the model offline`,
      ];
    const value = source.written(["env", name]) ?? "";
    return /\$\w|\$\{/.test(value) ? [`${at("env", name)}: passed as it is written: no shell expands its $`] : [];
  });
  const image = written.container
    ? []
    : [`${source.at(["container"])}: container: missing; ${DEFAULT_CONTAINER} is taken`];
  return [...source.repeated, ...readAs(source, written), ...keys, ...inRuntime, ...options, ...environment, ...image];
}

/** What is read as something else than is written. */
function readAs(source: RecipeSource, { runtime }: Written): readonly string[] {
  const version = source.written(["recipe_version"]);
  return [
    ...(version === undefined || /^[12](\.0)?$/.test(version)
      ? []
      : [
          `${source.at(["recipe_version"])}: recipe_version: found ${shown(version)}, read as 2; known: 1 (spark-vllm-docker) and 2 (sparkrun)`,
        ]),
    ...(schema.isOldVllm(runtime)
      ? [
          `${source.at(["runtime"])}: runtime: ${runtime} is an old name of vllm; ranks meet over Ray only where version 2 has ray for distributed_executor_backend`,
        ]
      : []),
  ];
}

/** Problems: what would run otherwise than the recipe says. */
export function undone(source: RecipeSource, written: Written): readonly string[] {
  const saysNothing = (value: unknown) =>
    value === null || value === "" || (typeof value === "object" && Object.keys(value).length === 0);
  const { network, user } = written.executor_config ?? {};
  const option = (key: "network" | "user", why: string) => {
    const found = shown(source.written(["executor_config", key]));
    return `${source.at(["executor_config", key])}: executor_config.${key}: not supported: found ${found}, ${why}; leave it out`;
  };
  const options = [
    ...(network && network !== "host" ? [option("network", "ranks meet on the host's own network")] : []),
    ...(user && !/^(root|0)(:(root|0))?$/.test(String(user)) ? [option("user", "caches and mods are root's")] : []),
  ];
  const keys = Object.entries(schema.UNDONE).flatMap(([key, why]) => {
    const value = written[key];
    if (value === undefined || saysNothing(value) || (key === "executor" && value === "docker")) return [];
    return [`${source.atKey([key])}: ${key}: not supported: ${why}`];
  });
  return [...keys, ...options];
}
