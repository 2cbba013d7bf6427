import type { ClusterConfig, TopologyWish } from "../../config/cluster";
import type { Cabling } from "../cabling/cabling";
import { isPortWire, isSwitchWire, portsOf, type SwitchWire, type Wire } from "../cabling/wires";
import type { Topology } from "../plan";
import { type HostLine, type HostView, portKey, type ReachedHost } from "../views";
import type { Judgement } from "./cableFaults";
import { judgeLargeRing } from "./largeRing";
import { judgePair } from "./pair";
import { judgeRing } from "./ring";
import { judgeSwitchMesh } from "./switchMesh";

const RING_HOSTS = 3;

/** What the cables of a topology are called in a message. */
const CABLES_OF: Readonly<Record<Topology, string>> = {
  direct: "lead from port to port (direct)",
  ring: "lead from port to port (ring)",
  switch: "lead to a switch (switch)",
};

interface JudgedTopology extends Judgement {
  readonly topology: Topology;
}

/** What the cables make of the hosts, or what is wrong with them as the topology that is declared, or is the nearest. */
export function judgeTopology(
  { topology: wish, hosts: { length: count } }: ClusterConfig,
  hosts: readonly HostView[],
  cabling: Cabling,
): JudgedTopology {
  const { wires } = cabling;
  const nearest = nearestTopology(count, wires);
  const size = sizeFault(wish, count);
  if (size) return { topology: nearest, wires: [], faults: [{ host: "", line: size }], warnings: [] };
  const topology = wish === "auto" ? nearest : wish;
  const judged = judgeAs(topology, hosts, cabling);
  const other = topology !== nearest && (wires.every(isPortWire) || wires.every(isSwitchWire)) && wires.length > 0;
  const unseen = judgeUnseen(cabling, topology === "ring" || judged.faults.length > 0);
  return {
    ...judged,
    topology,
    faults: [...(other ? [mismatch(topology, nearest)] : []), ...unseen.faults, ...judged.faults],
    warnings: [...judged.warnings, ...unseen.warnings],
  };
}

/**
 * A port that is down is a fault where its cable is needed; a second one that nobody uses may stay so.
 *
 * @param all whether every port is needed.
 */
function judgeUnseen({ unseen, wires }: Cabling, all: boolean): Pick<Judgement, "faults" | "warnings"> {
  const cabled = new Set(wires.flatMap(portsOf).flatMap((port) => [port.host, portKey(port)]));
  const isNeeded = (key: string) => all || cabled.has(key) || !cabled.has(key.slice(0, key.indexOf("/")));
  const lines = (needed: boolean) => [...unseen].flatMap(([key, said]) => (isNeeded(key) === needed ? said : []));
  return { faults: lines(true), warnings: lines(false) };
}

/** Why so many hosts can't be what the config says, by its path. */
function sizeFault(wish: TopologyWish, count: number): string | undefined {
  if (count < 2) return `spark-mesh:hosts: found ${count}; a mesh has at least 2 hosts`;
  if (wish === "ring" && count < RING_HOSTS) {
    return `spark-mesh:topology: ring topology requires exactly 3 hosts, found ${count}; use direct for two, switch for four or more`;
  }
  if (wish === "direct" && count > 2) {
    return `spark-mesh:topology: direct topology requires exactly 2 hosts, found ${count}; use ring for three, switch for four or more`;
  }
  return undefined;
}

function judgeAs(topology: Topology, hosts: readonly HostView[], cabling: Cabling): Judgement {
  if (topology === "direct") return judgePair(hosts, cabling);
  if (topology === "switch") return judgeSwitchMesh(hosts, cabling);
  return hosts.length === RING_HOSTS ? judgeRing(hosts, cabling) : judgeLargeRing(hosts, cabling);
}

/** What cables are most likely meant to be. */
function nearestTopology(count: number, wires: readonly Wire[]): Topology {
  const direct = wires.filter(isPortWire).length;
  const switched = wires.filter(isSwitchWire);
  if (count === 2) return direct === 0 && switched.length > 0 ? "switch" : "direct";
  if (direct === 0 && switched.length > 0) return isRingOfSwitches(switched) ? "ring" : "switch";
  return count === RING_HOSTS || 2 * direct > switched.length ? "ring" : "switch";
}

/** A switch in every path of a ring: each between two hosts, and not all between the same two. */
function isRingOfSwitches(wires: readonly SwitchWire[]): boolean {
  const hostsAt = new Map<string, string[]>();
  for (const { ends } of wires) hostsAt.set(ends[1].switch, [...(hostsAt.get(ends[1].switch) ?? []), ends[0].host]);
  const all = [...hostsAt.values()];
  return all.every((hosts) => new Set(hosts).size === 2) && new Set(all.map((hosts) => hosts.join(" "))).size > 1;
}

function mismatch(wanted: Topology, found: Topology): HostLine {
  return {
    host: "",
    line: `spark-mesh:topology: found ${wanted}, but the cables ${CABLES_OF[found]}; set it to ${found} or auto, or move the cables`,
  };
}

/** Fewer ports than the topology needs, on hosts that have no record to be planned from. */
export function interfaceFaults(hosts: readonly ReachedHost[], topology: Topology): readonly HostLine[] {
  const needed = topology === "ring" ? 2 : 1;
  const wanted = `${topology} topology requires ${needed} physical ${needed === 1 ? "port" : "ports"} (${2 * needed} interfaces)`;
  const plugged = needed === 1 ? "its cable is" : "both cables are";
  const remedy = `without a cable the NIC leaves PCI: check that ${plugged} plugged in, then reboot with ${needed === 1 ? "it" : "them"} in`;
  return hosts.flatMap(({ config: { name: host }, facts }): HostLine[] => {
    const ports = new Set(facts.cx7.map(({ port }) => port)).size;
    if (facts.record || (ports >= needed && facts.cx7.length >= 2 * needed)) return [];
    if (facts.cx7.length === 0) return [{ host, line: `${host}: no CX7 netdev; ${wanted}; ${remedy}` }];
    const names = facts.cx7.map(({ name }) => name).join(", ");
    const found = `found ${ports === 1 ? "1 port" : `${ports} ports`} (${names})`;
    return [{ host, line: `${host}: ${wanted}, ${found}; ${remedy}` }];
  });
}
