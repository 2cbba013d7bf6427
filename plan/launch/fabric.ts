import { BOOTSTRAP_VARIABLES, type RankMesh } from "../nccl";
import type { Recipe } from "../recipe/recipe";
import type { DeclaredEnvironment } from "./environment";
import type { RankHost } from "./ranks";

type Variables = Readonly<Record<string, string>>;

/** Whose values count for what ranks reach one another by: the recipe's, or the mesh's. */
export type FabricEnv = "recipe" | "mesh";

/** Devices that NCCL goes over. */
const HCA = "NCCL_IB_HCA";

/** Left unset by the mesh: an index differs by host, and moves with a host's addresses. */
const GID_INDEX = "NCCL_IB_GID_INDEX";

/** In a ring NCCL finds its peers by these, and the last one in a ring of four and more. */
const RING_VARIABLES = ["NCCL_NET_PLUGIN", "NCCL_IB_SUBNET_AWARE_ROUTING", "NCCL_IB_MERGE_NICS", "NCCL_ALGO"];

/** One value can't be right for every rank. */
const OWN_VARIABLES = ["VLLM_HOST_IP", "RAY_NODE_IP_ADDRESS"];

/** What names devices or interfaces of a host. */
const INTERFACES: readonly string[] = [HCA, ...BOOTSTRAP_VARIABLES];

/** Variables of which NCCL takes the beginning of a name for the name. */
const BY_PREFIX = [HCA, "NCCL_SOCKET_IFNAME"];

/** Whose value counts where it differs, and how the mesh's would. */
function wins({ declared }: Fabric, name: string): string {
  return declared && name in declared.values
    ? "the stack's env wins; leave it out there"
    : "the recipe wins, unless the deployment has fabricEnv: mesh";
}

/** Whether a value of the recipe's gives way where the mesh is to win: it has another, or means that there is none. */
export function isFabric(name: string, mesh: Variables): boolean {
  return name in mesh || name === GID_INDEX || INTERFACES.includes(name);
}

/** What the launch knows of the recipe's own values, where they count. */
export interface Fabric {
  readonly recipe: Recipe;
  /** Variables that stand before the command. */
  readonly command: Variables;
  readonly declared?: DeclaredEnvironment;
  /** `mesh`: of the recipe's values none counts. */
  readonly fabricEnv: FabricEnv;
  /** One a rank. */
  readonly hosts: readonly RankHost[];
  /** The mesh's variables of each rank, as ncclEnv gives them. */
  readonly variables: readonly Variables[];
  /** Undefined while the hosts weren't asked. */
  readonly mesh?: RankMesh;
}

/** Where the recipe's values differ from what the mesh needs, a line for each rank that they differ for. */
export function fabricWarnings(fabric: Fabric): readonly string[] {
  const { hosts, variables, mesh } = fabric;
  const wished = wishedBy(fabric);
  const found = (name: string) => `${placeOf(fabric, name)}: found ${JSON.stringify(wished[name])}`;
  const ring = RING_VARIABLES.flatMap((name) => {
    const wanted = variables[0]?.[name];
    if (wanted === undefined || wished[name] === undefined || wished[name] === wanted) return [];
    return [`${found(name)}, the ring needs ${wanted}; ${wins(fabric, name)}`];
  });
  const own = OWN_VARIABLES.filter((name) => hosts.length > 1 && wished[name] !== undefined).map(
    (name) => `${placeOf(fabric, name)}: the same on every rank, each of which has its own; ${wins(fabric, name)}`,
  );
  if (hosts.length < 2 || !mesh) return [...ring, ...own];
  const interfaces = INTERFACES.flatMap((name) =>
    hosts.flatMap(({ name: host }, rank) => {
      const wanted = variables[rank]?.[name];
      const value = wished[name];
      if (value === undefined || wanted === undefined) return [];
      const isSame = name === HCA ? isSameDevices(value, wanted, devicesOf(mesh, host)) : bare(value) === wanted;
      return isSame ? [] : [`${found(name)}, ${host} needs ${wanted}; ${wins(fabric, name)}`];
    }),
  );
  const index = hosts
    .filter(() => wished[GID_INDEX] !== undefined)
    .map(
      ({ name }) =>
        `${found(GID_INDEX)}, ${name} needs none: it differs by host, and moves; ${wins(fabric, GID_INDEX)}`,
    );
  return [...ring, ...own, ...interfaces, ...index];
}

/** Devices and interfaces that the recipe names and that have no cable on the host of a rank, or aren't there at all. */
export function fabricProblems(fabric: Fabric): readonly string[] {
  const { hosts, mesh, declared } = fabric;
  if (hosts.length < 2 || !mesh) return [];
  const wished = wishedBy(fabric);
  return INTERFACES.flatMap((name) => {
    const value = wished[name];
    if (value === undefined || value.startsWith("^")) return [];
    return hosts.flatMap((host) =>
      namesIn(value)
        .filter((one) => !isThere(name, one, value.startsWith("="), host, mesh))
        .map((one) => {
          const cabled = mesh.hosts.find((other) => other.name === host.name)?.netdevs ?? [];
          const names = cabled.map(({ netdev, roceDevice }) => (name === HCA ? roceDevice : netdev));
          return `${placeOf(fabric, name)}: found ${JSON.stringify(one)}, which has no cable on ${host.name}, wanted one of ${names.join(", ") || "none"}; leave ${name} out${declared && name in declared.values ? "" : ", or give the deployment fabricEnv: mesh"}`;
        }),
    );
  });
}

/** A cabled netdev or its device, or for a socket whatever other netdev the host has. */
function isThere(variable: string, name: string, exact: boolean, host: RankHost, mesh: RankMesh): boolean {
  const planned = mesh.hosts.find((other) => other.name === host.name);
  const cabled = (planned?.netdevs ?? []).flatMap(({ netdev, roceDevice }) => [netdev, roceDevice]);
  const others = [planned?.managementInterface ?? [], host.netdevs ?? []].flat();
  const isPrefix = BY_PREFIX.includes(variable) && !exact;
  const matches = (one: string) => one === name || (isPrefix && one.startsWith(name));
  if (cabled.some(matches)) return true;
  if (variable === HCA || isConnectX(name)) return false;
  // Of a host that wasn't asked nobody knows what else it has.
  return host.netdevs === undefined || others.some(matches);
}

/** As the kernel and its driver name the four netdevs of a Spark's ConnectX-7, and their devices. */
function isConnectX(name: string): boolean {
  return /^(en(P\d+)?p\d+s\d+f\d+np\d+|roce(P\d+)?p\d+s\d+f\d+)$/.test(name);
}

function devicesOf(mesh: RankMesh, host: string): readonly string[] {
  return (mesh.hosts.find(({ name }) => name === host)?.netdevs ?? []).map(({ roceDevice }) => roceDevice);
}

/** Whether NCCL takes the same of a host's devices. */
function isSameDevices(value: string, wanted: string, devices: readonly string[]): boolean {
  const names = namesIn(value);
  const isNamed = (device: string) =>
    names.some((name) => (/^\^?=/.test(value) ? device === name : device.startsWith(name)));
  const taken = devices.filter((device) => isNamed(device) !== value.startsWith("^"));
  return [...taken].sort().join() === wanted.split(",").sort().join();
}

/** `^=a:1,b` has a and b; a network in CIDR notation is no name. */
function namesIn(value: string): readonly string[] {
  return value
    .replace(/^\^?=?/, "")
    .split(",")
    .map((name) => name.trim().replace(/:\d+$/, ""))
    .filter((name) => name !== "" && name !== "all" && !name.includes("/"));
}

function bare(value: string): string {
  return value.replace(/^=/, "").replace(/:\d+$/, "").trim();
}

function wishedBy({ recipe, command, declared, fabricEnv }: Fabric): Variables {
  return { ...(fabricEnv === "recipe" && { ...recipe.env, ...command }), ...declared?.values };
}

function placeOf({ recipe: { source }, command, declared }: Fabric, name: string): string {
  if (declared && name in declared.values) return declared.path(name);
  return `${name in command ? source.at(["command"]) : source.at(["env", name])}: env.${name}`;
}
