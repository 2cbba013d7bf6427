import type { CableEnd, PortRef } from "../../config/cluster";
import type { Cx7Netdev } from "../../facts/hostFacts";
import { compareText, portKey, type ReachedHost } from "../views";

/** One CX7 netdev of a reachable host, and who was heard on it. */
export interface Sighting {
  readonly host: string;
  readonly netdev: Cx7Netdev;
  /** Peers whose MAC belongs to a reachable host of the cluster, one for each physical port, sorted. */
  readonly peers: readonly Peer[];
  /** MACs that belong to nobody we know: an unreachable host, or a machine that is none of ours. */
  readonly strangers: readonly string[];
  /** Whether the other netdev of its own port was heard. A switch sends it back; a cable does so at one end at most. */
  readonly ownTwin: boolean;
}

/** A peer's netdev as it was heard. */
export interface Peer extends PortRef {
  readonly netdev: string;
}

/** What every reachable host hears on every CX7 netdev, by host and by netdev's place. */
export function sightings(hosts: readonly ReachedHost[]): readonly Sighting[] {
  const owners = new Map(
    hosts.flatMap(({ config, facts }) =>
      facts.cx7.map((netdev): [string, Peer] => [
        netdev.mac.toLowerCase(),
        { host: config.name, port: netdev.port, netdev: netdev.name },
      ]),
    ),
  );
  return hosts.flatMap(({ config, facts }) =>
    [...facts.cx7].sort(byPlace).map((netdev) => sight({ host: config.name, port: netdev.port }, netdev, owners)),
  );
}

/** Port 0 before port 1, the first twin before the second. */
export function byPlace(
  a: { readonly port: number; readonly twin: number },
  b: { readonly port: number; readonly twin: number },
): number {
  return a.port - b.port || a.twin - b.twin;
}

/** Everybody heard on a netdev, for a message: `spark-2/enp1s0f1np1 (spark-2/1)`. */
export function nameHeard({ peers, strangers }: Sighting): string {
  const known = peers.map((peer) => `${peer.host}/${peer.netdev} (${portKey(peer)})`);
  return [...known, ...strangers].join(", ");
}

/** Sightings by port, in the order of hosts and ports. */
export function groupByPort(heard: readonly Sighting[]): ReadonlyMap<string, readonly Sighting[]> {
  const groups = new Map<string, Sighting[]>();
  for (const sighting of heard) {
    const key = portKey({ host: sighting.host, port: sighting.netdev.port });
    groups.set(key, [...(groups.get(key) ?? []), sighting]);
  }
  return groups;
}

/** True where a netdev hears nobody but who shares its planned link. A stranger on a cable may be its unreachable peer. */
export function fitsLink({ peers, strangers }: Sighting, planned: CableEnd, sharers: ReadonlySet<string>): boolean {
  if (peers.length === 0) return true;
  const known = peers.every((peer) => sharers.has(portKey(peer)));
  return known && ("switch" in planned || (peers.length === 1 && strangers.length === 0));
}

function sight(own: PortRef, netdev: Cx7Netdev, owners: ReadonlyMap<string, Peer>): Sighting {
  const peers = new Map<string, Peer>();
  const strangers = new Set<string>();
  let ownTwin = false;
  for (const mac of netdev.neighbours.map((neighbour) => neighbour.mac.toLowerCase()).sort(compareText)) {
    const owner = owners.get(mac);
    if (!owner) strangers.add(mac);
    // Both twins of a port may hear one frame: hearing both of a peer's tells nothing.
    else if (portKey(owner) !== portKey(own)) peers.set(portKey(owner), owner);
    else ownTwin ||= owner.netdev !== netdev.name;
  }
  return {
    host: own.host,
    netdev,
    peers: [...peers.values()].sort((a, b) => compareText(portKey(a), portKey(b))),
    strangers: [...strangers],
    ownTwin,
  };
}
