import type { PortRef } from "../config/cluster";
import { groupByPort, nameHeard, type Sighting } from "./sightings";
import { compareText, type HostLine, type HostView, isReached, portKey, type ReachedHost } from "./views";
import { type Wire, wireName } from "./wires";

interface Discovery {
  readonly wires: readonly Wire[];
  readonly faults: readonly HostLine[];
  readonly unseen: ReadonlySet<string>;
}

/**
 * The cables that nobody declared and no record knows, from who hears whom. One end's hearing is enough: an echo
 * needs a cable. A port that hears several peers is behind a switch, and is wired to none of them.
 */
export function discover(
  hosts: readonly HostView[],
  heard: readonly Sighting[],
  cabled: ReadonlySet<string>,
): Discovery {
  const open = heard.filter(({ host, netdev }) => !cabled.has(portKey({ host, port: netdev.port })));
  const links = linksBetween(open, cabled);
  const groups = groupByPort(open);
  const switched = new Set([...groups.keys()].filter((key) => isSwitched(groups.get(key) ?? [], links.get(key))));
  const wires = wiresOf(links, switched);
  const reached = hosts.filter(isReached);
  const fresh = new Map(reached.filter(({ facts }) => !facts.record).map((host) => [host.config.name, host]));
  const down = open.filter(({ host, netdev }) => fresh.has(host) && !netdev.up);
  const allReached = reached.length === hosts.length;
  return {
    wires,
    faults: [
      ...[...groups].flatMap(([key, group]) => (switched.has(key) ? [saySwitched(group, links.get(key))] : [])),
      ...down.map(sayDown),
      ...wires.flatMap((wire) => deadTwins(wire, groups, fresh)),
      ...(allReached ? open.flatMap((sighting) => sayStranger(sighting, fresh)) : []),
    ],
    unseen: new Set([...switched, ...down.map(({ host, netdev }) => portKey({ host, port: netdev.port }))]),
  };
}

/** Port by port, the ports that it hears or that hear it. */
function linksBetween(
  open: readonly Sighting[],
  cabled: ReadonlySet<string>,
): ReadonlyMap<string, ReadonlyMap<string, PortRef>> {
  const links = new Map<string, Map<string, PortRef>>();
  const link = (from: PortRef, to: PortRef) => {
    const known = links.get(portKey(from)) ?? new Map<string, PortRef>();
    links.set(portKey(from), known.set(portKey(to), { host: to.host, port: to.port }));
  };
  for (const { host, netdev, peers } of open) {
    for (const peer of peers) {
      if (cabled.has(portKey(peer))) continue;
      link({ host, port: netdev.port }, peer);
      link(peer, { host, port: netdev.port });
    }
  }
  return links;
}

function isSwitched(group: readonly Sighting[], links: ReadonlyMap<string, PortRef> | undefined): boolean {
  const mixed = group.some(({ peers, strangers }) => peers.length > 0 && strangers.length > 0);
  return mixed || (links?.size ?? 0) > 1;
}

function wiresOf(
  links: ReadonlyMap<string, ReadonlyMap<string, PortRef>>,
  switched: ReadonlySet<string>,
): readonly Wire[] {
  const wires: Wire[] = [];
  for (const [key, peers] of links) {
    const [far] = peers.values();
    if (!far || switched.has(key) || switched.has(portKey(far))) continue;
    const near = links.get(portKey(far))?.get(key);
    if (near && compareText(key, portKey(far)) < 0) wires.push({ ends: [near, far], evidence: "discovered" });
  }
  return wires;
}

function saySwitched(group: readonly Sighting[], links: ReadonlyMap<string, PortRef> | undefined): HostLine {
  const [first] = group;
  const host = first?.host ?? "";
  const loud = group.filter(({ peers, strangers }) => peers.length + Math.min(strangers.length, 1) > 1);
  const named = (loud.length > 0 ? loud : group).map(({ netdev }) => netdev.name).join(", ");
  const strangers = [...new Set(group.flatMap((sighting) => sighting.strangers))];
  const peers = [...[...(links?.keys() ?? [])].sort(compareText), ...strangers].join(", ");
  return {
    host,
    line: `${host}: ${named} sees more than one peer (${peers}): a switch is in the path; a ring needs one cable from port to port, without a switch`,
  };
}

function sayDown({ host, netdev }: Sighting): HostLine {
  return {
    host,
    line: `${host}: ${netdev.name} is down, so its cable can't be discovered; declare the cables under spark-mesh:cables, or bring it up (ip link set ${netdev.name} up)`,
  };
}

/** One twin hears its peer and the other nothing: half the cable's bandwidth would be gone without a word. */
function deadTwins(
  { ends }: Wire,
  groups: ReadonlyMap<string, readonly Sighting[]>,
  fresh: ReadonlyMap<string, ReachedHost>,
): readonly HostLine[] {
  return ends.flatMap((end) => {
    const group = fresh.has(end.host) ? (groups.get(portKey(end)) ?? []) : [];
    const live = group.find(({ peers }) => peers.length > 0);
    if (!live) return [];
    return group
      .filter(({ netdev, peers }) => netdev.up && peers.length === 0)
      .map(({ host, netdev }) => ({
        host,
        line: `${host}: ${netdev.name} ${netdev.carrier ? "hears nothing" : "has no carrier"} while its twin ${
          live.netdev.name
        } sees ${nameHeard(live)}: one twin of the cable ${wireName(ends)} is dead; reseat the cable, then reboot ${host} with it in`,
      }));
  });
}

function sayStranger(
  { host, netdev, peers, strangers }: Sighting,
  fresh: ReadonlyMap<string, ReachedHost>,
): readonly HostLine[] {
  if (!fresh.has(host) || peers.length > 0 || strangers.length === 0) return [];
  return [
    {
      host,
      line: `${host}: ${netdev.name} sees ${strangers.join(", ")}, which is no CX7 netdev of any host in spark-mesh:hosts; check where its cable leads`,
    },
  ];
}
