import type { CableConfig, ClusterConfig, PortNumber } from "../config/cluster";
import { parseClusterConfig } from "../config/load";
import type { RankHost } from "../plan/launch/ranks";
import type { RankMesh } from "../plan/nccl";
import { planMesh } from "../plan/planMesh";

/** Topologies that Sparks may be shown in. */
export const TOPOLOGIES = ["direct", "ring", "switch"] as const;

export type ShownTopology = (typeof TOPOLOGIES)[number];

interface ExampleMesh {
  readonly hosts: readonly RankHost[];
  /** Undefined for one host alone. */
  readonly mesh?: RankMesh;
}

/**
 * So many Sparks as they come: spark-1 at 10.0.0.11 and so on, cabled as the topology has it, managed over enP7s7 by
 * the user nvidia.
 *
 * @throws Faults where so many Sparks can't be cabled so.
 */
export function exampleMesh(count: number, topology: ShownTopology = usual(count)): ExampleMesh {
  const hosts = Array.from({ length: count }, (_, index) => ({
    name: `spark-${index + 1}`,
    address: `10.0.0.${11 + index}`,
    home: "/home/nvidia",
  }));
  if (count === 1) return { hosts };
  const named = hosts.map(({ name, address }) => ({ name, address }));
  const cluster: ClusterConfig = {
    ...parseClusterConfig({ "spark-mesh:hosts": JSON.stringify(named) }, "/home/nvidia", []),
    topology,
    cables: cables(count, topology),
  };
  const plan = planMesh(cluster, new Map());
  const managed = plan.hosts.map((host) => ({
    ...host,
    managementInterface: "enP7s7",
    managementAddress: hosts.find(({ name }) => name === host.name)?.address ?? "",
  }));
  return { hosts, mesh: { topology: plan.topology, hosts: managed } };
}

function usual(count: number): ShownTopology {
  if (count === 2) return "direct";
  return count === 3 ? "ring" : "switch";
}

function cables(count: number, topology: ShownTopology): readonly CableConfig[] {
  const end = (index: number, port: PortNumber) => ({ host: `spark-${index + 1}`, port });
  const indices = Array.from({ length: count }, (_, index) => index);
  if (topology === "switch") return indices.map((index) => ({ from: end(index, 0), to: { switch: "switch-a" } }));
  const joined = topology === "direct" ? [0] : indices;
  return joined.map((index) => ({ from: end(index, 0), to: end((index + 1) % count, 1) }));
}
