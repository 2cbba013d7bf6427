import type { ClusterConfig } from "../config/cluster";
import { Faults } from "../config/faults";
import { pathText } from "../config/judge";
import { buildSource } from "../facts/buildSource";
import { readMod } from "../facts/mods";
import { modsFolder } from "../facts/modsSource";
import { readIncluded, readRecipeFile } from "../facts/recipeFile";
import type { Recipes } from "../plan/deployments/launches";
import type { DeploymentRecipe } from "../plan/deployments/plan";
import { parseRecipe } from "../plan/recipe/recipe";

/**
 * The recipes of the deployments with what their mods are made of and their images built from, by the deployment's name.
 *
 * @throws Faults of all of them at once, the deployment's name first.
 */
export function readRecipes({ deployments }: ClusterConfig): Recipes {
  const faults: string[] = [];
  const recipes = new Map<string, DeploymentRecipe>();
  for (const { name, recipe: wanted, mods: source, build: builder } of deployments) {
    const told = (place: string) => (line: string) => `${name}: ${place}${line}`;
    const { recipe, folder } = caught(faults, told(""), () => readRecipe(wanted)) ?? {};
    if (!recipe || folder === undefined) continue;
    const from =
      source === undefined || recipe.mods.length === 0
        ? folder
        : caught(faults, told("mods: "), () => modsFolder(source));
    const build = builder === undefined ? undefined : caught(faults, told("build: "), () => buildSource(builder));
    if (from === undefined) continue;
    const mods = recipe.mods.map(({ name: mod, reference, path }) => {
      const place = `${recipe.source.at(path)}: ${pathText(path)}: `;
      return [mod, caught(faults, told(place), () => readMod(from, reference)) ?? []] as const;
    });
    recipes.set(name, { recipe, mods: Object.fromEntries(mods), ...(build && { build }) });
  }
  if (faults.length > 0) throw new Faults("the deployments", faults);
  return recipes;
}

function readRecipe(wanted: string) {
  const { file, text, folder } = readRecipeFile(wanted);
  const recipe = parseRecipe(file, text, (from, name) => readIncluded(folder, from, name));
  return { recipe, folder };
}

/** What `read` returns; undefined after its faults are among the others. */
function caught<T>(faults: string[], told: (line: string) => string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Faults)) throw error;
    faults.push(...error.lines.map(told));
    return undefined;
  }
}
