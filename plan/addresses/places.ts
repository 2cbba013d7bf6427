import { contains, privateRangeOf, type Subnet, sizeOf, subnet, subnetAround } from "../../config/subnets";
import type { AddressWish, Link } from "./links";

/** Subnets of one length side by side, numbered from 0; a place is the number of the first of two neighbours. */
interface Space {
  /** Address of subnet 0. */
  readonly start: number;
  readonly prefixLength: number;
  readonly count: number;
  /** Place of slot 0. */
  readonly first: number;
  /** From one slot's place to the next one's. */
  readonly stride: number;
}

/** The numbers of subnets that are taken, from first to last. */
interface Span {
  readonly first: number;
  readonly last: number;
}

/**
 * The two neighbouring subnets of every link that has no explicit ones; a link for which none are left is not in it.
 *
 * Slot k has the third octets first + 10k and one more, in firstSubnet's /16; with a pool, or another prefix length than
 * 24, the subnets 2k and 2k+1 from firstSubnet on. What is past the end or taken becomes the highest that are free. Past
 * the end this is settled for every pair of hosts, cabled or not: so a further host, or a cable less, moves no other.
 *
 * @param links in the order in which they choose.
 */
export function placeLinks(links: readonly Link[], network: AddressWish): ReadonlyMap<Link, readonly [Subnet, Subnet]> {
  const space = spaceOf(network);
  const taken = links.flatMap(({ explicit }) => (explicit ?? []).map((twin) => spanOf(twin, space)));
  const ofPairs = placesOfPairs(links, space);
  const places = new Map<Link, number>();
  const choose = (link: Link, place: number | undefined) => {
    if (place === undefined || !isFree(place, taken)) return false;
    taken.push({ first: place, last: place + 1 });
    places.set(link, place);
    return true;
  };
  links
    .filter(({ explicit }) => !explicit)
    .filter((link) => !choose(link, link.pair ? ofPairs.get(link.slot) : placeOfSlot(link.slot, space)))
    .forEach((link) => {
      choose(link, highestFree(taken, space));
    });
  return new Map([...places].map(([link, place]) => [link, [subnetAt(place, space), subnetAt(place + 1, space)]]));
}

/** The slot of the pair of hosts numbered low < high. */
export function slotOfPair(low: number, high: number): number {
  return ((high - 1) * (high - 2)) / 2 + (low - 1);
}

function spaceOf({ firstSubnet, prefixLength, pool }: AddressWish): Space {
  const start = subnet(firstSubnet);
  const octets = pool === undefined && prefixLength === 24;
  const whole = pool === undefined ? (octets ? subnetAround(start.first, 16) : privateRangeOf(start)) : subnet(pool);
  if (!whole || !contains(whole, start)) throw new Error(`${firstSubnet} is not in ${pool ?? "a private range"}`);
  const size = sizeOf(prefixLength);
  return {
    start: whole.first,
    prefixLength,
    // A third octet of 255 is left out.
    count: octets ? 255 : (whole.last + 1 - whole.first) / size,
    first: (start.first - whole.first) / size,
    stride: octets ? 10 : 2,
  };
}

/** By slot, for every pair of the hosts that have a cable to another host. Undefined at those for which none is left. */
function placesOfPairs(links: readonly Link[], space: Space): ReadonlyMap<number, number> {
  const places = new Map<number, number>();
  const late: number[] = [];
  for (const slot of slotsOfPairs([...new Set(links.flatMap(({ pair }) => pair ?? []))])) {
    const place = placeOfSlot(slot, space);
    if (place === undefined) late.push(slot);
    else places.set(slot, place);
  }
  const taken = [...places.values()].map((place) => ({ first: place, last: place + 1 }));
  for (const slot of late) {
    const place = highestFree(taken, space);
    if (place === undefined) break;
    taken.push({ first: place, last: place + 1 });
    places.set(slot, place);
  }
  return places;
}

/** By the higher host; of its pairs, those come first that close a ring of all hosts up to it. */
function slotsOfPairs(numbers: readonly number[]): readonly number[] {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted.flatMap((high, index) => {
    const [lowest, ...others] = sorted.slice(0, index);
    const next = others.pop();
    return [lowest, next, ...others].flatMap((low) => (low === undefined ? [] : slotOfPair(low, high)));
  });
}

function placeOfSlot(slot: number, { first, stride, count }: Space): number | undefined {
  const place = first + stride * slot;
  return place + 1 < count ? place : undefined;
}

function highestFree(taken: readonly Span[], { count }: Space): number | undefined {
  for (let place = count - 2; place >= 0; ) {
    const inTheWay = takenAt(place, taken);
    if (!inTheWay) return place;
    place = inTheWay.first - 2;
  }
  return undefined;
}

function isFree(place: number, taken: readonly Span[]): boolean {
  return takenAt(place, taken) === undefined;
}

function takenAt(place: number, taken: readonly Span[]): Span | undefined {
  return taken.find(({ first, last }) => first <= place + 1 && place <= last);
}

/** The subnets of the space that a network touches; below 0 or past the count where it lies outside. */
function spanOf({ first, last }: Subnet, { start, prefixLength }: Space): Span {
  const size = sizeOf(prefixLength);
  return { first: Math.floor((first - start) / size), last: Math.floor((last - start) / size) };
}

function subnetAt(place: number, { start, prefixLength }: Space): Subnet {
  return subnetAround(start + place * sizeOf(prefixLength), prefixLength);
}
