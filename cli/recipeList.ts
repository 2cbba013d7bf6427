/** `spark-mesh recipe list` and `search`: what recipes there are. */

import { Faults } from "../config/faults";
import { oneLine } from "../config/judge";
import { parseRecipe, type Recipe } from "../plan/recipe/recipe";
import { openRecipe, shippedFiles } from "../sources/recipeFile";
import { openRegistry, type Registries, recipesIn, registryProblems } from "../sources/registry";
import { exitFor, print, printJson, tell } from "./output";
import { stackRegistries } from "./registries";
import { renderTable } from "./table";

export interface ListOptions {
  readonly stack?: string | undefined;
  readonly json?: true | undefined;
}

/** A recipe as a list shows it. */
interface Listed {
  /** As a deployment's `recipe` names it. */
  readonly name: string;
  readonly model?: string;
  readonly runtime?: string;
  /** How many Sparks it takes: `1`, `2-4`, `2+`. */
  readonly sparks?: string;
  readonly description?: string;
  /** Why it can't be used. */
  readonly problem?: string;
}

/** Lists all recipes that ship and those of the stack's registries. @param words what each that is shown has in it */
export function listRecipes(words: readonly string[], { stack, json }: ListOptions): void {
  const registries = stackRegistries(stack);
  const problems = [...registryProblems(registries)];
  const names = [...shippedNames(), ...Object.keys(registries).flatMap((name) => namesIn(name, registries, problems))];
  const listed = names.map((name) => listedOf(name, registries));
  const found = listed.filter((recipe) => words.every((word) => textOf(recipe).includes(word.toLowerCase())));
  if (json) printJson({ recipes: found, problems });
  else {
    const head = ["RECIPE", "SPARKS", "RUNTIME", "MODEL", ""];
    const rows = found.map(({ name, sparks = "", runtime = "", model = "", description = "", problem }) =>
      problem === undefined
        ? [name, sparks, runtime, model, oneLine(description)]
        : [name, "", "", "", `problem: ${oneLine(problem)}`],
    );
    if (rows.length > 0) print(`${renderTable([head, ...rows]).join("\n")}\n`);
    for (const problem of problems) tell(`${problem}\n`);
    if (rows.length === 0) tell(`no recipe has ${words.join(" and ")} in it\n`);
  }
  exitFor(problems);
}

function shippedNames(): readonly string[] {
  return shippedFiles().map((file) => file.replace(/\.ya?ml$/, ""));
}

function namesIn(name: string, registries: Registries, problems: string[]): readonly string[] {
  // One that isn't pinned has been said.
  if (problems.some((line) => line.startsWith(`registries.${name}: `))) return [];
  try {
    const paths = recipesIn(openRegistry(name, registries)).map((path) => path.replace(/\.ya?ml$/, ""));
    const isUnique = (bare: string) => paths.filter((path) => path === bare || path.endsWith(`/${bare}`)).length === 1;
    return paths.map((path) => {
      const bare = path.replace(/^.*\//, "");
      return `@${name}/${isUnique(bare) ? bare : path}`;
    });
  } catch (error) {
    if (!(error instanceof Faults)) throw error;
    problems.push(...error.lines);
    return [];
  }
}

function listedOf(name: string, registries: Registries): Listed {
  try {
    const { file, text, readBase } = openRecipe(name, registries);
    const recipe = parseRecipe(file, text, readBase);
    const { model, runtime = "vllm" } = recipe;
    const description = descriptionOf(recipe);
    return {
      name,
      ...(model !== undefined && { model }),
      runtime,
      sparks: sparksOf(recipe.nodes),
      ...(description !== undefined && { description }),
    };
  } catch (error) {
    if (!(error instanceof Faults)) throw error;
    return { name, problem: error.lines.join("; ") };
  }
}

function descriptionOf({ source, metadata }: Recipe): string | undefined {
  const found = [source.value.description, metadata.description].find((text) => typeof text === "string");
  return typeof found === "string" ? found.trim() : undefined;
}

function sparksOf({ min, max }: Recipe["nodes"]): string {
  if (max === undefined) return `${min}+`;
  return min === max ? String(min) : `${min}-${max}`;
}

function textOf(recipe: Listed): string {
  return Object.values(recipe).join("\n").toLowerCase();
}
