import type { Word } from "../recipe/command";
import type { DistributionEntry } from "../recipe/distribution";
import type { Parameters } from "../recipe/parameters";
import type { Recipe } from "../recipe/recipe";
import { expander } from "../recipe/template";
import { drafterOf, jsonObject, shortened } from "./drafter";
import { FLAGS, type Flag, flagValue, flagValues } from "./flags";
import { isSameModel, type Mention, type NeededModel, placeModel } from "./models";

/** Everything that a server reads from a hub or a folder. */
export interface NeededModels {
  /** To be on every host; the served one first, unless only the container has it. Each once. */
  readonly models: readonly NeededModel[];
  /** Folders of the hosts that a container is to have under the same names. */
  readonly folders: readonly string[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Mentions of models, and what can't be told of others. */
interface Mentioned {
  readonly mentions: readonly Mention[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * The models that a vLLM server needs by its arguments and its recipe: the served one, drafter, tokenizer, configuration,
 * adapters, and what `distribution_config` names. What nobody can tell is a problem: offline, the server fails for it.
 *
 * @param tensor tensor parallel size.
 */
export function neededModels(
  recipe: Recipe,
  words: readonly Word[],
  parameters: Parameters,
  tensor: number,
): NeededModels {
  const served = servedOf(recipe, words);
  const drafter = drafterOf(words, tensor);
  const adapters = adaptersOf(words);
  const distributed = distributedOf(recipe, parameters);
  const mentions = [
    ...served.mentions,
    ...(drafter.mention ? [drafter.mention] : []),
    ...filesOf(words),
    ...adapters.mentions,
    ...distributed.mentions,
  ];
  const placed = mentions.map((mention) => placeModel(mention, recipe.executor));
  const models = placed.flatMap((place) => (place && "needed" in place ? [place.needed] : []));
  return {
    models: models.filter((model, index) => !models.slice(0, index).some((other) => isIn(model, other))),
    folders: [...new Set(placed.flatMap((place) => (place && "folder" in place ? [place.folder] : [])))],
    problems: [
      ...drafter.problems,
      ...adapters.problems,
      ...distributed.problems,
      ...placed.flatMap((place) => (place && "problem" in place ? [place.problem] : [])),
    ],
    warnings: [...served.warnings, ...drafter.warnings, ...distributed.warnings],
  };
}

/** Whether one model is what another one brings: sparkrun's entries repeat the others, without their revisions. */
function isIn(model: NeededModel, other: NeededModel): boolean {
  const isListed = model.use === "additional model" && model.revision === undefined;
  return isListed ? model.id === other.id : isSameModel(model, other);
}

/** The command's word for the model counts; the recipe's where that is a path that only the container has. */
function servedOf(recipe: Recipe, words: readonly Word[]): Mentioned {
  const { source, model, modelRevision, executor } = recipe;
  const next = words[words.findIndex(({ text }) => text === "serve") + 1];
  const word = next && !next.text.startsWith("-") ? next : flagValue(words, FLAGS.model);
  const mention = (name: string, at: string, revision: string | undefined): Mention => {
    return { name, use: "model", at: `${at}: model`, ...(revision !== undefined && { revision }) };
  };
  const written = mention(model ?? "", source.at(["model"]), modelRevision);
  if (!word) return { mentions: [written], problems: [], warnings: [] };
  const pinned = flagValue(words, FLAGS.revision)?.text ?? (word.text === model ? modelRevision : undefined);
  const served = mention(word.text, word.at, pinned);
  if (word.text === model || model === undefined) return { mentions: [served], problems: [], warnings: [] };
  if (placeModel(served, executor) === undefined) return { mentions: [written], problems: [], warnings: [] };
  const warning = `${written.at}: not fetched: the command serves ${shortened(word.text)}`;
  return { mentions: [served], problems: [], warnings: [warning] };
}

/** Small files that may come from another repository than the weights. */
function filesOf(words: readonly Word[]): readonly Mention[] {
  const mention = (flag: Flag, use: Mention["use"], revision: string | undefined): readonly Mention[] => {
    const word = flagValue(words, flag);
    // vLLM's own words for the model's, and for none.
    if (!word || (flag === FLAGS.generationConfig && /^(auto|vllm)$/.test(word.text))) return [];
    const at = `${word.at}: ${flag.names[0]}`;
    return [{ name: word.text, use, at, ...(revision !== undefined && { revision }) }];
  };
  const revision = flagValue(words, FLAGS.revision)?.text;
  return [
    // Offline vLLM looks for it at its own revision, and never at the model's.
    ...mention(FLAGS.tokenizer, "tokenizer", flagValue(words, FLAGS.tokenizerRevision)?.text),
    ...mention(FLAGS.hfConfigPath, "configuration", revision),
    ...mention(FLAGS.generationConfig, "configuration", revision),
  ];
}

/** `--lora-modules name=path ...`, or each as JSON; `--default-mm-loras` as JSON. */
function adaptersOf(words: readonly Word[]): Mentioned {
  const problems: string[] = [];
  const mentions: Mention[] = [];
  const add = (name: unknown, at: string): void => {
    if (typeof name === "string") mentions.push({ name, use: "adapter", at });
    else problems.push(`${at}: found ${JSON.stringify(name) ?? "no path"}; allowed: a text`);
  };
  for (const { text, at } of flagValues(words, FLAGS.loraModules)) {
    const where = `${at}: --lora-modules`;
    const [, path] = /^[^={]+=(.+)$/s.exec(text) ?? [];
    const config = path === undefined ? jsonObject(text) : undefined;
    if (path !== undefined) add(path, where);
    else if (config) add(config.path, `${where}: path`);
    else problems.push(`${where}: found ${shortened(text)}; allowed: NAME=PATH, or a JSON object with name and path`);
  }
  const multimodal = flagValue(words, FLAGS.defaultMmLoras);
  if (multimodal) {
    const where = `${multimodal.at}: --default-mm-loras`;
    const config = jsonObject(multimodal.text);
    if (!config) problems.push(`${where}: found ${shortened(multimodal.text)}; allowed: a JSON object`);
    for (const [modality, paths] of Object.entries(config ?? {})) {
      for (const path of [paths].flat()) add(path, `${where}: ${modality}`);
    }
  }
  return { mentions, problems, warnings: [] };
}

/** What sparkrun fetches besides. */
function distributedOf({ source, distribution, model }: Recipe, parameters: Parameters): Mentioned {
  const listed = (path: readonly string[], entries: readonly DistributionEntry[] | null | undefined) =>
    (entries ?? []).map((entry, index) => ({
      entry: typeof entry === "string" ? { name: entry } : entry,
      at: source.at(["distribution_config", ...path, index]),
      key: `distribution_config.${path.join(".")}[${index}]`,
    }));
  const { models, additional_models } = distribution ?? {};
  const all = [...listed(["models", "entries"], models?.entries), ...listed(["additional_models"], additional_models)];
  const problems: string[] = [];
  const mentions = all.flatMap(({ entry: { name, revision }, at, key }): readonly Mention[] => {
    const expanded = expander({ ...parameters, ...(model !== undefined && { model }), [key]: name }, new Set())(key);
    if ("value" in expanded) {
      const mention = { name: expanded.value, use: "additional model" as const, at: `${at}: ${key}` };
      return [{ ...mention, ...(revision != null && { revision }) }];
    }
    problems.push(`${at}: ${expanded.fault}`);
    return [];
  });
  const ignored = (keys: readonly string[], why: string) =>
    all.flatMap(({ entry, at, key }) =>
      keys
        .filter((name) => isSet((entry as Readonly<Record<string, unknown>>)[name]))
        .map((name) => `${at}: ${key}.${name}: not acted on: ${why}`),
    );
  return {
    mentions,
    problems,
    warnings: [
      ...ignored(["allow_patterns", "ignore_patterns"], "all files of a model are fetched"),
      ...ignored(["target"], "a model goes to every host of the deployment"),
      ...(models?.enabled === false
        ? [
            `${source.at(["distribution_config", "models", "enabled"])}: distribution_config.models.enabled: not acted on: servers run offline, so their models are fetched`,
          ]
        : []),
    ],
  };
}

/** `[-1]` is every host. */
function isSet(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  return !(Array.isArray(value) && (value.length === 0 || value.includes(-1)));
}
