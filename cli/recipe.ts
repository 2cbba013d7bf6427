/** `npm run recipe`: what a recipe would run, and what a recipe may say. */

import { readIncluded, readRecipeFile } from "../facts/recipeFile";
import { shellQuoted } from "../facts/sshArguments";
import { type LaunchPlan, type LaunchWish, planLaunch } from "../plan/launch/launch";
import { parallelText } from "../plan/launch/ranks";
import { parseRecipe } from "../plan/recipe/recipe";
import { recipeJsonSchema } from "../plan/recipe/schema";
import { runCommand } from "./commandLine";
import { exampleMesh } from "./exampleMesh";
import { parseRecipeOptions, RECIPE_HELP, type RecipeOptions } from "./recipeArguments";

/** Sparks that are enough for every recipe, where the command line doesn't say how many there are. */
const MANY = 64;

async function main(): Promise<void> {
  const options = parseRecipeOptions(process.argv.slice(2));
  if (options === "help") process.stdout.write(RECIPE_HELP);
  else if (options.command === "schema") process.stdout.write(`${JSON.stringify(recipeJsonSchema(), null, 2)}\n`);
  else process.stdout.write(options.json ? asJson(shown(options)) : asText(shown(options)));
}

/** The plan for the Sparks that the command line names, or for as many as the recipe needs. */
function shown({
  recipe: wanted,
  hosts: count,
  topology,
  set,
}: Extract<RecipeOptions, { command: "show" }>): LaunchPlan {
  const { file, text, folder } = readRecipeFile(wanted);
  const recipe = parseRecipe(file, text, (from, name) => readIncluded(folder, from, name));
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

function asJson({ recipe: name, ranks, warnings }: LaunchPlan): string {
  const shownRanks = ranks.map(({ rank, image, env, argv, docker }) => ({ rank, image, env, argv, docker }));
  return `${JSON.stringify({ name, ranks: shownRanks, warnings }, null, 2)}\n`;
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

runCommand(main);
