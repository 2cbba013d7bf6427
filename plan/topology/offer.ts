import type { CableConfig, ClusterConfig } from "../../config/cluster";
import type { RecordedMesh } from "../../facts/record";
import { planCabling } from "../cabling/cabling";
import { endName, isPortWire, isSwitchWire, type Wire } from "../cabling/wires";
import type { HostView } from "../views";
import { judgeTopology } from "./topology";

/**
 * The `cables:` that would settle what discovery can't, as one line of a stack config: all cables that were found, or those
 * between the hosts alone, or those to switches, or to one of them; the first of these that make a mesh. Undefined where
 * none does, and where they are declared already.
 */
export function offerCables(
  cluster: ClusterConfig,
  hosts: readonly HostView[],
  newest: RecordedMesh | undefined,
  wires: readonly Wire[],
): string | undefined {
  if (cluster.cables) return undefined;
  const switched = wires.filter(isSwitchWire);
  const switches = [...new Set(switched.map(({ ends: [, far] }) => far.switch))];
  const choices: readonly (readonly Wire[])[] = [
    wires,
    wires.filter(isPortWire),
    switched,
    ...switches.map((name) => switched.filter(({ ends: [, far] }) => far.switch === name)),
  ];
  const cables = choices
    .map((choice) => choice.map(({ ends: [from, to] }): CableConfig => ({ from, to })))
    .find((declared) => declared.length > 0 && isMesh(declared, cluster, hosts, newest));
  const list = cables?.map(({ from, to }) => `{ from: ${endName(from)}, to: ${endName(to)} }`).join(", ");
  return list && `spark-mesh:cables: [ ${list} ]`;
}

function isMesh(
  declared: readonly CableConfig[],
  cluster: ClusterConfig,
  hosts: readonly HostView[],
  newest: RecordedMesh | undefined,
): boolean {
  const cabling = planCabling(declared, newest, hosts);
  return cabling.faults.length === 0 && judgeTopology(cluster, hosts, cabling).faults.length === 0;
}
