import type { z } from "zod";
import { Faults } from "../../config/faults";
import { pathText, shown } from "../../config/judge";
import { nearest } from "../../config/nearest";
import type { Distribution } from "./distribution";
import { flatten, type Parameters } from "./parameters";
import * as schema from "./schema";
import { parseSource, type RecipeSource } from "./source";

export type ExecutorConfig = z.infer<typeof schema.executorConfig>;
export type Metadata = NonNullable<z.infer<typeof schema.recipe>["metadata"]>;

/** A folder with a `run.sh` that is run in every container before the server starts. */
export interface Mod {
  /** Its folder's name, unique in the recipe: it is /workspace/mods/NAME in the container. */
  readonly name: string;
  /** As the recipe names it: `mods/NAME`, or `@registry/mods/NAME`. */
  readonly reference: string;
}

/** A recipe as it was written, judged. */
export interface Recipe {
  readonly source: RecipeSource;
  /** The file's name without its ending. */
  readonly name: string;
  readonly version: 1 | 2;
  /** Hugging Face id or an absolute path. Undefined: as the command has it, in version 1. */
  readonly model?: string;
  readonly modelRevision?: string;
  /** Undefined: from the command. */
  readonly runtime?: schema.RuntimeName;
  readonly container: string;
  /** How many ranks it is made for; undefined: any number. */
  readonly nodes: { readonly min: number; readonly max?: number };
  /** Values as texts, those of a mapping under `name.key` too. */
  readonly defaults: Parameters;
  readonly env: Readonly<Record<string, string>>;
  readonly command?: string;
  readonly mods: readonly Mod[];
  readonly buildArgs: readonly string[];
  readonly executor: ExecutorConfig;
  /** What is to be fetched beside the model, with placeholders as they were written. */
  readonly distribution?: Distribution;
  readonly metadata: Metadata;
  /** One line each, place first: what is written but not acted on. */
  readonly warnings: readonly string[];
}

type Written = z.infer<typeof schema.recipe>;

/** What sparkrun takes where a recipe names no image. */
const DEFAULT_CONTAINER = "ghcr.io/spark-arena/dgx-vllm-eugr-nightly-tf5:latest";

/** Where a container without a command's or a recipe's word for it would have these from. */
const TOKENS = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];

/**
 * A recipe of version 1 or 2.
 *
 * @param file for messages, and the recipe's name.
 * @throws Faults with everything that is wrong, `FILE:LINE:COLUMN` first.
 */
export function parseRecipe(file: string, text: string): Recipe {
  const source = parseSource(file, text);
  const faults: string[] = [];
  const judged = schema.recipe.safeParse(withoutEmptyLists(source.value));
  if (!judged.success) {
    for (const { path, message } of judged.error.issues) faults.push(faultLine(source, path, message));
    throw new Faults("the recipe", [...new Set(faults)]);
  }
  const written = judged.data;
  const version = versionOf(source, written);
  faults.push(...missing(source, written, version), ...wrongNames(source, written));
  const nodes = nodesOf(source, written, faults);
  const mods = modsOf(source, written, faults);
  if (faults.length > 0) throw new Faults("the recipe", faults);
  const texts = (key: string) => optional(key, source.written([key]));
  return {
    source,
    name: file.replace(/^.*\//, "").replace(/\.ya?ml$/, ""),
    version,
    ...texts("model"),
    ...texts("command"),
    ...optional("modelRevision", source.written(["model_revision"])),
    ...optional("runtime", written.runtime ?? undefined),
    container: source.written(["container"]) ?? DEFAULT_CONTAINER,
    nodes,
    defaults: flatten(source, written.defaults ?? {}),
    env: Object.fromEntries(
      Object.keys(written.env ?? {})
        .filter((name) => !TOKENS.includes(name))
        .map((name) => [name, source.written(["env", name]) ?? String(written.env?.[name])]),
    ),
    mods,
    buildArgs: (written.build_args ?? []).map((_, index) => source.written(["build_args", index]) ?? ""),
    executor: written.executor_config ?? {},
    ...optional("distribution", written.distribution_config ?? undefined),
    metadata: written.metadata ?? {},
    warnings: warningsOf(source, written),
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [key in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [key in K]?: V });
}

/** People write `env: []` for an empty mapping. */
function withoutEmptyLists(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isEmpty = (key: string) => Array.isArray(value[key]) && value[key].length === 0;
  const emptied = ["env", "defaults", "executor_config", "metadata"].filter(isEmpty);
  return { ...value, ...Object.fromEntries(emptied.map((key) => [key, {}])) };
}

function faultLine(source: RecipeSource, path: readonly PropertyKey[], message: string): string {
  const found = path.reduce<unknown>(
    (so, key) => (so as Record<PropertyKey, unknown> | undefined)?.[key],
    source.value,
  );
  return `${source.at(path)}: ${pathText(path)}: found ${shown(found)}; allowed: ${message}`;
}

/** Without a word for it: what has a model is version 2, as for sparkrun. */
function versionOf(source: RecipeSource, { name, command, model }: Written): 1 | 2 {
  const written = source.written(["recipe_version"]);
  if (written !== undefined) return written.startsWith("1") ? 1 : 2;
  return name && command && !model ? 1 : 2;
}

/** sparkrun reads version 1 too, and there a recipe is called like its file. */
function missing(source: RecipeSource, written: Written, version: 1 | 2): readonly string[] {
  const needs1 = written.runtime || written.metadata ? [] : (["name"] as const);
  const needed = version === 1 ? ([...needs1, "container", "command"] as const) : (["model"] as const);
  return needed
    .filter((key) => written[key] === undefined || written[key] === null)
    .map((key) => `${source.at([key])}: ${key}: missing; version ${version} needs ${needed.join(", ")}`);
}

function wrongNames(source: RecipeSource, { env, defaults }: Written): readonly string[] {
  const wrong = (parent: string, pattern: RegExp, keys: Readonly<Record<string, unknown>>, what: string) =>
    Object.keys(keys)
      .filter((key) => !pattern.test(key))
      .map((key) => `${source.atKey([parent, key])}: ${parent}: found the name ${shown(key)}; allowed: ${what}`);
  return [
    ...wrong("env", /^[A-Za-z_]\w*$/, env ?? {}, "letters, digits and _, no digit first"),
    ...wrong("defaults", /^[A-Za-z_][\w-]*$/, defaults ?? {}, "letters, digits, _ and -, no digit first"),
  ];
}

function nodesOf(source: RecipeSource, written: Written, faults: string[]): Recipe["nodes"] {
  const { mode, solo_only, cluster_only, min_nodes, max_nodes } = written;
  const solo = solo_only === true || mode === "solo";
  const cluster = cluster_only === true || mode === "cluster";
  const soloKey = solo_only === true ? "solo_only" : "mode";
  const min = Math.max(min_nodes ?? 1, cluster ? 2 : 1);
  const max = solo ? 1 : (max_nodes ?? undefined);
  if (solo && cluster) {
    const clusterKey = cluster_only === true ? "cluster_only" : "mode";
    faults.push(`${source.at([clusterKey])}: ${clusterKey}: contradicts ${soloKey}; one host or several`);
  } else if (max !== undefined && max < min) {
    const key = solo ? soloKey : "max_nodes";
    faults.push(
      `${source.at([key])}: ${key}: allows ${max}, but at least ${min} are needed by ${min_nodes && min_nodes >= min ? "min_nodes" : "cluster_only"}`,
    );
  }
  return { min, ...optional("max", max) };
}

function modsOf(source: RecipeSource, { mods }: Written, faults: string[]): readonly Mod[] {
  const found = (mods ?? []).map((_, index) => {
    const reference = source.written(["mods", index]) ?? "";
    return { name: reference.replace(/\/+$/, "").replace(/^.*\//, ""), reference };
  });
  found.forEach(({ name }, index) => {
    const first = found.findIndex((other) => other.name === name);
    if (first < index) {
      faults.push(
        `${source.at(["mods", index])}: mods[${index}]: ${name} is already mods[${first}]; a mod is applied once`,
      );
    }
  });
  return found;
}

/** Everything that is written and not acted on. */
function warningsOf(source: RecipeSource, written: Written): readonly string[] {
  const known = Object.keys(schema.recipe.shape);
  const all = [...known, ...Object.keys(schema.UNACTED)];
  const at = (...path: string[]) => `${source.atKey(path)}: ${pathText(path)}`;
  const hint = (key: string, names: readonly string[]) => {
    const near = nearest(key, names);
    return near === undefined ? "" : ` (did you mean ${near}?)`;
  };
  const keys = Object.keys(written).flatMap((key) => {
    const why = Object.hasOwn(schema.UNACTED, key) ? schema.UNACTED[key] : undefined;
    if (why !== undefined) return [`${at(key)}: not acted on: ${why}`];
    return known.includes(key) ? [] : [`${at(key)}: not acted on: unknown key${hint(key, all)}`];
  });
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
  return [...source.repeated, ...keys, ...options, ...environment, ...image];
}
