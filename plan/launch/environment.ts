import { type FabricEnv, isFabric } from "./fabric";

type Variables = Readonly<Record<string, string>>;

/** What every container gets, unless the recipe has another value. The model is on the host before a rank starts. */
const DEFAULTS: Variables = { HF_HUB_OFFLINE: "1", NCCL_CUMEM_ENABLE: "0", OMP_NUM_THREADS: "4" };

/** Variables that the stack declares for a deployment. */
export interface DeclaredEnvironment {
  readonly values: Variables;
  /** How messages name one, e.g. `spark-mesh:env.NCCL_DEBUG`. */
  readonly path: (name: string) => string;
}

/**
 * The environment of one rank by name: the recipe's values over the mesh's, what stands before its command over both, and
 * what the stack declares over all.
 *
 * @param fabricEnv `mesh`: by what ranks reach one another, the mesh's values count, and those of the others are left out.
 */
export function rankEnvironment(
  mesh: Variables,
  launch: Variables,
  recipe: Variables,
  command: Variables,
  fabricEnv: FabricEnv,
  declared: Variables,
): Variables {
  const own = Object.entries({ ...recipe, ...command }).filter(
    ([name]) => fabricEnv === "recipe" || !isFabric(name, mesh),
  );
  const all = { ...DEFAULTS, ...mesh, ...launch, ...Object.fromEntries(own), ...declared };
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Names of the variables that differ between ranks: Ray would carry the head's values to all of them. */
export function differing(environments: readonly Variables[]): readonly string[] {
  const [head = {}, ...others] = environments;
  const names = new Set(environments.flatMap((variables) => Object.keys(variables)));
  return [...names].filter((name) => others.some((variables) => variables[name] !== head[name])).sort();
}
