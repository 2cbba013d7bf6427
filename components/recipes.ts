import type { ClusterConfig, DeploymentConfig } from "../config/cluster";
import { Faults } from "../config/faults";
import { pathText } from "../config/judge";
import type { Recipes } from "../plan/deployments/launches";
import type { DeploymentRecipe } from "../plan/deployments/plan";
import { parseRecipe } from "../plan/recipe/recipe";
import { buildSource, ownBuilder } from "../sources/buildSource";
import { modsFolder, readMod } from "../sources/mods";
import { openRecipe } from "../sources/recipeFile";
import { type Registries, registryProblems } from "../sources/registry";

/**
 * The recipes of the deployments with what their mods are made of and their images built from, by the deployment's name.
 *
 * @throws Faults of all of them at once, the deployment's name first.
 */
export function readRecipes({ deployments, registries = {} }: ClusterConfig): Recipes {
  const faults: string[] = [...registryProblems(registries)];
  // What isn't pinned has been said.
  const usable = faults.length > 0 ? undefined : registries;
  const recipes = new Map<string, DeploymentRecipe>();
  for (const deployment of usable ? deployments : []) {
    const recipe = readOne(deployment, registries, faults);
    if (recipe) recipes.set(deployment.name, recipe);
  }
  if (faults.length > 0) throw new Faults("the deployments", faults);
  return recipes;
}

function readOne(
  { name, recipe: wanted, mods: source, build: builder }: DeploymentConfig,
  registries: Registries,
  faults: string[],
): DeploymentRecipe | undefined {
  const told = (place: string) => (line: string) => `${name}: ${place}${line}`;
  const found = caught(faults, told(""), () => {
    const opened = openRecipe(wanted, registries);
    return { opened, recipe: parseRecipe(opened.file, opened.text, opened.readBase) };
  });
  if (!found) return undefined;
  const { opened, recipe } = found;
  const isFromElsewhere = source !== undefined && recipe.mods.length > 0;
  const declared = isFromElsewhere ? caught(faults, told("mods: "), () => modsFolder(source)) : undefined;
  const built = builder === undefined ? undefined : caught(faults, told("build: "), () => buildSource(builder));
  const own = builder === undefined ? ownBuilder(opened.checkout) : undefined;
  if (isFromElsewhere && !declared) return undefined;
  const sources = { files: opened.files, registries, ...(declared && { declared }) };
  const mods = recipe.mods.map(({ name: mod, reference, path }) => {
    const place = `${recipe.source.at(path)}: ${pathText(path)}: `;
    return [mod, caught(faults, told(place), () => readMod(reference, sources)) ?? []] as const;
  });
  return {
    recipe,
    mods: Object.fromEntries(mods),
    ...(built && { build: built }),
    ...(own && { build: own, buildsUnnamed: true as const }),
  };
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
