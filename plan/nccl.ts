import { Faults } from "../config/faults";
import type { HostPlan, NetdevPlan, Plan } from "./plan";

/** The netdev that NCCL, Gloo, TP, UCX, MPI and multi-node launchers meet over, before RDMA takes over. */
export const BOOTSTRAP_VARIABLES = [
  "NCCL_SOCKET_IFNAME",
  "GLOO_SOCKET_IFNAME",
  "TP_SOCKET_IFNAME",
  "UCX_NET_DEVICES",
  "OMPI_MCA_btl_tcp_if_include",
  "MN_IF_NAME",
] as const;

/** In a ring no subnet has all ranks in it, so NCCL must choose the device by the peer; a pair has no choice to make. */
const RING_VARIABLES = {
  NCCL_NET_PLUGIN: "none",
  NCCL_IB_SUBNET_AWARE_ROUTING: "1",
  NCCL_IB_MERGE_NICS: "0",
} as const;

/** NCCL's other algorithms take it for granted that every rank reaches every other. */
const LARGE_RING_VARIABLES = { NCCL_ALGO: "Ring" } as const;

/** What tells every other rank where this one is. */
const ADDRESS_VARIABLES = ["VLLM_HOST_IP", "RAY_NODE_IP_ADDRESS"] as const;

/** Whether a variable only says which way ranks go to one another: whoever set it, it opens nothing to anybody. */
export function isNetworkVariable(name: string): boolean {
  const others: readonly string[] = [...BOOTSTRAP_VARIABLES, ...ADDRESS_VARIABLES];
  return name.startsWith("NCCL_") || others.includes(name);
}

type RankHostPlan = Pick<HostPlan, "name" | "netdevs" | "managementInterface" | "managementAddress" | "state">;

/** What a rank's environment hangs on. */
export interface RankMesh {
  readonly topology: Plan["topology"];
  /** In rank order. */
  readonly hosts: readonly RankHostPlan[];
}

/**
 * The environment of a rank on each host, in rank order. NCCL_IB_GID_INDEX is left out on purpose: it differs per node
 * and moves. A host that can't be asked lacks what hangs on its management netdev; an abandoned one has no rank.
 *
 * @param hosts the hosts of one deployment; by default the whole mesh. Two neighbours in a ring are a pair.
 * @throws Faults where two of these hosts don't reach each other over a cable or a switch.
 */
export function ncclEnv(
  plan: RankMesh,
  hosts: readonly string[] = plan.hosts.map(({ name }) => name),
): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const members = plan.hosts.filter(({ name }) => hosts.includes(name));
  const ring = plan.topology === "ring" && members.length === plan.hosts.length;
  const faults = ring ? [] : members.flatMap((host, index) => unreached(host, members.slice(index + 1)));
  if (faults.length > 0) throw new Faults("the hosts of the deployment", faults);
  const common = ring ? { ...RING_VARIABLES, ...(members.length > 3 ? LARGE_RING_VARIABLES : {}) } : {};
  const names = new Set(members.map(({ name }) => name));
  return Object.fromEntries(
    members
      .filter(({ state }) => state !== "abandoned")
      .map((host) => [host.name, { ...common, ...rankVariables(host, names) }]),
  );
}

function unreached({ name, netdevs }: RankHostPlan, others: readonly RankHostPlan[]): readonly string[] {
  return others
    .filter((other) => !netdevs.some((netdev) => faces(netdev, new Set([other.name]))))
    .map(
      (other) =>
        `${name}: no cable and no switch joins it to ${other.name}; choose hosts that reach one another, or all of a ring`,
    );
}

function faces({ peers }: NetdevPlan, hosts: ReadonlySet<string>): boolean {
  return peers.some(({ host }) => hosts.has(host));
}

function rankVariables(host: RankHostPlan, hosts: ReadonlySet<string>): Readonly<Record<string, string>> {
  const { managementInterface, managementAddress, netdevs } = host;
  const devices = netdevs.filter((netdev) => faces(netdev, hosts)).map(({ roceDevice }) => roceDevice);
  return {
    // An empty list would mean every device.
    ...(devices.length > 0 ? { NCCL_IB_HCA: devices.join(",") } : {}),
    NCCL_IGNORE_CPU_AFFINITY: "1",
    NCCL_IB_DISABLE: "0",
    NCCL_NET: "IB",
    ...(managementInterface ? Object.fromEntries(BOOTSTRAP_VARIABLES.map((name) => [name, managementInterface])) : {}),
    ...(managementAddress ? Object.fromEntries(ADDRESS_VARIABLES.map((name) => [name, managementAddress])) : {}),
  };
}
