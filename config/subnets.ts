import { IPv4, IPv4CidrRange } from "ip-num";

/** An IPv4 network as the span of its addresses, each a number below 2^32. */
export interface Subnet {
  readonly first: number;
  readonly last: number;
  readonly prefixLength: number;
}

/** RFC 1918, the most used first. */
const PRIVATE_RANGES = ["192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8"].map(subnet);

/** This network, loopback, link-local, multicast and reserved: no host's address lies there. */
const NO_UNICAST = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"].map(subnet);

/** How many addresses a subnet of this prefix length has, its network and broadcast addresses among them. */
export const sizeOf = (prefixLength: number) => 2 ** (32 - prefixLength);

/** A network that is known to be well formed, e.g. because it was judged before. */
export function subnet(cidr: string): Subnet {
  const range = IPv4CidrRange.fromCidr(cidr);
  return {
    first: Number(range.getFirst().getValue()),
    last: Number(range.getLast().getValue()),
    prefixLength: Number(range.cidrPrefix.getValue()),
  };
}

/** The network of this prefix length that `address` lies in. */
export function subnetAround(address: number, prefixLength: number): Subnet {
  const size = sizeOf(prefixLength);
  const first = Math.floor(address / size) * size;
  return { first, last: first + size - 1, prefixLength };
}

/** Undefined where `text` is no network in CIDR notation, or doesn't start at its own first address. */
export function parseNetwork(text: string): Subnet | undefined {
  try {
    const network = subnet(text);
    return subnetText(network) === text ? network : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined where `text` is no bare IPv4 address. */
export function parseAddress(text: string): number | undefined {
  try {
    return Number(IPv4.fromString(text).getValue());
  } catch {
    return undefined;
  }
}

const IPV4_RANGE = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/;

/**
 * The network of an address or a network in CIDR notation, a bare address being one of its own; undefined where the text
 * is neither. For a host's routes, of which there may be a hundred thousand.
 */
export function parseRange(text: string): Subnet | undefined {
  const [match, a, b, c, d, length = "32"] = IPV4_RANGE.exec(text) ?? [];
  const octets = [a, b, c, d].map(Number);
  const prefixLength = Number(length);
  if (match === undefined || prefixLength > 32 || octets.some((octet) => octet > 255)) return undefined;
  return subnetAround(
    octets.reduce((address, octet) => address * 256 + octet, 0),
    prefixLength,
  );
}

export function addressText(address: number): string {
  return IPv4.fromNumber(BigInt(address)).toString();
}

export function subnetText({ first, prefixLength }: Subnet): string {
  return `${addressText(first)}/${prefixLength}`;
}

export function overlap(a: Subnet, b: Subnet): boolean {
  return a.first <= b.last && b.first <= a.last;
}

export function contains(outer: Subnet, inner: Subnet): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}

/** The private range that a network lies in; undefined where it is not private. */
export function privateRangeOf(network: Subnet): Subnet | undefined {
  return PRIVATE_RANGES.find((range) => contains(range, network));
}

export function isUnicast(network: Subnet): boolean {
  return !NO_UNICAST.some((other) => overlap(network, other));
}

/**
 * Where a host's planned address is in its subnet, counted from the first address: 10 + number where that fits for
 * every host, so up to /24. In a smaller one its number, between two hosts 1 for the lower number and 2 for the other.
 *
 * @param pair the numbers of the cable's two hosts; undefined at a switch.
 */
export function plannedOffset(
  number: number,
  pair: readonly [number, number] | undefined,
  prefixLength: number,
): number {
  if (prefixLength <= 24) return 10 + number;
  if (!pair) return number;
  return number === Math.min(...pair) ? 1 : 2;
}

/** The longest prefix at which an address that is `offset` from the first one is a host's. */
export function longestFor(offset: number): number {
  return 32 - Math.ceil(Math.log2(offset + 2));
}
