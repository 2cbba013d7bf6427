import type { PortRef } from "../../config/cluster";
import {
  overlap,
  parseRange,
  privateRangeOf,
  type Subnet,
  sizeOf,
  subnet,
  subnetAround,
  subnetText,
} from "../../config/subnets";
import { wireName } from "../cabling/wires";
import type { HostLine, ReachedHost } from "../views";
import { addressLinks } from "./addresses";
import type { AddressWish, CableToAddress, NumberedEnd } from "./links";

/** A network that a host already uses outside its CX7 netdevs. */
interface UsedNetwork {
  readonly host: string;
  /** As the host shows it: `route 10.0.0.0/8` or `address 10.0.0.11/24`. */
  readonly label: string;
  readonly netdev: string;
  readonly range: Subnet;
}

/** The subnet of one twin, and the cable that declares it where it is not planned. */
interface MeshSubnet {
  readonly range: Subnet;
  readonly declaredBy: CableToAddress | undefined;
}

/** How many first subnets of a pool are tried. */
const POOL_TRIES = 256;

/** Of one host. */
const MAX_LINES = 20;

/**
 * One fault for each route or address of any host that overlaps subnets of the mesh: all named, with a `firstSubnet` or
 * pool that would fit on all hosts, or with the cable that declares the subnets. None where planAddresses throws.
 *
 * @param hosts with the names of each one's netdevs that are ends of the mesh's cables.
 */
export function overlapFaults(
  cables: readonly CableToAddress[],
  network: AddressWish,
  hosts: ReadonlyMap<ReachedHost, ReadonlySet<string>>,
): readonly HostLine[] {
  const mesh = subnetsOf(cables, network) ?? [];
  const used = [...hosts].flatMap(([host, netdevs]) => usedNetworks(host, netdevs));
  const clashes = used.flatMap((use) => {
    const hit = mesh.filter(({ range }) => overlap(range, use.range));
    return hit.length === 0 ? [] : [...groupByCable(hit)].map(([cable, ranges]) => ({ use, cable, ranges }));
  });
  const planned = clashes.some(({ cable }) => cable === undefined);
  const remedy = planned ? fittingWish(cables, network, used) : "";
  const lines = clashes.map(({ use: { host, label, netdev }, cable, ranges }) => {
    const kind = `${cable ? "declared" : "planned"} ${ranges.length === 1 ? "subnet" : "subnets"}`;
    const list = ranges.map(subnetText).join(", ");
    const fix = cable
      ? `give the cable ${cableName(cable, [...hosts.keys()])} other subnets in spark-mesh:cables`
      : remedy;
    return { host, line: `${host}: ${label} on ${netdev} overlaps the ${kind} ${list}; ${fix}` };
  });
  return [...hosts.keys()].flatMap(({ config }) => shortened(lines.filter(({ host }) => host === config.name)));
}

/** A host may route everything by itself: nobody reads a thousand lines of it. */
function shortened(lines: readonly HostLine[]): readonly HostLine[] {
  const [first] = lines;
  if (!first || lines.length <= MAX_LINES) return lines;
  const { host } = first;
  return [
    ...lines.slice(0, MAX_LINES),
    { host, line: `${host}: ${lines.length - MAX_LINES} more routes and addresses overlap the mesh's subnets` },
  ];
}

/** Undefined where planAddresses throws. */
function subnetsOf(cables: readonly CableToAddress[], network: AddressWish): readonly MeshSubnet[] | undefined {
  const { links, faults } = addressLinks(cables, network);
  if (faults.length > 0) return undefined;
  return links.flatMap(({ subnets, explicit, cables: [cable] }) =>
    subnets.map((range) => ({ range, declaredBy: explicit && cable })),
  );
}

/** The planned ones are together, under undefined. */
function groupByCable(subnets: readonly MeshSubnet[]): ReadonlyMap<CableToAddress | undefined, readonly Subnet[]> {
  const groups = new Map<CableToAddress | undefined, Subnet[]>();
  for (const { declaredBy, range } of subnets) groups.set(declaredBy, [...(groups.get(declaredBy) ?? []), range]);
  return groups;
}

/** A host that can't be asked is named by its number. */
function cableName({ ends: [near, far] }: CableToAddress, hosts: readonly ReachedHost[]): string {
  const port = ({ number, port }: NumberedEnd): PortRef => {
    const host = hosts.find(({ config }) => config.number === number)?.config.name ?? `host ${number}`;
    return { host, port };
  };
  return wireName([port(near), "switch" in far ? far : port(far)]);
}

/** @param cabled names of the netdevs that the mesh gives addresses of its own. */
function usedNetworks({ config, facts, recorded }: ReachedHost, cabled: ReadonlySet<string>): readonly UsedNetwork[] {
  const host = config.name;
  // What a netdev of ours still has goes with the cable that it was for.
  const ours = new Set([...cabled, ...(recorded?.netdevs ?? []).map(({ netdev }) => netdev)]);
  const isOthers = (netdev: string) => !ours.has(netdev);
  const networks = new Map<string, UsedNetwork>();
  const add = (kind: string, cidr: string, netdev: string) => {
    const range = parseRange(cidr);
    if (!range) return;
    // An address and its own connected route are one network, said once.
    const key = `${netdev} ${range.first} ${range.prefixLength}`;
    if (!networks.has(key)) networks.set(key, { host, label: `${kind} ${cidr}`, netdev, range });
  };
  const overCx7 = facts.cx7Routes.filter(({ destination, netdev }) => destination !== "default" && isOthers(netdev));
  for (const { destination, netdev } of [...facts.routes, ...overCx7]) add("route", destination, netdev);
  for (const { name, addresses } of [...facts.otherNetdevs, ...facts.cx7.filter((netdev) => isOthers(netdev.name))]) {
    for (const live of addresses) {
      if (live.family === 4) add("address", `${live.address}/${live.prefixLength}`, name);
    }
  }
  return [...networks.values()];
}

/** Tells whether any of these networks overlaps a range. */
function occupation(used: readonly UsedNetwork[]): (range: Subnet) => boolean {
  const spans: { first: number; last: number }[] = [];
  for (const { range } of [...used].sort((a, b) => a.range.first - b.range.first)) {
    const before = spans.at(-1);
    if (before && range.first <= before.last + 1) before.last = Math.max(before.last, range.last);
    else spans.push({ first: range.first, last: range.last });
  }
  return ({ first, last }) => {
    let [low, high] = [0, spans.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((spans[middle]?.last ?? 0) < first) low = middle + 1;
      else high = middle;
    }
    return (spans[low]?.first ?? Number.POSITIVE_INFINITY) <= last;
  };
}

/** What to set so that every planned subnet is free on every host. */
function fittingWish(cables: readonly CableToAddress[], network: AddressWish, used: readonly UsedNetwork[]): string {
  const isTaken = occupation(used);
  const isFree = ({ range, declaredBy }: MeshSubnet) => declaredBy || !isTaken(range);
  const fits = (wish: AddressWish) => subnetsOf(cables, wish)?.every(isFree);
  const other = otherFirstSubnets(network).find(fits);
  if (other) return `set spark-mesh:network.firstSubnet to ${other.firstSubnet}, which is free on every host`;
  const pool = otherPools(network).find(fits);
  if (pool) {
    return `set spark-mesh:network.pool to ${pool.pool} and firstSubnet to ${pool.firstSubnet}, which are free on every host`;
  }
  const [key, length] = network.pool
    ? ["pool", subnet(network.pool).prefixLength]
    : ["firstSubnet", network.prefixLength];
  return `no private /${length} is free on every host: remove that route, or declare another spark-mesh:network.${key}`;
}

function otherFirstSubnets(network: AddressWish): readonly AddressWish[] {
  const { prefixLength, pool } = network;
  const firsts = pool === undefined ? privateSubnets(prefixLength) : subnetsIn(subnet(pool), prefixLength);
  return firsts.map((first) => ({ ...network, firstSubnet: subnetText(first) }));
}

function otherPools({ pool, prefixLength }: AddressWish): readonly AddressWish[] {
  if (pool === undefined) return [];
  return privateSubnets(subnet(pool).prefixLength).map((other) => {
    const firstSubnet = subnetText(subnetAround(other.first, prefixLength));
    return { pool: subnetText(other), firstSubnet, prefixLength };
  });
}

/** Evenly over the pool, from its start. */
function subnetsIn(pool: Subnet, prefixLength: number): readonly Subnet[] {
  const size = sizeOf(prefixLength);
  const count = (pool.last + 1 - pool.first) / size;
  const tries = Math.min(POOL_TRIES, count);
  return Array.from({ length: tries }, (_, index) =>
    subnetAround(pool.first + Math.floor((index * count) / tries) * size, prefixLength),
  );
}

/** Nearest to the default first, so that the third octets stay the article's wherever possible. */
function privateSubnets(prefixLength: number): readonly Subnet[] {
  const octets = (count: number) => Array.from({ length: count }, (_, index) => index);
  const firsts = [
    "192.168.177.0",
    ...octets(16).map((second) => `172.${16 + second}.177.0`),
    ...octets(256).map((second) => `10.${second}.177.0`),
    ...octets(254).map((third) => `192.168.${third}.0`),
    ...octets(254).map((third) => `172.31.${third}.0`),
    ...octets(254).map((third) => `10.255.${third}.0`),
  ];
  const subnets = new Map(
    firsts.map((first) => {
      const around = subnetAround(subnet(`${first}/32`).first, prefixLength);
      return [around.first, around];
    }),
  );
  return [...subnets.values()].filter((around) => privateRangeOf(around));
}
