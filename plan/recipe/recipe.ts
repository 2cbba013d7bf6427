import type { z } from "zod";
import { Faults } from "../../config/faults";
import { pathText, shown } from "../../config/judge";
import type { Distribution } from "./distribution";
import { type ReadBase, withIncluded } from "./include";
import { DEFAULT_CONTAINER, notActedOn, TOKENS, undone } from "./notActedOn";
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
  /** Where in the recipe: `["mods", 0]`. */
  readonly path: readonly PropertyKey[];
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
  /** What holds under conditions alone, and isn't in the rest yet; see layers.ts. */
  readonly layers: NonNullable<Written["overrides"]>;
  /** Names of the defaults that those conditions ask of. */
  readonly conditions: readonly string[];
  /** One line each, place first: what is written but not acted on. */
  readonly warnings: readonly string[];
}

/** What is written, by the schema. */
export type Written = z.infer<typeof schema.recipe>;

/**
 * A recipe of version 1 or 2.
 *
 * @param file for messages, and the recipe's name.
 * @param readBase reads what it includes. Default: there is nothing beside it.
 * @throws Faults with everything that is wrong, `FILE:LINE:COLUMN` first.
 */
export function parseRecipe(file: string, text: string, readBase: ReadBase = noBase): Recipe {
  return recipeOf(withIncluded(parseSource(file, text), readBase));
}

function noBase(file: string, name: string): never {
  throw new Faults("the recipe", [`${name}: no such recipe beside ${file}`]);
}

/**
 * What a source says.
 *
 * @throws Faults with everything that is wrong.
 */
export function recipeOf(source: RecipeSource): Recipe {
  const { file } = source;
  const faults: string[] = [];
  const judged = schema.recipe.safeParse(withoutEmptyLists(source.value));
  if (!judged.success) {
    for (const { path, message } of judged.error.issues) faults.push(faultLine(source, path, message));
    throw new Faults("the recipe", [...new Set(faults)]);
  }
  const written = judged.data;
  const version = versionOf(source, written);
  faults.push(...missing(source, written, version), ...wrongNames(source, written), ...undone(source, written));
  const nodes = nodesOf(source, written, faults);
  const mods = modsOf(source, written, faults);
  const buildArgs = listOf(source, written, "build_args", faults);
  if (faults.length > 0) throw new Faults("the recipe", faults);
  const texts = (key: string) => optional(key, source.written([key]));
  return {
    source,
    name: file.replace(/^.*\//, "").replace(/\.ya?ml$/, ""),
    version,
    ...texts("model"),
    ...texts("command"),
    ...optional("modelRevision", source.written(["model_revision"])),
    ...optional("runtime", runtimeOf(written)),
    container: source.written(["container"]) ?? DEFAULT_CONTAINER,
    nodes,
    defaults: flatten(source, written.defaults ?? {}),
    env: Object.fromEntries(
      Object.keys(written.env ?? {})
        .filter((name) => !TOKENS.includes(name))
        .map((name) => [name, source.written(["env", name]) ?? String(written.env?.[name])]),
    ),
    mods,
    buildArgs: buildArgs.map(({ text }) => text),
    executor: written.executor_config ?? {},
    ...optional("distribution", written.distribution_config ?? undefined),
    metadata: written.metadata ?? {},
    layers: written.overrides ?? [],
    conditions: (written.overrides ?? []).flatMap(({ when }) => Object.keys(when.config ?? {})),
    warnings: notActedOn(source, written),
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
  if (written !== undefined) return /^1(\.0)?$/.test(written) ? 1 : 2;
  return name && command && !model ? 1 : 2;
}

function missing(source: RecipeSource, written: Written, version: 1 | 2): readonly string[] {
  const needed = version === 1 ? (["container", "command"] as const) : (["model"] as const);
  return needed
    .filter((key) => written[key] === undefined || written[key] === null)
    .map((key) => `${source.at([key])}: ${key}: missing; version ${version} needs ${needed.join(", ")}`);
}

/** sparkrun's old names are vllm: ranks meet without Ray, unless the recipe's backend is ray. */
function runtimeOf({ runtime }: Written): schema.RuntimeName | undefined {
  return schema.isOldVllm(runtime) ? "vllm" : (runtime ?? undefined);
}

function wrongNames(source: RecipeSource, { env, defaults, overrides }: Written): readonly string[] {
  const wrong = (
    parent: readonly PropertyKey[],
    pattern: RegExp,
    keys: Readonly<Record<string, unknown>> | null | undefined,
    what: string,
  ) =>
    Object.keys(keys ?? {})
      .filter((key) => !pattern.test(key))
      .map((key) => {
        return `${source.atKey([...parent, key])}: ${pathText(parent)}: found the name ${shown(key)}; allowed: ${what}`;
      });
  const both = (parent: readonly PropertyKey[], values: Pick<Written, "env" | "defaults">) => [
    ...wrong([...parent, "env"], /^[A-Za-z_]\w*$/, values.env, "letters, digits and _, no digit first"),
    ...wrong([...parent, "defaults"], /^[A-Za-z_][\w-]*$/, values.defaults, "letters, digits, _ and -, no digit first"),
  ];
  return [
    ...both([], { env, defaults }),
    ...(overrides ?? []).flatMap((layer, index) => both(["overrides", index], layer)),
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

function modsOf(source: RecipeSource, written: Written, faults: string[]): readonly Mod[] {
  const found = listOf(source, written, "mods", faults).map(({ text: reference, path }) => {
    return { name: reference.replace(/\/+$/, "").replace(/^.*\//, ""), reference, path };
  });
  found.forEach(({ name, path }, index) => {
    const first = found.findIndex((other) => other.name === name);
    const { path: firstPath } = found[first] ?? { path };
    if (first < index) {
      faults.push(
        `${source.at(path)}: ${pathText(path)}: ${name} is already ${pathText(firstPath)}; a mod is applied once`,
      );
    }
  });
  return found;
}

/** A list at the top level or, where there is none, in `runtime_config`, each item with its place. */
function listOf(
  source: RecipeSource,
  written: Written,
  key: "mods" | "build_args",
  faults: string[],
): readonly { readonly text: string; readonly path: readonly PropertyKey[] }[] {
  const itemsAt = (path: readonly PropertyKey[], items: readonly unknown[] | null | undefined) =>
    (items ?? []).map((_, index) => ({ text: source.written([...path, index]) ?? "", path: [...path, index] }));
  const top = itemsAt([key], written[key]);
  const inner = itemsAt(["runtime_config", key], written.runtime_config?.[key]);
  const isOther = inner.length !== top.length || inner.some(({ text }, index) => text !== top[index]?.text);
  if (top.length > 0 && inner.length > 0 && isOther)
    faults.push(
      `${source.atKey(["runtime_config", key])}: runtime_config.${key}: says otherwise than ${key} at ${source.atKey([key])}; leave one of them out`,
    );
  return top.length > 0 ? top : inner;
}
