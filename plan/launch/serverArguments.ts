import { nearest } from "../../config/nearest";
import { renderCommand, type Word } from "../recipe/command";
import type { Parameters } from "../recipe/parameters";
import type { Recipe } from "../recipe/recipe";
import { FLAGS, findFlag, flagOf, flagValue, withFlag } from "./flags";
import { changedWithin, rootOf } from "./nestedOverrides";

/** What a stack or a command line wants otherwise than the recipe has it. */
export interface Overrides {
  readonly values: Readonly<Record<string, string | number | boolean>>;
  /** How messages name one, e.g. `deployments[0].overrides.port`. */
  readonly path: (key: string) => string;
  /** Words behind the server's own. */
  readonly args?: readonly Word[];
}

/** The server as one command line, before it is known which rank it is. */
export interface Server {
  readonly env: Readonly<Record<string, string>>;
  readonly words: readonly Word[];
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
}

/** Parameters that the launch itself goes by, whether or not the command has them. */
const LAUNCH_PARAMETERS = ["distributed_executor_backend", "master_port", "data_parallel_rpc_port", "data_parallel"];

/** Values of placeholders that are no flags' values. */
const MODEL_PARAMETERS = ["model", "resolved_model_path", "model_revision"];

/** Flags that people override most; another one has to be in the command or the defaults. */
const COMMON_PARAMETERS = [
  "port",
  "host",
  "tensor_parallel",
  "pipeline_parallel",
  "gpu_memory_utilization",
  "max_model_len",
  "max_num_seqs",
  "max_num_batched_tokens",
  "kv_cache_dtype",
  "served_model_name",
  "load_format",
  "dtype",
  "quantization",
  "enforce_eager",
  "trust_remote_code",
];

/** The recipe's values with the overrides over them. On one host alone, spark-vllm-docker takes its recipes' tp for 1. */
export function parametersOf(
  { version, nodes, defaults, model, modelRevision }: Recipe,
  overrides: Overrides,
): Parameters {
  const values = Object.entries(overrides.values).map(([key, value]) => [key, String(value)]);
  const alone = version === 1 && nodes.max === 1 && "tensor_parallel" in defaults;
  return {
    // Without weights of its own on disk, sparkrun's {resolved_model_path} is the model.
    ...(model !== undefined && { model, resolved_model_path: model }),
    ...(modelRevision !== undefined && { model_revision: modelRevision }),
    ...defaults,
    ...(alone && { tensor_parallel: "1" }),
    ...Object.fromEntries(values),
    ...changedWithin(defaults, overrides.values),
  };
}

/** From the recipe's command, or from its defaults where it has none. */
export function serverOf(recipe: Recipe, parameters: Parameters, overrides: Overrides): Server {
  if (recipe.command === undefined) return serverOfDefaults(recipe, parameters, overrides);
  const { env, words, faults, ...rendered } = renderCommand(recipe, parameters);
  const used = new Set(rendered.used);
  let overridden = words;
  const refused: string[] = [];
  for (const key of Object.keys(overrides.values).filter(
    (name) => !used.has(rootOf(name, recipe.defaults) ?? name) && !recipe.conditions.includes(name),
  )) {
    const flag = flagOf(key);
    if (findFlag(words, flag) || COMMON_PARAMETERS.includes(key)) {
      overridden = withParameter(overridden, key, parameters[key] ?? "", overrides.path(key));
    } else if (!LAUNCH_PARAMETERS.includes(key)) {
      const near = nearest(key, [...used, ...COMMON_PARAMETERS]);
      const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
      refused.push(`${overrides.path(key)}: the command has no {${key}} and no ${flag.names[0]}${hint}`);
    }
  }
  // The one default that sparkrun gives a server whose command doesn't have it.
  const { served_model_name: served } = recipe.defaults;
  if (served !== undefined && !findFlag(overridden, flagOf("served_model_name"))) {
    overridden = withParameter(
      overridden,
      "served_model_name",
      served,
      recipe.source.at(["defaults", "served_model_name"]),
    );
    used.add("served_model_name");
  }
  return {
    env,
    words: [...withRevision(recipe, overridden), ...(overrides.args ?? [])],
    faults: [...faults, ...refused],
    warnings: unusedDefaults(recipe, words, used, overrides),
  };
}

/** A command that was not written: every default is a flag. */
function serverOfDefaults(recipe: Recipe, parameters: Parameters, { values, path, args = [] }: Overrides): Server {
  const { source, model } = recipe;
  const start = ["vllm", "serve", model ?? ""].map((text) => ({ text, at: source.at(["model"]) }));
  // By flag: two names may stand for one, and the later counts.
  const options = new Map<string, readonly Word[]>();
  const names = Object.keys(parameters).filter((key) => !MODEL_PARAMETERS.includes(key) && !key.includes("."));
  for (const key of names.filter((name) => !LAUNCH_PARAMETERS.includes(name) || name === "data_parallel")) {
    const at = Object.hasOwn(values, key) ? path(key) : source.at(["defaults", key]);
    options.set(flagOf(key).names[0] ?? "", withParameter([], key, parameters[key] ?? "", at));
  }
  const words = [...start, ...[...options.values()].flat()];
  return { env: {}, words: [...withRevision(recipe, words), ...args], faults: [], warnings: [] };
}

/** A true or false is a flag that stands alone; a list was written with spaces. */
function withParameter(words: readonly Word[], key: string, text: string, at: string): readonly Word[] {
  const flag = flagOf(key);
  if (!/^(true|yes|on|false|no|off)$/i.test(text)) {
    const values = /^[[{]/.test(text) ? [text] : text.split(/\s+/);
    return withFlag(
      words,
      flag,
      values.map((value) => ({ text: value, at })),
    );
  }
  const [name = ""] = flag.names;
  const switches = [name, name.replace(/^--/, "--no-")];
  const wanted = /^(true|yes|on)$/i.test(text) ? name : (switches[1] ?? "");
  return [...words.filter((word) => !switches.includes(word.text)), { text: wanted, at }];
}

/** A pinned model is served as it was pinned. */
function withRevision({ source, model, modelRevision }: Recipe, words: readonly Word[]): readonly Word[] {
  const isNamed = words.some(({ text }) => text === model);
  if (modelRevision === undefined || !isNamed || findFlag(words, FLAGS.revision)) return words;
  return withFlag(words, FLAGS.revision, [{ text: modelRevision, at: source.at(["model_revision"]) }]);
}

/** Defaults that change nothing, unless the command says the same in its own words. */
function unusedDefaults(
  { source, defaults, conditions }: Recipe,
  words: readonly Word[],
  used: ReadonlySet<string>,
  { values }: Overrides,
): readonly string[] {
  const texts = new Set(words.map(({ text }) => text.replace(/=.*$/s, "").replaceAll("_", "-")));
  const saysTheSame = (key: string) => {
    if (!flagOf(key).names.some((name) => texts.has(name))) return false;
    const flag = findFlag(words, flagOf(key));
    const isSwitch = /^(true|yes|on)$/i.test(defaults[key] ?? "");
    return flag !== undefined && (isSwitch || flagValue(words, flagOf(key))?.text === defaults[key]);
  };
  return Object.keys(defaults)
    .filter((key) => !key.includes(".") && !used.has(key))
    .filter((key) => !LAUNCH_PARAMETERS.includes(key) && !conditions.includes(key))
    .filter((key) => !Object.hasOwn(values, key) && !saysTheSame(key))
    .map((key) => `${source.atKey(["defaults", key])}: defaults.${key}: not acted on: the command has no {${key}}`);
}
