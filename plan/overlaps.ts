import { IPv4CidrRange } from "ip-num";
import { type NumberedCable, planSubnets } from "./addresses";
import type { HostLine, ReachedHost } from "./views";

/** A network that a host already uses outside its CX7 netdevs. */
interface UsedNetwork {
  readonly host: string;
  /** As the host shows it: `route 10.0.0.0/8` or `address 10.0.0.11/24`. */
  readonly label: string;
  readonly netdev: string;
  readonly range: IPv4CidrRange;
}

/**
 * One fault for each route or address of any host that overlaps a planned subnet: both named, with a `firstSubnet` that
 * would fit on all hosts.
 */
export function overlapFaults(
  cables: readonly NumberedCable[],
  firstSubnet: string,
  hosts: readonly ReachedHost[],
): readonly HostLine[] {
  const planned = subnetsOf(cables, firstSubnet);
  const used = hosts.flatMap(usedNetworks);
  const clashes = used
    .map((network) => ({ network, subnets: planned.filter((subnet) => overlaps(subnet, network)) }))
    .filter(({ subnets }) => subnets.length > 0);
  if (clashes.length === 0) return [];
  const fit = fittingFirstSubnet(cables, used);
  const remedy = fit
    ? `set spark-mesh:network.firstSubnet to ${fit}, which is free on every host`
    : "no private /24 is free on every host: remove that route, or declare another spark-mesh:network.firstSubnet";
  return clashes.map(({ network, subnets }) => ({
    host: network.host,
    line: `${network.host}: ${network.label} on ${network.netdev} overlaps the planned ${
      subnets.length === 1 ? "subnet" : "subnets"
    } ${subnets.map((subnet) => subnet.toCidrString()).join(", ")}; ${remedy}`,
  }));
}

function subnetsOf(cables: readonly NumberedCable[], firstSubnet: string): readonly IPv4CidrRange[] {
  return planSubnets(cables, firstSubnet)
    .flat()
    .map((subnet) => IPv4CidrRange.fromCidr(subnet));
}

function usedNetworks({ config, facts }: ReachedHost): readonly UsedNetwork[] {
  const host = config.name;
  const networks = new Map<string, UsedNetwork>();
  const add = (kind: string, cidr: string, netdev: string) => {
    const range = parseRange(cidr);
    if (!range) return;
    // An address and its own connected route are one network, said once.
    const key = `${netdev} ${range.getFirst().toString()}/${range.cidrPrefix.getValue()}`;
    if (!networks.has(key)) networks.set(key, { host, label: `${kind} ${cidr}`, netdev, range });
  };
  for (const route of facts.routes) add("route", route.destination, route.netdev);
  for (const netdev of facts.otherNetdevs) {
    for (const live of netdev.addresses) {
      if (live.family === 4) add("address", `${live.address}/${live.prefixLength}`, netdev.name);
    }
  }
  return [...networks.values()];
}

/** A bare address is a host route; what is no IPv4 network (a hostile or newer host) can't overlap one. */
function parseRange(cidr: string): IPv4CidrRange | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}(\/\d{1,2})?$/.test(cidr)) return undefined;
  try {
    return IPv4CidrRange.fromCidr(cidr.includes("/") ? cidr : `${cidr}/32`);
  } catch {
    return undefined;
  }
}

function fittingFirstSubnet(cables: readonly NumberedCable[], used: readonly UsedNetwork[]): string | undefined {
  return privateCandidates().find((candidate) =>
    subnetsOf(cables, candidate).every((subnet) => used.every((network) => !overlaps(subnet, network))),
  );
}

/** Nearest to the default first, so that the third octets stay the article's wherever possible. */
function privateCandidates(): readonly string[] {
  const octets = (count: number) => Array.from({ length: count }, (_, index) => index);
  return [
    "192.168.177.0/24",
    ...octets(16).map((second) => `172.${16 + second}.177.0/24`),
    ...octets(256).map((second) => `10.${second}.177.0/24`),
    ...octets(254).map((third) => `192.168.${third}.0/24`),
    ...octets(254).map((third) => `172.31.${third}.0/24`),
    ...octets(254).map((third) => `10.255.${third}.0/24`),
  ];
}

function overlaps(subnet: IPv4CidrRange, network: UsedNetwork): boolean {
  return (
    subnet.getFirst().getValue() <= network.range.getLast().getValue() &&
    network.range.getFirst().getValue() <= subnet.getLast().getValue()
  );
}
