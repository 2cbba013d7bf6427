import type { ClusterConfig, PortNumber, PortRef } from "../config/cluster";
import { type HostLine, type HostView, isReached, portKey, type ReachedHost } from "./views";
import { type Wire, wireName } from "./wires";

const RING_HOSTS = 3;
const RING_INTERFACES = 4;
const PORTS: readonly PortNumber[] = [0, 1];

/** Why this config's topology can't be built, by its paths; empty for a ring of three. */
export function topologyFaults({ topology, hosts, cables }: ClusterConfig): readonly string[] {
  const found = `found ${hosts.length}`;
  if (topology === "ring" && hosts.length !== RING_HOSTS) {
    return [
      `spark-mesh:topology: ring topology requires exactly 3 hosts, ${found}; use direct for two, switch for four or more`,
    ];
  }
  if (topology === "direct" || topology === "switch") {
    return [`spark-mesh:topology: ${topology} is not yet supported; allowed now: auto or ring, with exactly 3 hosts`];
  }
  const switches = (cables ?? []).flatMap(({ to }, index) =>
    "switch" in to
      ? [`spark-mesh:cables[${index}].to: ${to.switch} is a switch, which is not yet supported; cable port to port`]
      : [],
  );
  if (hosts.length === RING_HOSTS) return switches;
  const wanted =
    hosts.length < RING_HOSTS ? "fewer than three hosts (direct)" : "more than three hosts (switch, larger rings)";
  return [`spark-mesh:hosts: ${found}; ${wanted} are not yet supported; a ring takes exactly 3 hosts`, ...switches];
}

/** Fewer ports than a ring needs, on hosts that have no record to be planned from. */
export function interfaceFaults(hosts: readonly ReachedHost[]): readonly HostLine[] {
  return hosts.flatMap(({ config: { name: host }, facts }): HostLine[] => {
    const ports = new Set(facts.cx7.map(({ port }) => port)).size;
    if (facts.record || (ports === 2 && facts.cx7.length >= RING_INTERFACES)) return [];
    const wanted = "ring topology requires 2 physical ports (4 interfaces)";
    const remedy =
      "without a cable the NIC leaves PCI: check that both cables are plugged in, then reboot with them in";
    if (facts.cx7.length === 0) return [{ host, line: `${host}: no CX7 netdev; ${wanted}; ${remedy}` }];
    const names = facts.cx7.map(({ name }) => name).join(", ");
    const found = `found ${ports === 1 ? "1 port" : `${ports} ports`} (${names})`;
    return [{ host, line: `${host}: ${wanted}, ${found}; ${remedy}` }];
  });
}

interface Ring {
  /** The wires given, and the assumed ones. */
  readonly wires: readonly Wire[];
  readonly faults: readonly HostLine[];
}

/**
 * Whether three hosts are cabled as a ring: each pair by one cable, port 0 to port 1. A cable that only a host which
 * can't be asked could know is assumed by that rule.
 *
 * @param unseen ports whose missing cable is no news.
 */
export function judgeRing(views: readonly HostView[], wires: readonly Wire[], unseen: ReadonlySet<string>): Ring {
  const hosts = [...views].sort((a, b) => a.config.number - b.config.number);
  const pairs = hosts.map((host, index): [HostView, HostView] => [host, hosts[(index + 1) % hosts.length] ?? host]);
  const faults: HostLine[] = wires.flatMap((wire) => [
    ...loopFault(wire),
    ...straightFault(wire, swapHost(pairs, wires)),
  ]);
  const assumed: Wire[] = [];
  for (const [from, to] of pairs) {
    const between = wires.filter(({ ends }) => joins(ends, from, to));
    if (between.length > 1) faults.push(doubleFault(from, to, between));
    if (between.length > 0) continue;
    const ends = missingEnds(from, to, wires);
    if (ends && !(isReached(from) && isReached(to))) assumed.push({ ends, evidence: "assumed" });
    else if (!touchesUnseen(from, to, ends, unseen)) faults.push(missingFault(from, to, ends));
  }
  return { wires: [...wires, ...assumed], faults };
}

function joins([a, b]: readonly [PortRef, PortRef], x: HostView, y: HostView): boolean {
  const [one, other] = [x.config.name, y.config.name];
  return (a.host === one && b.host === other) || (a.host === other && b.host === one);
}

function loopFault({ ends }: Wire): readonly HostLine[] {
  const [{ host }, far] = ends;
  if (host !== far.host) return [];
  return [
    {
      host,
      line: `${host}: its two ports are cabled to each other (${wireName(ends)}); a ring joins each host to both others`,
    },
  ];
}

function straightFault({ ends, evidence }: Wire, swap: string | undefined): readonly HostLine[] {
  const [a, b] = ends;
  if (a.port !== b.port) return [];
  const other = 1 - a.port;
  const fix = swap ? `swap the two plugs of ${swap}` : `move its plug to port ${other} at ${a.host} or at ${b.host}`;
  const declared = evidence === "declared" ? ", and correct spark-mesh:cables" : "";
  return [
    {
      host: a.host,
      line: `${a.host}: port ${a.port} is cabled to port ${b.port} of ${b.host} (cable ${wireName(
        ends,
      )}); a ring joins port 0 to port 1, NCCL fails otherwise (ibv_modify_qp, error 110); ${fix}${declared}`,
    },
  ];
}

function doubleFault(from: HostView, to: HostView, between: readonly Wire[]): HostLine {
  const host = from.config.name;
  const names = between.map(({ ends }) => wireName(ends)).join(" and ");
  return {
    host,
    line: `${host}: two cables lead to ${to.config.name} (${names}); a ring joins each host to both others by one cable: move one of them`,
  };
}

function missingFault(from: HostView, to: HostView, ends: readonly [PortRef, PortRef] | undefined): HostLine {
  const host = from.config.name;
  const between = ends ? `${portKey(ends[0])} and ${portKey(ends[1])}` : `${host} and ${to.config.name}`;
  return {
    host,
    line: `${host}: no cable is seen between ${between}; plug one in, or name it under spark-mesh:cables if it is there`,
  };
}

/**
 * The free ports that a cable between the two should join, port 0 facing the next host as in the article unless that
 * port is taken; undefined where no free port 0 faces a free port 1.
 */
function missingEnds(from: HostView, to: HostView, wires: readonly Wire[]): readonly [PortRef, PortRef] | undefined {
  const used = new Set(wires.flatMap(({ ends }) => ends.map(portKey)));
  return PORTS.map((port): readonly [PortRef, PortRef] => [
    { host: from.config.name, port },
    { host: to.config.name, port: port === 0 ? 1 : 0 },
  ]).find((ends) => ends.every((end) => !used.has(portKey(end))));
}

function touchesUnseen(
  from: HostView,
  to: HostView,
  ends: readonly [PortRef, PortRef] | undefined,
  unseen: ReadonlySet<string>,
): boolean {
  const candidates = ends ?? [from, to].flatMap(({ config }) => PORTS.map((port) => ({ host: config.name, port })));
  return candidates.some((port) => unseen.has(portKey(port)));
}

/** The port that each host turns to the next one in the circle, as far as cables show. */
function portsAhead(pairs: readonly (readonly [HostView, HostView])[], wires: readonly Wire[]): readonly PortRef[] {
  return pairs.flatMap(([from, to]) =>
    wires
      .filter(({ ends }) => joins(ends, from, to))
      .slice(0, 1)
      .flatMap(({ ends }) => ends.filter(({ host }) => host === from.config.name)),
  );
}

/** In a closed ring with straight cables, one host alone is turned the other way: its two plugs are to be swapped. */
function swapHost(pairs: readonly (readonly [HostView, HostView])[], wires: readonly Wire[]): string | undefined {
  const ahead = portsAhead(pairs, wires);
  if (ahead.length !== pairs.length || wires.length !== pairs.length) return undefined;
  return ahead.find(({ port }) => ahead.filter((other) => other.port === port).length === 1)?.host;
}
