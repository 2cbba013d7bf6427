import type { CableConfig, PortRef } from "../../config/cluster";
import * as schema from "../../config/schema";
import { overlap, parseAddress, type Subnet, subnetAround, subnetText } from "../../config/subnets";
import { isSwitchWire, portsOf, type Wire, wireName } from "../cabling/wires";
import { type HostLine, portKey } from "../views";
import type { AdoptedNetdev, Adoption } from "./adopt";

/** A stack config's `cables:` that keep the addresses that the hosts have now. */
export interface AdoptedCables {
  /** In the order of the wires; without subnets and addresses where they can't be kept. */
  readonly cables: readonly CableConfig[];
  /** Why a cable keeps nothing. */
  readonly faults: readonly HostLine[];
}

type Twins<T> = readonly [T, T];

/** One port at the end of a wire, and what its twins have. */
interface End {
  readonly wire: Wire;
  readonly port: PortRef;
  readonly netdevs: Twins<AdoptedNetdev>;
  readonly addresses: Twins<Address>;
}

interface Address {
  /** Without prefix length. */
  readonly text: string;
  readonly subnet: Subnet;
}

const TWINS = [0, 1] as const;

/**
 * The wires as declared cables with the subnets and addresses that are there now: of a cable between two hosts where
 * both ends agree, of a switch's port where all hosts at its place do. Whatever would be no valid mesh is a fault that
 * names both sides, and leaves the cable to the plan.
 */
export function adoptCables(wires: readonly Wire[], adoption: Adoption): AdoptedCables {
  const faults: HostLine[] = [];
  const left = new Set<Wire>();
  const fail = ({ wire, port: { host } }: Pick<End, "wire" | "port">, what: string) => {
    left.add(wire);
    const line = `${host}: ${what}; correct it, or up gives the cable ${wireName(wire.ends)} planned addresses`;
    faults.push({ host, line });
  };
  const ends = wires.flatMap((wire) => portsOf(wire).flatMap((port) => readEnd(wire, port, adoption, fail)));
  const links = linksOf(ends, wires);
  for (const [first, ...others] of links) {
    for (const other of others) if (first) judgeTogether(first, other, fail);
  }
  judgeApart(links, fail);
  judgeOnce(ends, fail);
  return {
    cables: wires.map((wire) =>
      cableOf(
        wire,
        ends.filter((end) => end.wire === wire && !left.has(wire)),
      ),
    ),
    faults,
  };
}

type Fail = (end: Pick<End, "wire" | "port">, what: string) => void;

function readEnd(wire: Wire, port: PortRef, { perHost }: Adoption, fail: Fail): readonly End[] {
  const found = perHost.get(port.host)?.filter((netdev) => netdev.port === port.port) ?? [];
  const [first, second] = TWINS.map((twin) => found.find((netdev) => netdev.twin === twin));
  if (!first || !second) {
    const names = found.map(({ netdev }) => netdev).join(", ") || "no netdev";
    fail({ wire, port }, `${portKey(port)}: found ${names}, wanted its two netdevs`);
    return [];
  }
  const [a, b] = [first, second].map((netdev) => {
    const address = addressOf(netdev);
    if (typeof address !== "string") return address;
    fail({ wire, port }, `${netdev.netdev}: ${address}`);
    return undefined;
  });
  if (!a || !b) return [];
  if (overlap(a.subnet, b.subnet)) {
    fail(
      { wire, port },
      `${first.netdev}, ${second.netdev}: found both in ${subnetText(a.subnet)}, wanted a subnet for each twin`,
    );
    return [];
  }
  return [{ wire, port, netdevs: [first, second], addresses: [a, b] }];
}

/** The one address that a netdev has for good, or why it has none: what was found, and what is wanted. */
function addressOf({ addresses, live, dhcp, linkLocal, file, obstacles }: AdoptedNetdev): Address | string {
  const where = file === undefined ? "" : ` in ${file}`;
  if (dhcp) return `found DHCP${where}, wanted one static address`;
  const [cidr, ...more] = addresses;
  if (cidr === undefined) {
    if (obstacles.length > 0) return `found ${obstacles.join(", ")}, wanted a definition of its own`;
    return `found ${linkLocal ? `a link-local address alone${where}` : "no static address"}, wanted one`;
  }
  if (more.length > 0) return `found ${addresses.join(", ")}${where}, wanted one address`;
  if (live.length > 0 && (live.length > 1 || live[0] !== cidr)) {
    return `found ${cidr}${where} and ${live.join(", ")} live, wanted the same`;
  }
  return parseCidr(cidr) ?? `found ${cidr}${where}, wanted a host's IPv4 address in a unicast subnet from /8 to /30`;
}

/** Undefined where the stack config would not take it. */
function parseCidr(cidr: string): Address | undefined {
  const [text = "", length = ""] = cidr.split("/");
  const address = parseAddress(text);
  if (address === undefined || !/^([1-9]|[12]\d|3[0-2])$/.test(length)) return undefined;
  const subnet = subnetAround(address, Number(length));
  const subnets = [subnetText(subnet), subnetText(subnet)];
  const isHosts = address > subnet.first && address < subnet.last;
  return isHosts && schema.cable.shape.subnets.safeParse(subnets).success ? { text, subnet } : undefined;
}

function linksOf(ends: readonly End[], wires: readonly Wire[]): readonly (readonly End[])[] {
  const links = new Map<string, End[]>();
  for (const end of ends) {
    const link = linkOf(end, wires);
    links.set(link, [...(links.get(link) ?? []), end]);
  }
  return [...links.values()];
}

/** What shares subnets: a cable's two ends, or on a switch the ports of one place, a host's lowest there or the next. */
function linkOf({ wire, port }: End, wires: readonly Wire[]): string {
  if (!isSwitchWire(wire)) return wireName(wire.ends);
  const [, { switch: name }] = wire.ends;
  const lower = wires.filter(
    (other) =>
      isSwitchWire(other) &&
      other.ends[1].switch === name &&
      other.ends[0].host === port.host &&
      other.ends[0].port < port.port,
  );
  return `${name} ${lower.length}`;
}

function judgeTogether(a: End, b: End, fail: Fail): void {
  const subnets = (end: End) => end.addresses.map(({ subnet }) => subnetText(subnet));
  const wanted = subnets(a);
  const found = subnets(b);
  if (found.join() === wanted.join()) return;
  const crossed = found.toReversed().join() === wanted.join() ? "the twins' subnets crossed, " : "";
  const names = (end: End) => end.netdevs.map(({ netdev }) => netdev).join(", ");
  fail(
    b,
    `${names(b)}: found ${crossed}${found.join(", ")}, wanted ${wanted.join(", ")} as on ${a.port.host}'s ${names(a)}`,
  );
}

/** No two links share a subnet. */
function judgeApart(links: readonly (readonly End[])[], fail: Fail): void {
  const seen: { readonly end: End; readonly subnet: Subnet }[] = [];
  for (const [end] of links) {
    if (!end) continue;
    const own = end.addresses.map(({ subnet }) => ({ end, subnet }));
    for (const { subnet } of own) {
      const other = seen.find((earlier) => overlap(earlier.subnet, subnet));
      if (!other) continue;
      fail(
        end,
        `${portKey(end.port)}: found ${subnetText(subnet)}, which is ${subnetText(other.subnet)} of the cable ${wireName(
          other.end.wire.ends,
        )} too, wanted a subnet for each cable`,
      );
    }
    seen.push(...own);
  }
}

function judgeOnce(ends: readonly End[], fail: Fail): void {
  const owners = new Map<string, string>();
  for (const end of ends) {
    for (const twin of TWINS) {
      const { text } = end.addresses[twin];
      const { netdev } = end.netdevs[twin];
      const owner = owners.get(text);
      if (owner === undefined) owners.set(text, `${end.port.host}'s ${netdev}`);
      else fail(end, `${netdev}: found ${text}, which ${owner} has too, wanted an address of its own`);
    }
  }
}

function cableOf({ ends: [from, to] }: Wire, kept: readonly End[]): CableConfig {
  const [first] = kept;
  if (!first) return { from, to };
  return {
    from,
    to,
    subnets: [subnetText(first.addresses[0].subnet), subnetText(first.addresses[1].subnet)],
    addresses: Object.fromEntries(
      kept.map(({ port: { host }, addresses: [a, b] }): [string, Twins<string>] => [host, [a.text, b.text]]),
    ),
  };
}
