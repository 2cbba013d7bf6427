import type { CableEnd, PortRef } from "../../config/cluster";
import { type HostView, portKey } from "../views";
import { groupByPort, type Sighting } from "./sightings";

/** Ports without a known cable that hear one another: one port alone, the ends of a cable, or what is on one switch. */
export interface Segment {
  /** By host number, then by port. */
  readonly ports: readonly PortRef[];
  /** What is heard at each port, by its key. */
  readonly groups: ReadonlyMap<string, readonly Sighting[]>;
  /** The recorded switches whose ports hear one of these, or are heard there. */
  readonly switches: ReadonlySet<string>;
}

/**
 * Every port of a reachable host that has no known cable, in segments by who hears whom: one side's hearing is enough,
 * an echo needs a link. By the lowest port, so that the order doesn't hang on that of hosts or facts.
 *
 * @param cabled the far ends that are known already.
 */
export function segmentsOf(
  hosts: readonly HostView[],
  heard: readonly Sighting[],
  cabled: ReadonlyMap<string, CableEnd>,
): readonly Segment[] {
  const groups = groupByPort(inNumberOrder(hosts, heard).filter((sighting) => !cabled.has(portKey(portOf(sighting)))));
  const links = new Map<string, Set<string>>();
  const switches = new Map<string, Set<string>>();
  const note = (map: Map<string, Set<string>>, key: string, value: string) => {
    map.set(key, (map.get(key) ?? new Set()).add(value));
  };
  const link = (key: string, other: string) => {
    const far = cabled.get(other);
    if (far && "switch" in far) note(switches, key, far.switch);
    else if (!far && groups.has(key)) note(links, key, other);
  };
  for (const sighting of heard) {
    const own = portKey(portOf(sighting));
    for (const peer of sighting.peers.map(portKey)) {
      if (!cabled.has(own)) link(own, peer);
      if (!cabled.has(peer)) link(peer, own);
    }
  }
  const seen = new Set<string>();
  return [...groups.keys()].flatMap((key): Segment[] => {
    if (seen.has(key)) return [];
    const keys = reachable(key, links, seen);
    const own = new Map([...groups].filter(([one]) => keys.has(one)));
    return [
      {
        ports: [...own.values()].flatMap((group) => group.slice(0, 1).map(portOf)),
        groups: own,
        switches: new Set([...keys].flatMap((one) => [...(switches.get(one) ?? [])])),
      },
    ];
  });
}

/**
 * Whether ports are behind a switch: three or more hear one another, somebody is heard beside a peer, or every port
 * hears its port's other rail. One port alone may hear that over a cable too.
 */
export function isSwitched({ ports, groups, switches }: Segment): boolean {
  const sightings = [...groups.values()];
  const mixed = sightings.flat().some(({ peers, strangers }) => peers.length > 0 && strangers.length > 0);
  const echoed = sightings.every((group) => group.some(({ ownTwin }) => ownTwin));
  return switches.size > 0 || ports.length > 2 || mixed || echoed;
}

/** What shows it at one of its ports; undefined where nothing does. */
export function switchSight({ ports, groups }: Segment, port: PortRef): string | undefined {
  const group = groups.get(portKey(port)) ?? [];
  const strangers = new Set(group.flatMap((sighting) => sighting.strangers));
  const others = [...ports.map(portKey).filter((key) => key !== portKey(port)), ...strangers];
  const loud = group.filter((one) => one.peers.length + Math.min(one.strangers.length, 1) > 1);
  const named = (list: readonly Sighting[]) => list.map(({ netdev }) => netdev.name).join(", ");
  if (others.length > 1) {
    return `${named(loud.length > 0 ? loud : group)} sees more than one peer (${others.join(", ")})`;
  }
  const echoed = group.filter(({ ownTwin }) => ownTwin);
  return echoed.length > 0 ? `${named(echoed)} sees its port's other rail` : undefined;
}

function portOf({ host, netdev }: Sighting): PortRef {
  return { host, port: netdev.port };
}

function inNumberOrder(hosts: readonly HostView[], heard: readonly Sighting[]): readonly Sighting[] {
  const numbers = new Map(hosts.map(({ config }) => [config.name, config.number]));
  return [...heard].sort((a, b) => (numbers.get(a.host) ?? 0) - (numbers.get(b.host) ?? 0));
}

function reachable(
  start: string,
  links: ReadonlyMap<string, ReadonlySet<string>>,
  seen: Set<string>,
): ReadonlySet<string> {
  const found = new Set([start]);
  for (const key of found) for (const next of links.get(key) ?? []) found.add(next);
  for (const key of found) seen.add(key);
  return found;
}
