import type { Recipe } from "../recipe/recipe";

type Variables = Readonly<Record<string, string>>;

/** What every container gets, unless the recipe has another value. The model is on the host before a rank starts. */
const DEFAULTS: Variables = { HF_HUB_OFFLINE: "1", NCCL_CUMEM_ENABLE: "0", OMP_NUM_THREADS: "4" };

/** In a ring NCCL finds its peers by these, and the last one in a ring of four and more. */
const RING_VARIABLES = ["NCCL_NET_PLUGIN", "NCCL_IB_SUBNET_AWARE_ROUTING", "NCCL_IB_MERGE_NICS", "NCCL_ALGO"];

/** One value can't be right for every rank. */
const OWN_VARIABLES = ["VLLM_HOST_IP", "RAY_NODE_IP_ADDRESS"];

/** The environment of one rank by name: the recipe's values over the mesh's, what stands before its command over both. */
export function rankEnvironment(mesh: Variables, launch: Variables, recipe: Variables, command: Variables): Variables {
  const all = { ...DEFAULTS, ...mesh, ...launch, ...recipe, ...command };
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Where the recipe's values contradict what the mesh needs; they win all the same.
 *
 * @param mesh the variables of each rank's host, as ncclEnv gives them.
 */
export function contradictions(
  { source, env }: Recipe,
  command: Variables,
  mesh: readonly Variables[],
): readonly string[] {
  const wished = { ...env, ...command };
  const at = (name: string) => (name in command ? source.at(["command"]) : source.at(["env", name]));
  const ring = RING_VARIABLES.flatMap((name) => {
    const wanted = mesh[0]?.[name];
    const found = wished[name];
    if (wanted === undefined || found === undefined || found === wanted) return [];
    return [`${at(name)}: env.${name}: found ${JSON.stringify(found)}, the ring needs ${wanted}; the recipe wins`];
  });
  const own = OWN_VARIABLES.filter((name) => mesh.length > 1 && wished[name] !== undefined).map(
    (name) => `${at(name)}: env.${name}: the same on every rank, each of which has its own; the recipe wins`,
  );
  return [...ring, ...own];
}

/** Names of the variables that differ between ranks: Ray would carry the head's values to all of them. */
export function differing(environments: readonly Variables[]): readonly string[] {
  const [head = {}, ...others] = environments;
  const names = new Set(environments.flatMap((variables) => Object.keys(variables)));
  return [...names].filter((name) => others.some((variables) => variables[name] !== head[name])).sort();
}
