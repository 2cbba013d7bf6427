import type { CableEnd, PortRef } from "../../config/cluster";
import type { RecordedMesh } from "../../facts/record";
import { compareText, type HostLine, type HostView, portKey } from "../views";
import { fitsLink, groupByPort, nameHeard, type Sighting } from "./sightings";
import { endName, farEnds, linkSharers, portsOf, type Wire, wireName } from "./wires";

/** Whom a port hears on both its netdevs together. */
interface HeardAt {
  readonly port: PortRef;
  readonly peers: ReadonlyMap<string, PortRef>;
  readonly strangers: boolean;
}

/** Cables by their ports, and who should be heard through each. */
interface Cables {
  readonly far: ReadonlyMap<string, CableEnd>;
  readonly sharers: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A recorded cable stays until both ends say otherwise: one end alone may be an old neighbour entry. */
export function followRecorded(
  newest: RecordedMesh | undefined,
  hosts: readonly HostView[],
  heard: readonly Sighting[],
): { readonly wires: readonly Wire[]; readonly warnings: readonly HostLine[] } {
  const names = new Set(hosts.map(({ config }) => config.name));
  const wires = (newest?.cables ?? [])
    .map(({ ends }): Wire => ({ ends, evidence: "recorded" }))
    .filter((wire) => portsOf(wire).every(({ host }) => names.has(host)));
  const recorded = inUse(wires);
  const moved = movedWires(recorded, heardByPort(heard));
  const movedPorts = new Set(moved.flatMap(portsOf).map(portKey));
  const stay = wires.filter((wire) => !portsOf(wire).some((end) => movedPorts.has(portKey(end))));
  const planned = inUse([...stay, ...moved]);
  return {
    wires: [...stay, ...moved],
    warnings: [
      ...moved.map((wire) => sayMoved(wire, recorded)),
      ...heard.flatMap((sighting) => sayDoubt(sighting, planned)),
    ],
  };
}

function inUse(wires: readonly Wire[]): Cables {
  return { far: farEnds(wires), sharers: linkSharers(wires) };
}

function heardByPort(heard: readonly Sighting[]): ReadonlyMap<string, HeardAt> {
  const ports = new Map<string, HeardAt>();
  for (const [key, group] of groupByPort(heard)) {
    const [first] = group;
    if (!first) continue;
    const peers = group.flatMap((sighting) => sighting.peers);
    ports.set(key, {
      port: { host: first.host, port: first.netdev.port },
      peers: new Map(peers.map(({ host, port }) => [portKey({ host, port }), { host, port }])),
      strangers: group.some(({ strangers }) => strangers.length > 0),
    });
  }
  return ports;
}

function movedWires(recorded: Cables, heard: ReadonlyMap<string, HeardAt>): readonly Wire[] {
  return [...heard.values()].flatMap((at): Wire[] => {
    if (!recorded.far.has(portKey(at.port)) || at.peers.size === 0 || hearsSharer(at, recorded)) return [];
    const end = otherEnd(at, recorded, heard) ?? otherSwitch(at, recorded, heard);
    return end ? [{ ends: [at.port, end], evidence: "discovered" }] : [];
  });
}

function hearsSharer({ port, peers }: HeardAt, { sharers }: Cables): boolean {
  const shared = sharers.get(portKey(port));
  return [...peers.keys()].some((key) => shared?.has(key));
}

/**
 * The one port that hears this one alone, as this one hears it. Said for one of the two only. A port that was on a
 * switch may hear there somebody new, and of two that were on two switches nobody knows which one moved.
 */
function otherEnd(
  { port, peers, strangers }: HeardAt,
  { far }: Cables,
  heard: ReadonlyMap<string, HeardAt>,
): CableEnd | undefined {
  const [key, [peer]] = [portKey(port), [...peers.values()]];
  const back = peer && heard.get(portKey(peer));
  if (!peer || !back || [peers, back.peers].some(({ size }) => size > 1) || !back.peers.has(key)) return undefined;
  const [was, peerWas] = [far.get(key), far.get(portKey(peer))];
  if (strangers || back.strangers || (was && "switch" in was && !(peerWas && "host" in peerWas))) return undefined;
  return compareText(key, portKey(peer)) < 0 || !peerWas ? peer : undefined;
}

/** The switch of everybody whom the port hears, if one of them hears it and is where the record has it. */
function otherSwitch(
  { port, peers }: HeardAt,
  recorded: Cables,
  heard: ReadonlyMap<string, HeardAt>,
): CableEnd | undefined {
  const ends = [...peers.keys()].map((key) => recorded.far.get(key));
  const [first] = ends;
  if (!first || !("switch" in first)) return undefined;
  const same = ends.every((end) => end && endName(end) === first.switch);
  const seen = [...peers.keys()].some((key) => {
    const back = heard.get(key);
    return back?.peers.has(portKey(port)) && hearsSharer(back, recorded);
  });
  return same && seen ? first : undefined;
}

/** Each of the ends that had another cable names it: of two cables swapped, neither may stay unnamed. */
function sayMoved({ ends }: Wire, { far }: Cables): HostLine {
  const [a, b] = ends;
  const was = far.get(portKey(a));
  const otherWas = "host" in b ? far.get(portKey(b)) : undefined;
  return {
    host: a.host,
    line: `${a.host}: port ${a.port} is cabled to ${endName(b)} now (seen from both ends), ${
      was ? `was ${endName(was)}` : "was not cabled"
    }${otherWas ? `, and ${endName(b)} was cabled to ${endName(otherWas)}` : ""}; the cable ${wireName(ends)} is planned instead`,
  };
}

/** Somebody whom the record has elsewhere; on a switch, somebody of whom it knows nothing may be new there. */
function sayDoubt(sighting: Sighting, { far, sharers }: Cables): readonly HostLine[] {
  const own: PortRef = { host: sighting.host, port: sighting.netdev.port };
  const key = portKey(own);
  const was = far.get(key);
  if (!was) return [];
  const isNew = (peer: PortRef) => "switch" in was && !far.has(portKey(peer));
  const told = { ...sighting, peers: sighting.peers.filter((peer) => !isNew(peer)) };
  if (fitsLink(told, was, sharers.get(key) ?? new Set())) return [];
  return [
    {
      host: own.host,
      line: `${own.host}: ${sighting.netdev.name} sees ${nameHeard(told)}, recorded is the cable ${wireName([
        own,
        was,
      ])}; the record stands until both ends see the same; check that cable, or declare spark-mesh:cables`,
    },
  ];
}
