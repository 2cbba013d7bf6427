import type { NetworkConfig } from "../../config/cluster";
import { subnetText } from "../../config/subnets";
import { portsOf, type Wire, wireName } from "../cabling/wires";
import type { CablePlan } from "../plan";
import type { HostView } from "../views";
import { addressLinks, compareCables, planAddresses } from "./addresses";
import type { CableToAddress } from "./links";

/** A cable as its hosts are named, and as their addresses are planned. */
export interface NumberedWire {
  readonly wire: Wire;
  readonly cable: CableToAddress;
}

/** By slot and port, each cable with the lower host number first: the order of discovery must not show. */
export function numberWires(hosts: readonly HostView[], wires: readonly Wire[]): readonly NumberedWire[] {
  const numbers = new Map(hosts.map(({ config }) => [config.name, config.number]));
  const numberOf = (host: string) => numbers.get(host) ?? 0;
  return wires
    .map((wire): NumberedWire => {
      const [a, b] = wire.ends;
      const turned = "host" in b && numberOf(a.host) > numberOf(b.host);
      const ends: Wire["ends"] = turned ? [b, a] : [a, b];
      const [near, far] = ends;
      const cable: CableToAddress = {
        ends: [
          { number: numberOf(near.host), port: near.port },
          "host" in far ? { number: numberOf(far.host), port: far.port } : far,
        ],
        ...(wire.subnets && { subnets: wire.subnets }),
        ...(wire.addresses && {
          addresses: new Map(Object.entries(wire.addresses).map(([host, twins]) => [numberOf(host), twins])),
        }),
      };
      return { wire: { ...wire, ends }, cable };
    })
    .sort((a, b) => compareCables(a.cable, b.cable));
}

/** CIDR by twin, of every wire for which the plan has room, by its name as the wire is given. */
export function plannedSubnets(
  hosts: readonly HostView[],
  wires: readonly Wire[],
  network: NetworkConfig,
): ReadonlyMap<string, readonly [string, string]> {
  const planned = new Map<string, readonly [string, string]>();
  const numbered = wires.flatMap((wire) =>
    numberWires(hosts, [{ ends: wire.ends, evidence: wire.evidence }]).map((one) => ({
      ...one,
      name: wireName(wire.ends),
    })),
  );
  for (const { cables, subnets } of addressLinks(
    numbered.map(({ cable }) => cable),
    network,
  ).links) {
    for (const { cable, name } of numbered) {
      if (cables.includes(cable)) planned.set(name, [subnetText(subnets[0]), subnetText(subnets[1])]);
    }
  }
  return planned;
}

/** @throws Faults where planAddresses does. */
export function planCables(
  hosts: readonly HostView[],
  numbered: readonly NumberedWire[],
  network: NetworkConfig,
): readonly CablePlan[] {
  const planned = planAddresses(
    numbered.map(({ cable }) => cable),
    network,
  );
  const numbers = new Map(hosts.map(({ config }) => [config.name, config.number]));
  return numbered.flatMap(({ wire: { ends, evidence } }, index): CablePlan[] => {
    const addressed = planned[index];
    if (!addressed) return [];
    const addresses = portsOf({ ends }).flatMap(({ host }) => {
      const twins = addressed.addresses.get(numbers.get(host) ?? 0);
      return twins ? [[host, twins] as const] : [];
    });
    return [
      { name: wireName(ends), ends, subnets: addressed.subnets, addresses: Object.fromEntries(addresses), evidence },
    ];
  });
}
