/** `spark-mesh recipe`: what recipes there are, what one would run, and what a recipe may say. */

import { Argument, Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { shellQuoted } from "../facts/sshArguments";
import type { LaunchPlan } from "../plan/launch/launch";
import { parallelText } from "../plan/launch/ranks";
import { parseRecipe } from "../plan/recipe/recipe";
import { recipeJsonSchema } from "../plan/recipe/schema";
import { openRecipe } from "../sources/recipeFile";
import { exampleLaunch, MANY } from "./exampleLaunch";
import { type ShownTopology, TOPOLOGIES } from "./exampleMesh";
import { print, printJson } from "./output";
import { listRecipes } from "./recipeList";
import { pinRecipe } from "./recipePin";
import { stackRegistries } from "./registries";

interface ShowOptions {
  /** How many Sparks there are. Default: as many as the recipe needs. */
  readonly hosts?: number | undefined;
  /** Default: what so many Sparks usually are. */
  readonly topology?: ShownTopology | undefined;
  /** Overrides by key; `true` and `false` are no texts. */
  readonly set: Readonly<Record<string, string | boolean>>;
  readonly stack?: string | undefined;
  readonly json?: true | undefined;
}

export function recipeCommand() {
  const recipe = new Command("recipe")
    .summary("find recipes, show what one would run on each rank, pin what it gets")
    .description("Finds recipes, shows what one would run on each rank, and pins what it gets; asks no host.")
    .usage("COMMAND [options]");
  recipe
    .command("list")
    .summary("the recipes that ship, and those of the stack's registries")
    .description("Lists the recipes that ship, and those of the stack's registries.")
    .addOption(stackOption())
    .option("--json", "one JSON document on stdout")
    .action((options) => listRecipes([], options));
  recipe
    .command("search")
    .summary("the recipes that have all of these words in them")
    .description("Lists the recipes that have all of these words in their name, model, runtime or description.")
    .argument("<WORD...>", "in any case")
    .addOption(stackOption())
    .option("--json", "one JSON document on stdout")
    .action((words, options) => listRecipes(words, options));
  recipe
    .command("show")
    .summary("what a recipe would run")
    .description("Shows what a recipe would run on each rank, without any host.")
    .addArgument(new Argument("<RECIPE>", "a name in recipes/, @registry/name, URL#COMMIT:path, or a path"))
    .addOption(
      new Option(
        "--hosts <N>",
        "how many Sparks there are (default: as many as the recipe needs); it takes the first ones",
      ).argParser(hostCount),
    )
    .addOption(new Option("--topology <T>", "default: two are direct, three a ring, more a switch").choices(TOPOLOGIES))
    .addOption(
      new Option("--set <KEY=VALUE>", "an override, as deployments' overrides: has it; any number of times")
        .argParser(override)
        .default({}, "none"),
    )
    .addOption(stackOption())
    .option("--json", "one JSON document on stdout")
    .action((name, options) => show(name, options));
  recipe
    .command("pin")
    .summary("write image digest and model revisions of a deployment into the stack")
    .description(
      "Asks Hugging Face and the image's registry what the deployments of a recipe would get now, and writes that into " +
        "their overrides. Where one of them can't be asked, nothing is written.",
    )
    .addArgument(new Argument("<RECIPE>", "as a deployment of the stack names it, or that deployment's name"))
    .addOption(stackOption("the stack whose file is written (default: the only one in this folder)"))
    .option("--json", "one JSON document on stdout")
    .action((name, options) => pinRecipe(name, options));
  recipe
    .command("schema")
    .summary("the format of recipes as a JSON schema, for editors")
    .description("Prints the format of recipes as a JSON schema, for editors.")
    .action(() => printJson(recipeJsonSchema()));
  return recipe;
}

function stackOption(description = "the stack that declares registries (default: the only one in this folder)") {
  return new Option("--stack <NAME>", description);
}

function hostCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= MANY) return count;
  throw new InvalidArgumentError(`Allowed: a whole number from 1 to ${MANY}.`);
}

function override(text: string, others: ShowOptions["set"]): ShowOptions["set"] {
  const [, key = "", value = ""] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (key === "") throw new InvalidArgumentError("Allowed: KEY=VALUE.");
  return { ...others, [key]: value === "true" || (value !== "false" && value) };
}

function show(recipe: string, options: ShowOptions): void {
  const plan = shown(recipe, options);
  if (options.json) printJson(documentOf(plan));
  else print(asText(plan));
}

/** The plan for the Sparks that the command line names, or for as many as the recipe needs. */
function shown(wanted: string, { hosts: count, topology, set, stack }: ShowOptions): LaunchPlan {
  const { file, text, readBase } = openRecipe(wanted, wanted.startsWith("@") || stack ? stackRegistries(stack) : {});
  return exampleLaunch(parseRecipe(file, text, readBase), set, count, topology);
}

function documentOf({ recipe: name, ranks, warnings }: LaunchPlan): unknown {
  const shownRanks = ranks.map(({ rank, image, env, argv, docker }) => ({ rank, image, env, argv, docker }));
  return { name, ranks: shownRanks, warnings };
}

function asText({ recipe, parallel, ranks, endpoint, mods, warnings }: LaunchPlan): string {
  const lines = [
    `${recipe}: ${ranks.length === 1 ? "1 rank" : `${ranks.length} ranks`}, ${parallelText(parallel)}`,
    `endpoint http://${endpoint.address}:${endpoint.port}/v1 on rank 0`,
    ...(mods.length > 0 ? [`mods, before the server starts: ${mods.map(({ name }) => name).join(", ")}`] : []),
    ...ranks.flatMap(({ rank, host, docker }) => ["", `rank ${rank} on ${host}`, ...wrapped(docker)]),
    ...(warnings.length > 0 ? ["", ...warnings.map((line) => `warning: ${line}`)] : []),
  ];
  return `${lines.join("\n")}\n`;
}

/** An argument list as a person would type it, an option with its value on each line. */
function wrapped(words: readonly string[]): readonly string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    const joins = last !== undefined && !word.startsWith("-") && last.split(" ").length < 2;
    if (joins) lines[lines.length - 1] = `${last} ${quoted(word)}`;
    else lines.push(quoted(word));
  }
  return lines.map((line, index) => `  ${index === 0 ? "" : "  "}${line}${index < lines.length - 1 ? " \\" : ""}`);
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : shellQuoted(word);
}
