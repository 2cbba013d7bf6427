/** `spark-mesh recipe pin`: what a deployment runs today stays what it runs. */

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import type { DeploymentConfig } from "../config/cluster";
import { Faults } from "../config/faults";
import type { LaunchPlan } from "../plan/launch/launch";
import { parseRecipe, type Recipe } from "../plan/recipe/recipe";
import { imageDigest } from "../sources/imageDigest";
import { modelCommit } from "../sources/modelCommit";
import { openRecipe } from "../sources/recipeFile";
import { namedCluster, onlyStack, stackFilePath } from "./cluster";
import { launchAnywhere } from "./exampleLaunch";
import { misused } from "./misuse";
import { print, printJson } from "./output";
import { replaceFile } from "./replaceFile";
import { overrideInStackFile } from "./stackFile";

export interface PinOptions {
  readonly stack?: string | undefined;
  readonly json?: true | undefined;
}

/** One override that pins something. */
interface Pin {
  readonly deployment: string;
  /** Of the override. */
  readonly key: string;
  readonly value: string;
  /** What it pins: `Qwen/Qwen3-8B at main`. */
  readonly of: string;
}

/** Writes what can be pinned into the stack's file: all of it or, where something can't be had, nothing. */
export async function pinRecipe(wanted: string, { stack = onlyStack(), json }: PinOptions): Promise<void> {
  const path = stackFilePath(stack);
  const { cluster } = namedCluster({ hosts: [], stack });
  const deployments = cluster.deployments.filter(({ name, recipe }) => recipe === wanted || name === wanted);
  if (deployments.length === 0) {
    const all = cluster.deployments.map(({ name, recipe }) => `${name} (${recipe})`).join(", ") || "none";
    throw misused(`${basename(path)}: found no deployment of ${wanted}; deployments: ${all}`);
  }
  const pins: Pin[] = [];
  const notes: string[] = [];
  const problems: string[] = [];
  for (const deployment of deployments) {
    const { file, text, readBase } = openRecipe(deployment.recipe, cluster.registries ?? {});
    const pinned = await pinsOf(deployment, parseRecipe(file, text, readBase), problems);
    pins.push(...pinned.pins);
    notes.push(...pinned.notes);
  }
  const unanswered = [...new Set(problems)];
  if (unanswered.length > 0) {
    throw new Faults("what is to be pinned", [...unanswered, "nothing was written"], unanswered.length);
  }
  let text = readFileSync(path, "utf8");
  for (const { deployment, key, value } of pins) text = overrideInStackFile(text, deployment, key, value, path);
  if (pins.length > 0) replaceFile(path, text, 0o644);
  const wrote = pins.length > 0 ? [basename(path)] : [];
  if (json) printJson({ stack, pins, notes, wrote });
  else {
    for (const { deployment, key, value, of } of pins) print(`${deployment}: ${key}: ${value} (${of})\n`);
    for (const note of notes) print(`note: ${note}\n`);
    print(wrote.length > 0 ? `wrote ${wrote[0]}\n` : "nothing was left to pin\n");
  }
}

async function pinsOf(
  deployment: DeploymentConfig,
  recipe: Recipe,
  problems: string[],
): Promise<{ readonly pins: readonly Pin[]; readonly notes: readonly string[] }> {
  const { name, overrides } = deployment;
  const pins: Pin[] = [];
  const notes: string[] = [];
  const launch = launchAnywhere(recipe, overrides);
  const add = async (keys: readonly string[], of: string, ask: () => Promise<string>, isPinned: IsPinned) => {
    const value = await answerOf(ask, problems);
    if (value === undefined) return;
    // A command may say its model's revision itself, by its own flag.
    const key = keys.find((one) => isPinned(launchWith(recipe, { ...overrides, [one]: value }), value));
    if (key === undefined) notes.push(`${name}: ${of} isn't pinned: no override reaches it; pin it in the recipe`);
    else pins.push({ deployment: name, key, value, of });
  };
  for (const { id, revision = "main", use } of launch.models) {
    if (id.startsWith("/") || /^[0-9a-f]{40}$/.test(revision)) continue;
    const keys =
      { model: ["model_revision", "revision"], drafter: ["speculative_config.revision"] }[use as string] ?? [];
    const isPinned: IsPinned = (changed, value) =>
      changed?.models.some((model) => model.use === use && model.id === id && model.revision === value) ?? false;
    await add(keys, `${id} at ${revision}`, () => modelCommit(id, revision), isPinned);
  }
  const image = launch.ranks[0]?.image ?? "";
  if (!image.includes("/") || deployment.build !== undefined)
    notes.push(`${name}: ${image} isn't pinned by digest: no registry has it; its build is pinned by its commit`);
  else if (!image.includes("@")) {
    const ask = async () => `${image.replace(/:[^:/]*$/, "")}@${await imageDigest(image)}`;
    await add(["container"], image, ask, (changed, value) => changed?.ranks[0]?.image === value);
  }
  return { pins, notes };
}

type IsPinned = (launch: LaunchPlan | undefined, value: string) => boolean;

function launchWith(recipe: Recipe, overrides: DeploymentConfig["overrides"]): LaunchPlan | undefined {
  try {
    return launchAnywhere(recipe, overrides);
  } catch (error) {
    if (!(error instanceof Faults)) throw error;
    return undefined;
  }
}

async function answerOf(ask: () => Promise<string>, problems: string[]): Promise<string | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof Faults)) throw error;
    problems.push(...error.lines);
    return undefined;
  }
}
