import { type HostLine, type HostView, isReached, portKey, type ReachedHost } from "../views";
import { couldHear, couldHearTwin } from "./hearing";
import { isSwitched, type Segment, segmentsOf, switchSight } from "./segments";
import { groupByPort, nameHeard, type Sighting } from "./sightings";
import { freeSwitchNames, switchOfSegment } from "./switchNames";
import { farEnds, isSwitchWire, portsOf, type Wire, wireName } from "./wires";

interface Discovery {
  readonly wires: readonly Wire[];
  readonly faults: readonly HostLine[];
  readonly strangers: readonly HostLine[];
  readonly warnings: readonly HostLine[];
  readonly unseen: ReadonlyMap<string, readonly HostLine[]>;
  readonly sights: ReadonlyMap<string, string>;
}

/** The cables that nobody declared and no record knows, from who hears whom. */
export function discover(hosts: readonly HostView[], heard: readonly Sighting[], recorded: readonly Wire[]): Discovery {
  const cabled = farEnds(recorded);
  const open = heard.filter(({ host, netdev }) => !cabled.has(portKey({ host, port: netdev.port })));
  const segments = segmentsOf(hosts, heard, cabled);
  const { wires, faults, warnings } = wiresOf(segments, hosts, recorded);
  const reached = hosts.filter(isReached);
  const fresh = new Map(reached.filter(({ facts }) => !facts.record).map((host) => [host.config.name, host]));
  const groups = groupByPort(open);
  const down = open.filter(({ host, netdev }) => fresh.has(host) && !netdev.up);
  const unknown = reached.length < hosts.length ? [] : strangersIn(segments);
  const doubts = wires.filter(({ evidence }) => evidence === "discovered").flatMap((wire) => switchDoubt(wire, groups));
  const atSwitch = segments.filter(isSwitched).flatMap((segment) => segment.ports.map((port) => ({ segment, port })));
  return {
    wires,
    faults: [...faults, ...wires.flatMap((wire) => deadTwins(wire, groups, fresh))],
    strangers: unknown.filter(({ host }) => fresh.has(host)).map(sayStranger),
    warnings: [...warnings, ...doubts],
    unseen: new Map([...groupByPort(down)].map(([key, group]) => [key, group.map(sayDown)])),
    sights: new Map(
      atSwitch.flatMap(({ segment, port }) => {
        const sight = switchSight(segment, port);
        return sight ? [[portKey(port), sight] as const] : [];
      }),
    ),
  };
}

function wiresOf(
  segments: readonly Segment[],
  hosts: readonly HostView[],
  recorded: readonly Wire[],
): Pick<Discovery, "wires" | "faults" | "warnings"> {
  const known = recorded.filter(isSwitchWire);
  const names = freeSwitchNames(hosts, known);
  const found = { wires: [] as Wire[], faults: [] as HostLine[], warnings: [] as HostLine[] };
  for (const segment of segments) {
    const [a, b] = segment.ports;
    if (isSwitched(segment)) {
      const { name, evidence, faults, warnings } = switchOfSegment(segment, known, names);
      found.wires.push(...segment.ports.map((port): Wire => ({ ends: [port, { switch: name }], evidence })));
      found.faults.push(...faults);
      found.warnings.push(...warnings);
    } else if (a && b) found.wires.push({ ends: [a, b], evidence: "discovered" });
  }
  return found;
}

function sayDown({ host, netdev }: Sighting): HostLine {
  return {
    host,
    line: `${host}: ${netdev.name} is down, so its cable can't be discovered; declare the cables under spark-mesh:cables, or bring it up (ip link set ${netdev.name} up)`,
  };
}

/** One twin hears its peer and the other nothing: half the cable's bandwidth would be gone without a word. */
function deadTwins(
  wire: Wire,
  groups: ReadonlyMap<string, readonly Sighting[]>,
  fresh: ReadonlyMap<string, ReachedHost>,
): readonly HostLine[] {
  return portsOf(wire).flatMap((end) => {
    const group = fresh.has(end.host) ? (groups.get(portKey(end)) ?? []) : [];
    const live = group.find(({ peers }) => peers.length > 0);
    if (!live) return [];
    const far = live.peers.flatMap((peer) => groups.get(portKey(peer)) ?? []).map(({ netdev }) => netdev);
    return group
      .filter(({ netdev, peers }) => netdev.up && peers.length === 0)
      .filter(
        ({ netdev }) => !netdev.carrier || far.some((peer) => peer.twin === netdev.twin && couldHear(netdev, peer)),
      )
      .map(({ host, netdev }) => ({
        host,
        line: `${host}: ${netdev.name} ${netdev.carrier ? "hears nothing" : "has no carrier"} while the other rail ${
          live.netdev.name
        } sees ${nameHeard(live)}: one rail of the cable ${wireName(
          wire.ends,
        )} is dead; reseat the cable, then reboot ${host} with it in`,
      }));
  });
}

/**
 * A cable that may lead through a switch: only that a port's twins hear each other tells the two apart, and at every
 * end they do, or couldn't.
 */
function switchDoubt(
  { ends: [from, to] }: Wire,
  groups: ReadonlyMap<string, readonly Sighting[]>,
): readonly HostLine[] {
  if ("switch" in to) return [];
  const deaf = [from, to].map((end) => groups.get(portKey(end)) ?? []).filter((group) => !group.some(hearsTwin));
  if (!deaf.every(isDeaf)) return [];
  const names = deaf.flat().map(({ host, netdev }) => `${host}/${netdev.name}`);
  return [
    {
      host: from.host,
      line: `${from.host}: port ${from.port} to ${portKey(to)} is taken for a cable, and a switch may be between: ${names.join(", ")} lack addresses by which the rails of a port hear each other there; if one is, declare spark-mesh:cables`,
    },
  ];
}

function hearsTwin({ ownTwin }: Sighting): boolean {
  return ownTwin;
}

/** Of a port without both its netdevs, or without carrier, other lines tell. */
function isDeaf(group: readonly Sighting[]): boolean {
  const [one, twin] = group.map(({ netdev }) => netdev).filter(({ up, carrier }) => up && carrier);
  return one !== undefined && twin !== undefined && !couldHearTwin(one, twin);
}

/** Those who hear nobody but machines that are none of ours, through a cable. */
function strangersIn(segments: readonly Segment[]): readonly Sighting[] {
  return segments
    .filter((segment) => !isSwitched(segment))
    .flatMap(({ groups }) => [...groups.values()].flat())
    .filter(({ peers, strangers }) => peers.length === 0 && strangers.length > 0);
}

function sayStranger({ host, netdev, strangers }: Sighting): HostLine {
  return {
    host,
    line: `${host}: ${netdev.name} sees ${strangers.join(", ")}, which is no CX7 netdev of any host in spark-mesh:hosts; check where its cable leads`,
  };
}
