import type { SwitchRef } from "../../config/cluster";
import { Faults } from "../../config/faults";
import { addressText, longestFor, plannedOffset, type Subnet, subnet, subnetText } from "../../config/subnets";
import { compareText } from "../views";
import type { AddressedCable, AddressWish, CableToAddress, Link, NumberedEnd, Twins } from "./links";
import { placeLinks, slotOfPair } from "./places";

/** A link with the subnets that it has, whoever chose them. */
interface AddressedLink extends Link {
  readonly subnets: Twins<Subnet>;
}

/**
 * The subnets of every cable and the addresses of its hosts, in the order of the cables given.
 *
 * The cable between the hosts numbered i < j has slot (j-1)(j-2)/2 + (i-1). At the switch that is s-th by name, from 0,
 * a host's cable on its lower port there has slot 2s, that on its next port slot 2s + 1. So a further host never
 * re-addresses the others. Explicit subnets and addresses win. Two cables of the same place on a switch that declare
 * subnets declare the same ones.
 *
 * @param cables in any order; the result does not depend on it.
 * @throws Faults where the subnets run out, or are too small for a host's number.
 */
export function planAddresses(cables: readonly CableToAddress[], network: AddressWish): readonly AddressedCable[] {
  const { links, faults } = addressLinks(cables, network);
  if (faults.length > 0) throw new Faults("the address plan", faults);
  const planned = new Map(links.flatMap((link) => link.cables.map((cable) => [cable, addressCable(cable, link)])));
  return cables.flatMap((cable) => planned.get(cable) ?? []);
}

/** Every link with its subnets, in the order of its cables; faults where planAddresses has some. */
export function addressLinks(
  cables: readonly CableToAddress[],
  network: AddressWish,
): { readonly links: readonly AddressedLink[]; readonly faults: readonly string[] } {
  const all = linksOf(cables);
  const placed = placeLinks(all, network);
  const links = all.flatMap((link): readonly AddressedLink[] => {
    const subnets = link.explicit ?? placed.get(link);
    return subnets ? [{ ...link, subnets }] : [];
  });
  const faults = [...roomFault(all.length, all.length - links.length, network), ...links.flatMap(numberFaults)];
  return { links, faults };
}

/** Order of cables by the pair's slot, then by the ports, first of the host with the lower number; then switches by name. */
export function compareCables(a: CableToAddress, b: CableToAddress): number {
  const [aLow, aHigh] = byNumber(a);
  const [bLow, bHigh] = byNumber(b);
  if ("switch" in aHigh || "switch" in bHigh) {
    const [aSwitch, bSwitch] = [switchOf(aHigh), switchOf(bHigh)];
    return compareText(aSwitch, bSwitch) || aLow.number - bLow.number || aLow.port - bLow.port;
  }
  const slots = slotOfPair(aLow.number, aHigh.number) - slotOfPair(bLow.number, bHigh.number);
  return slots || aLow.port - bLow.port || aHigh.port - bHigh.port;
}

/** "" where it is a host: that comes before every switch. */
function switchOf(end: NumberedEnd | SwitchRef): string {
  return "switch" in end ? end.switch : "";
}

function byNumber({ ends: [a, b] }: CableToAddress): CableToAddress["ends"] {
  if ("switch" in b) return [a, b];
  return a.number < b.number || (a.number === b.number && a.port <= b.port) ? [a, b] : [b, a];
}

/** In the order of compareCables. */
function linksOf(cables: readonly CableToAddress[]): readonly Link[] {
  const switches = [...new Set(cables.map(({ ends: [, far] }) => switchOf(far)))].filter(Boolean).sort(compareText);
  const links = new Map<string | CableToAddress, Link>();
  for (const cable of [...cables].sort(compareCables)) {
    const [low, high] = byNumber(cable);
    const explicit = cable.subnets && ([subnet(cable.subnets[0]), subnet(cable.subnets[1])] as const);
    if ("switch" in high) {
      const slot = 2 * switches.indexOf(high.switch) + placeAtSwitch(low, high, cables);
      const key = String(slot);
      const link = links.get(key);
      const twins = link?.explicit ?? explicit;
      links.set(key, { slot, cables: [...(link?.cables ?? []), cable], ...(twins && { explicit: twins }) });
    } else {
      const slot = slotOfPair(low.number, high.number);
      links.set(cable, { slot, pair: [low.number, high.number], cables: [cable], ...(explicit && { explicit }) });
    }
  }
  return [...links.values()];
}

/** How many of the host's lower ports are on the same switch. */
function placeAtSwitch({ number, port }: NumberedEnd, at: SwitchRef, cables: readonly CableToAddress[]): number {
  return cables.filter(
    ({ ends: [near, far] }) => near.number === number && near.port < port && switchOf(far) === at.switch,
  ).length;
}

function addressCable(cable: CableToAddress, { subnets, pair }: AddressedLink): AddressedCable {
  const address = (number: number, twin: 0 | 1) => {
    const { first, prefixLength } = subnets[twin];
    const bare = cable.addresses?.get(number)?.[twin] ?? addressText(first + plannedOffset(number, pair, prefixLength));
    return `${bare}/${prefixLength}`;
  };
  return {
    subnets: [subnetText(subnets[0]), subnetText(subnets[1])],
    addresses: new Map(
      cable.ends.flatMap((end) =>
        "switch" in end ? [] : [[end.number, [address(end.number, 0), address(end.number, 1)] as const]],
      ),
    ),
  };
}

function roomFault(wanted: number, missing: number, { pool, firstSubnet, prefixLength }: AddressWish): string[] {
  if (missing === 0) return [];
  const found = pool === undefined ? `firstSubnet: found ${firstSubnet}` : `pool: found ${pool}`;
  return [
    `spark-mesh:network.${found}, which has room for ${wanted - missing} of ${wanted} pairs of /${prefixLength} subnets; set a larger spark-mesh:network.pool, or a longer spark-mesh:network.prefixLength`,
  ];
}

/** Between two hosts every subnet has room; at a switch the offset is the number. Declared subnets are judged already. */
function numberFaults({ pair, cables, subnets, explicit }: AddressedLink): readonly string[] {
  if (pair || explicit) return [];
  return cables.flatMap(({ ends: [{ number }, far] }) => {
    const longest = longestFor(number);
    const small = subnets.find(({ prefixLength }) => prefixLength > Math.max(24, longest));
    if (!small) return [];
    return `spark-mesh:network.prefixLength: ${subnetText(small)} at ${switchOf(far)} is too small for the host numbered ${number}; allowed there: at most ${longest}`;
  });
}
