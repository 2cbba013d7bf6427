/** `spark-mesh recipe`: what a recipe would run, and what a recipe may say. */

import { Argument, Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { shellQuoted } from "../facts/sshArguments";
import { type LaunchPlan, type LaunchWish, planLaunch } from "../plan/launch/launch";
import { parallelText } from "../plan/launch/ranks";
import { parseRecipe } from "../plan/recipe/recipe";
import { recipeJsonSchema } from "../plan/recipe/schema";
import { openRecipe } from "../sources/recipeFile";
import { exampleMesh, type ShownTopology, TOPOLOGIES } from "./exampleMesh";
import { print, printJson } from "./output";

/** Sparks that are enough for every recipe, where the command line doesn't say how many there are. */
const MANY = 64;

interface ShowOptions {
  /** How many Sparks there are. Default: as many as the recipe needs. */
  readonly hosts?: number | undefined;
  /** Default: what so many Sparks usually are. */
  readonly topology?: ShownTopology | undefined;
  /** Overrides by key; `true` and `false` are no texts. */
  readonly set: Readonly<Record<string, string | boolean>>;
  readonly json?: true | undefined;
}

export function recipeCommand() {
  const recipe = new Command("recipe")
    .summary("show what a recipe would run on each rank, without any host")
    .description("Shows what a recipe would run on each rank, without any host.")
    .usage("show NAME|FILE [options]\n       spark-mesh recipe schema");
  recipe
    .command("show")
    .summary("what a recipe would run")
    .description("Shows what a recipe would run on each rank, without any host.")
    .addArgument(new Argument("<RECIPE>", "a recipe in recipes/, without .yaml, or a recipe's path"))
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
    .option("--json", "one JSON document on stdout")
    .action((name, options) => show(name, options));
  recipe
    .command("schema")
    .summary("the format of recipes as a JSON schema, for editors")
    .description("Prints the format of recipes as a JSON schema, for editors.")
    .action(() => printJson(recipeJsonSchema()));
  return recipe;
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
function shown(wanted: string, { hosts: count, topology, set }: ShowOptions): LaunchPlan {
  const { file, text, readBase } = openRecipe(wanted, {});
  const recipe = parseRecipe(file, text, readBase);
  const wish = (hosts: LaunchWish["hosts"]): LaunchWish => ({
    name: recipe.name.toLowerCase().replace(/[^a-z0-9]+/g, "-"),
    recipe,
    overrides: { values: set, path: (key) => `--set ${key}` },
    hosts,
    chosen: false,
  });
  const needed = () => planLaunch(wish(Array.from({ length: MANY }, anyHost))).ranks.length;
  const { hosts, mesh } = exampleMesh(count ?? needed(), topology);
  return planLaunch(wish(hosts), mesh);
}

function anyHost(): LaunchWish["hosts"][number] {
  return { name: "", address: "", home: "" };
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
