import type { CableConfig, PortRef } from "../config/cluster";
import type { RecordedMesh } from "../facts/record";
import { discover } from "./discovery";
import { groupByPort, nameHeard, type Peer, type Sighting, sightings } from "./sightings";
import { compareText, type HostLine, type HostView, isReached, portKey } from "./views";
import { farEnds, type Wire, wireName } from "./wires";

interface Cabling {
  readonly wires: readonly Wire[];
  readonly faults: readonly HostLine[];
  readonly warnings: readonly HostLine[];
  /** Ports whose far end can't be known, for a reason that is a fault already: nobody calls their cable missing. */
  readonly unseen: ReadonlySet<string>;
}

/**
 * Which port is cabled to which: declared, else recorded, else discovered. Declared and recorded cables are checked
 * against what is heard. Silence never moves a cable; a different peer heard from both ends moves a recorded one.
 */
export function planCabling(
  declared: readonly CableConfig[] | undefined,
  newest: RecordedMesh | undefined,
  hosts: readonly HostView[],
): Cabling {
  const heard = sightings(hosts.filter(isReached));
  if (declared) return checkDeclared(declared, heard);
  const recorded = followRecorded(newest, hosts, heard);
  const discovered = discover(hosts, heard, portsOf(recorded.wires));
  return {
    wires: [...recorded.wires, ...discovered.wires],
    faults: discovered.faults,
    warnings: recorded.warnings,
    unseen: discovered.unseen,
  };
}

function portsOf(wires: readonly Wire[]): ReadonlySet<string> {
  return new Set(farEnds(wires).keys());
}

/** A cable to a switch is no wire between two ports; the topology judges it. */
function checkDeclared(declared: readonly CableConfig[], heard: readonly Sighting[]): Cabling {
  const named = new Map<string, string>();
  const wires: Wire[] = [];
  for (const [index, { from, to }] of declared.entries()) {
    if ("switch" in to) continue;
    wires.push({ ends: [from, to], evidence: "declared" });
    for (const end of [from, to])
      named.set(portKey(end), `spark-mesh:cables[${index}] declares ${wireName([from, to])}`);
  }
  const far = farEnds(wires);
  const faults = heard.flatMap((sighting): HostLine[] => {
    const key = portKey({ host: sighting.host, port: sighting.netdev.port });
    const wanted = far.get(key);
    if (!wanted || saysNothingElse(sighting, wanted)) return [];
    const remedy = "correct the declaration, or move the plug";
    return [
      {
        host: sighting.host,
        line: `${sighting.host}: ${sighting.netdev.name} sees ${nameHeard(sighting)}, but ${named.get(key)}; ${remedy}`,
      },
    ];
  });
  return { wires, faults, warnings: [], unseen: new Set() };
}

/** A recorded cable stays until both ends say otherwise: one end alone may be an old neighbour entry. */
function followRecorded(
  newest: RecordedMesh | undefined,
  hosts: readonly HostView[],
  heard: readonly Sighting[],
): { readonly wires: readonly Wire[]; readonly warnings: readonly HostLine[] } {
  const names = new Set(hosts.map(({ config }) => config.name));
  const recorded = (newest?.cables ?? [])
    .filter(({ ends }) => ends.every(({ host }) => names.has(host)))
    .map(({ ends }): Wire => ({ ends, evidence: "recorded" }));
  const far = farEnds(recorded);
  const moved = movedWires(far, heard);
  const movedPorts = portsOf(moved);
  const stay = recorded.filter(({ ends }) => !ends.some((end) => movedPorts.has(portKey(end))));
  return {
    wires: [...stay, ...moved],
    warnings: [...moved.map((wire) => sayMoved(wire, far)), ...sayDoubts(far, movedPorts, heard)],
  };
}

function movedWires(recorded: ReadonlyMap<string, PortRef>, heard: readonly Sighting[]): readonly Wire[] {
  const only = new Map<string, Peer>();
  for (const [key, group] of groupByPort(heard)) {
    const peers = new Map(group.flatMap(({ peers }) => peers).map((peer) => [portKey(peer), peer]));
    const [peer] = peers.values();
    if (peer && peers.size === 1 && group.every(({ strangers }) => strangers.length === 0)) only.set(key, peer);
  }
  const wires: Wire[] = [];
  for (const [key, group] of groupByPort(heard)) {
    const [sighting] = group;
    const peer = only.get(key);
    const was = recorded.get(key);
    if (!sighting || !peer || !was) continue;
    const back = only.get(portKey(peer));
    const changed = portKey(was) !== portKey(peer);
    const first = compareText(key, portKey(peer)) < 0 || !recorded.has(portKey(peer));
    if (changed && first && back && portKey(back) === key) {
      const end: PortRef = { host: sighting.host, port: sighting.netdev.port };
      wires.push({ ends: [end, { host: peer.host, port: peer.port }], evidence: "discovered" });
    }
  }
  return wires;
}

function sayMoved({ ends }: Wire, recorded: ReadonlyMap<string, PortRef>): HostLine {
  const [a, b] = ends;
  const was = recorded.get(portKey(a));
  return {
    host: a.host,
    line: `${a.host}: port ${a.port} is cabled to ${portKey(b)} now (seen from both ends), ${
      was ? `was ${portKey(was)}` : "was not cabled"
    }; the cable ${wireName(ends)} is planned instead`,
  };
}

function sayDoubts(
  recorded: ReadonlyMap<string, PortRef>,
  movedPorts: ReadonlySet<string>,
  heard: readonly Sighting[],
): readonly HostLine[] {
  return heard.flatMap((sighting): HostLine[] => {
    const own: PortRef = { host: sighting.host, port: sighting.netdev.port };
    const was = recorded.get(portKey(own));
    if (!was || movedPorts.has(portKey(own)) || saysNothingElse(sighting, was)) return [];
    return [
      {
        host: own.host,
        line: `${own.host}: ${sighting.netdev.name} sees ${nameHeard(sighting)}, recorded is the cable ${wireName([
          own,
          was,
        ])}; the record stands until both ends see the same; check that cable, or declare spark-mesh:cables`,
      },
    ];
  });
}

/** True where a netdev hears its planned peer alone, or nobody. A stranger may be an unreachable planned peer. */
function saysNothingElse({ peers, strangers }: Sighting, planned: PortRef): boolean {
  if (peers.length === 0) return true;
  return peers.length === 1 && strangers.length === 0 && peers.every((peer) => portKey(peer) === portKey(planned));
}
