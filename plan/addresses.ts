import { IPv4, IPv4CidrRange } from "ip-num";
import type { PortNumber } from "../config/cluster";

/** One end of a cable, by the host's number: addresses hang on numbers, never on names or positions. */
interface NumberedEnd {
  readonly number: number;
  readonly port: PortNumber;
}

export type NumberedCable = readonly [NumberedEnd, NumberedEnd];

/** The two third octets of a cable, by twin. */
type Slot = readonly [number, number];

const LAST_OCTET = 254;
const SLOT_STRIDE = 10;

/**
 * The subnets of every cable, by twin, in the order of the cables given.
 *
 * The cable between hosts numbered i < j has slot (j-1)(j-2)/2 + (i-1); a slot past 254, or taken by an earlier cable of
 * the same pair, becomes the highest free pair of octets. So a further host never re-addresses the others.
 *
 * @param cables in any order; the result does not depend on it.
 * @param firstSubnet a /24, e.g. 192.168.177.0/24.
 */
export function planSubnets(
  cables: readonly NumberedCable[],
  firstSubnet: string,
): readonly (readonly [string, string])[] {
  const first = thirdOctet(firstSubnet);
  const taken = new Set<number>();
  const slots = new Map<NumberedCable, Slot>();
  const displaced: NumberedCable[] = [];
  for (const cable of [...cables].sort(compareCables)) {
    const octet = first + SLOT_STRIDE * slotIndex(cable);
    if (octet + 1 > LAST_OCTET || taken.has(octet) || taken.has(octet + 1)) displaced.push(cable);
    else slots.set(cable, take(octet, taken));
  }
  for (const cable of displaced) slots.set(cable, take(highestFree(taken), taken));
  return cables.map((cable) => {
    const [a, b] = slots.get(cable) ?? [first, first + 1];
    return [withThirdOctet(firstSubnet, a), withThirdOctet(firstSubnet, b)] as const;
  });
}

/** A host's address in one of its subnets, in CIDR notation: the last octet is 10 + its number. */
export function addressIn(subnet: string, number: number): string {
  const range = IPv4CidrRange.fromCidr(subnet);
  const address = IPv4.fromNumber(range.getFirst().getValue() + BigInt(10 + number));
  return `${address.toString()}/${range.cidrPrefix.getValue()}`;
}

/** Order of cables by the pair's slot, then by the ports, first of the host with the lower number. */
export function compareCables(a: NumberedCable, b: NumberedCable): number {
  const [aLow, aHigh] = byNumber(a);
  const [bLow, bHigh] = byNumber(b);
  return slotIndex(a) - slotIndex(b) || aLow.port - bLow.port || aHigh.port - bHigh.port;
}

function slotIndex(cable: NumberedCable): number {
  const [low, high] = byNumber(cable);
  return ((high.number - 1) * (high.number - 2)) / 2 + (low.number - 1);
}

function byNumber([a, b]: NumberedCable): NumberedCable {
  return a.number < b.number || (a.number === b.number && a.port <= b.port) ? [a, b] : [b, a];
}

function take(octet: number, taken: Set<number>): Slot {
  taken.add(octet).add(octet + 1);
  return [octet, octet + 1];
}

function highestFree(taken: ReadonlySet<number>): number {
  for (let octet = LAST_OCTET - 1; octet >= 0; octet -= 1) {
    if (!taken.has(octet) && !taken.has(octet + 1)) return octet;
  }
  throw new Error("more than 127 cables don't fit one second octet");
}

function thirdOctet(subnet: string): number {
  return Number((IPv4CidrRange.fromCidr(subnet).getFirst().getValue() >> 8n) & 255n);
}

function withThirdOctet(subnet: string, octet: number): string {
  const value = IPv4CidrRange.fromCidr(subnet).getFirst().getValue();
  return `${IPv4.fromNumber((value & ~0xff00n) | (BigInt(octet) << 8n)).toString()}/24`;
}
