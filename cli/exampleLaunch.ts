import { type LaunchPlan, type LaunchWish, planLaunch } from "../plan/launch/launch";
import type { Recipe } from "../plan/recipe/recipe";
import { exampleMesh, type ShownTopology } from "./exampleMesh";

/** Sparks that are enough for every recipe, where nobody says how many there are. */
export const MANY = 64;

type Values = LaunchWish["overrides"]["values"];

/**
 * What a recipe runs on so many Sparks, by default on as many as it needs.
 *
 * @throws Faults where it can't run there.
 */
export function exampleLaunch(
  recipe: Recipe,
  overrides: Values,
  count?: number | undefined,
  topology?: ShownTopology | undefined,
): LaunchPlan {
  const needed = () => launchAnywhere(recipe, overrides).ranks.length;
  const { hosts, mesh } = exampleMesh(count ?? needed(), topology);
  return planLaunch(wishOf(recipe, overrides, hosts), mesh);
}

/** The same wherever they are: image, models and arguments count, and no address. */
export function launchAnywhere(recipe: Recipe, overrides: Values): LaunchPlan {
  const anyHost = () => ({ name: "", address: "", home: "" });
  return planLaunch(wishOf(recipe, overrides, Array.from({ length: MANY }, anyHost)));
}

function wishOf(recipe: Recipe, values: Values, hosts: LaunchWish["hosts"]): LaunchWish {
  return {
    name: recipe.name.toLowerCase().replace(/[^a-z0-9]+/g, "-"),
    recipe,
    overrides: { values, path: (key) => `--set ${key}` },
    hosts,
    chosen: false,
  };
}
