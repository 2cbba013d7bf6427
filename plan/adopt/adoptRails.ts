import type { PortRef } from "../../config/cluster";
import * as schema from "../../config/schema";
import { overlap, parseAddress, type Subnet, subnetAround, subnetText } from "../../config/subnets";
import { isSwitchWire, portsOf, type Wire, wireName } from "../cabling/wires";
import type { AdoptedNetdev, Adoption } from "./adopt";

/** One of the two netdevs at an end of a wire. */
export interface Rail {
  readonly wire: Wire;
  readonly port: PortRef;
  readonly twin: 0 | 1;
  /** The netdev's, or the place's where it isn't there. */
  readonly name: string;
  /** Undefined where it isn't there, or its host was not asked. */
  readonly netdev: AdoptedNetdev | undefined;
}

/** What shares subnets: a cable's two ends, or on a switch the ports of one place, a host's lowest there or the next. */
export interface Link {
  readonly rails: readonly Rail[];
}

/** An address that can be kept. */
interface Address {
  /** Without prefix length. */
  readonly text: string;
  readonly subnet: Subnet;
}

/** What was found of a rail that can't be kept, and what may be done about it first: "" for nothing. */
type Reason = readonly [found: string, remedy: "" | "correct it, or "];

export interface KeptAddresses {
  readonly kept: ReadonlyMap<Rail, Address>;
  /** Of those that have something which can't be kept. */
  readonly reasons: ReadonlyMap<Rail, Reason>;
}

const TWINS = [0, 1] as const;

export function linksOf(wires: readonly Wire[], { perHost }: Adoption): readonly Link[] {
  const links = new Map<string, Rail[]>();
  for (const wire of wires) {
    for (const port of portsOf(wire)) {
      const key = linkOf(wire, port, wires);
      const rails = TWINS.map((twin): Rail => {
        const netdev = perHost.get(port.host)?.find((one) => one.port === port.port && one.twin === twin);
        return { wire, port, twin, name: netdev?.netdev ?? `port ${port.port}, rail ${twin}`, netdev };
      });
      links.set(key, [...(links.get(key) ?? []), ...rails]);
    }
  }
  return [...links.values()].map((rails) => ({ rails }));
}

function linkOf(wire: Wire, port: PortRef, wires: readonly Wire[]): string {
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

/**
 * The addresses that are kept: of a link's rail the subnet that most of its netdevs are in, the first of equals; none that
 * overlaps one that was kept before; each address once.
 */
export function keepAddresses(links: readonly Link[]): KeptAddresses {
  const kept = new Map<Rail, Address>();
  const reasons = new Map<Rail, Reason>();
  const refuse = (rail: Rail, found: string) => reasons.set(rail, [found, "correct it, or "]);
  const before: { readonly subnet: Subnet; readonly rail: Rail }[] = [];
  for (const { rails } of links) {
    for (const twin of TWINS) {
      const found = rails
        .filter((rail) => rail.twin === twin)
        .flatMap((rail) => {
          const address = addressOf(rail);
          if (typeof address !== "string") return address ? [{ rail, address }] : [];
          refuse(rail, address);
          return [];
        });
      const free = found.filter(({ rail, address }) => {
        const other = before.find(({ subnet }) => overlap(subnet, address.subnet));
        if (other) {
          refuse(
            rail,
            `found ${address.text} in ${subnetText(address.subnet)}, which is ${subnetText(other.subnet)} of ${nameOf(other.rail)} too, wanted a subnet of its own`,
          );
        }
        return !other;
      });
      const usual = mostUsed(free.map(({ address }) => address.subnet));
      const first = free.find(({ address }) => subnetText(address.subnet) === usual);
      const owners = new Map<string, Rail>();
      for (const { rail, address } of free) {
        const own = subnetText(address.subnet);
        const owner = owners.get(address.text);
        if (first && own !== usual) {
          refuse(rail, `found ${address.text} in ${own}, wanted ${usual} as on ${nameOf(first.rail)}`);
        } else if (owner) {
          refuse(rail, `found ${address.text}, which ${nameOf(owner)} has too, wanted an address of its own`);
        } else {
          owners.set(address.text, rail);
          kept.set(rail, address);
        }
      }
      if (first) before.push({ subnet: first.address.subnet, rail: first.rail });
    }
  }
  return { kept, reasons };
}

function nameOf({ port: { host }, name }: Rail): string {
  return `${host}'s ${name}`;
}

function mostUsed(subnets: readonly Subnet[]): string | undefined {
  const counts = new Map<string, number>();
  for (const subnet of subnets) counts.set(subnetText(subnet), (counts.get(subnetText(subnet)) ?? 0) + 1);
  return [...counts].reduce<[string, number] | undefined>(
    (most, one) => (most && most[1] >= one[1] ? most : one),
    undefined,
  )?.[0];
}

/** The one address that a netdev has for good, why what it has can't be kept, or undefined where it has nothing. */
function addressOf({ netdev }: Rail): Address | string | undefined {
  if (!netdev) return "found no netdev, wanted one";
  const { addresses, live, dhcp, linkLocal, file, obstacles } = netdev;
  const where = file === undefined ? "" : ` in ${file}`;
  if (dhcp) return `found DHCP${where}, wanted one static address`;
  const [cidr, ...more] = addresses;
  if (cidr === undefined) {
    if (obstacles.length > 0) return `found ${obstacles.join(", ")}, wanted a definition of its own`;
    return linkLocal ? `found a link-local address alone${where}, wanted one` : undefined;
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
