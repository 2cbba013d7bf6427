import type { CableConfig } from "../../config/cluster";
import { addressText, overlap, plannedOffset, type Subnet, subnet, subnetText } from "../../config/subnets";
import { portsOf, type Wire, wireName } from "../cabling/wires";
import type { HostLine } from "../views";
import type { Adoption } from "./adopt";
import { keepAddresses, type Link, linksOf, type Rail } from "./adoptRails";

/** A stack config's `cables:` that keep the addresses that the hosts have now. */
export interface AdoptedCables {
  /** In the order of the wires; without subnets and addresses where none are kept. */
  readonly cables: readonly CableConfig[];
  /** What every netdev gets whose address can't be kept, or that has none, and why. */
  readonly faults: readonly HostLine[];
  /** `spark-1 enp1s0f0np0`: the netdevs whose addresses are kept. */
  readonly kept: ReadonlySet<string>;
}

type Twins<T> = readonly [T, T];

/** What is planned where nothing is kept. */
export interface PlannedAddressing {
  /** By host. */
  readonly numbers: ReadonlyMap<string, number>;
  /** CIDR by twin, of every wire that has room in the plan, by its name. */
  readonly subnets: ReadonlyMap<string, Twins<string>>;
}

const TWINS = [0, 1] as const;

/**
 * The wires as declared cables with the subnets and addresses that are there now, netdev by netdev: what is there is kept,
 * and what is missing beside it is planned. Of two that contradict each other one is kept, and what becomes of the other is
 * said.
 */
export function adoptCables(wires: readonly Wire[], adoption: Adoption, planned: PlannedAddressing): AdoptedCables {
  const links = linksOf(wires, adoption);
  const { kept, reasons } = keepAddresses(links);
  const taken = [...kept.values()].map(({ subnet }) => subnet);
  const given = new Map<Rail, string>();
  const cables = new Map<Wire, CableConfig>();
  for (const link of links) {
    const subnets = subnetsOf(link, kept, planned, taken);
    if (subnets) addressLink(link, subnets, kept, planned, given, cables);
  }
  const rails = links.flatMap((link) => link.rails);
  const faults = rails
    .filter((rail) => !kept.has(rail))
    .map((rail): HostLine => {
      const { host } = rail.port;
      const [found, remedy] = reasons.get(rail) ?? ["found no static address", ""];
      const line = `${host}: ${rail.name}: ${found}; ${remedy}up gives it ${given.get(rail) ?? "a planned address"}`;
      return { host, line };
    });
  return {
    cables: wires.map((wire) => cables.get(wire) ?? bare(wire)),
    faults,
    kept: new Set([...kept.keys()].map(({ port: { host }, name }) => `${host} ${name}`)),
  };
}

function bare({ ends: [from, to] }: Wire): CableConfig {
  return { from, to };
}

/** Those that are kept, and beside them the planned ones, or the next that are free; undefined where none is kept. */
function subnetsOf(
  { rails }: Link,
  kept: ReadonlyMap<Rail, { readonly subnet: Subnet }>,
  planned: PlannedAddressing,
  taken: Subnet[],
): Twins<Subnet> | undefined {
  const found = TWINS.map(
    (twin) => rails.flatMap((rail) => (rail.twin === twin ? (kept.get(rail)?.subnet ?? []) : []))[0],
  );
  const [wire] = rails.map((rail) => rail.wire);
  if (!wire || found.every((one) => one === undefined)) return undefined;
  const [own, others] = [planned.subnets.get(wireName(wire.ends)), [...planned.subnets.values()].flat()];
  const subnets = found.map((one, twin) => {
    if (one) return one;
    const wanted = [own?.[twin === 0 ? 0 : 1], own?.[twin === 0 ? 1 : 0]].flatMap((cidr) =>
      cidr ? [subnet(cidr)] : [],
    );
    const blocked = [...taken, ...others.filter((cidr) => !own?.includes(cidr)).map(subnet)];
    const free = [...wanted, ...spareSubnets()].find(
      (candidate) => !blocked.some((other) => overlap(other, candidate)),
    );
    if (free) taken.push(free);
    return free;
  });
  const [first, second] = subnets;
  return first && second ? [first, second] : undefined;
}

/** From the top of the default plan's range, where slots come last. */
function spareSubnets(): readonly Subnet[] {
  return Array.from({ length: 254 }, (_, index) => subnet(`192.168.${254 - index}.0/24`));
}

/** Every host's addresses in these subnets: its own, else the one of its number, else the next that is free. */
function addressLink(
  { rails }: Link,
  subnets: Twins<Subnet>,
  kept: ReadonlyMap<Rail, { readonly text: string }>,
  { numbers }: PlannedAddressing,
  given: Map<Rail, string>,
  cables: Map<Wire, CableConfig>,
): void {
  const used = new Set(rails.flatMap((rail) => kept.get(rail)?.text ?? []));
  const explicit = new Set(
    rails.filter((rail) => kept.has(rail)).map(({ wire, port }) => `${wireName(wire.ends)} ${port.host}`),
  );
  const texts = new Map<Rail, string>();
  for (const rail of rails) {
    const within = subnets[rail.twin];
    const own = kept.get(rail)?.text;
    const byNumber = addressText(within.first + offsetOf(rail, within, numbers));
    const text = own ?? [byNumber, ...hostsIn(within)].find((candidate) => !used.has(candidate)) ?? byNumber;
    if (own === undefined && text !== byNumber) explicit.add(`${wireName(rail.wire.ends)} ${rail.port.host}`);
    used.add(text);
    texts.set(rail, text);
    if (own === undefined) given.set(rail, `${text}/${within.prefixLength}`);
  }
  for (const wire of new Set(rails.map((rail) => rail.wire))) {
    const addresses = portsOf(wire).flatMap(({ host, port }): [string, Twins<string>][] => {
      const [a, b] = TWINS.map((twin) => {
        const rail = rails.find(
          (one) => one.wire === wire && one.port.host === host && one.port.port === port && one.twin === twin,
        );
        return rail && texts.get(rail);
      });
      return a !== undefined && b !== undefined && explicit.has(`${wireName(wire.ends)} ${host}`)
        ? [[host, [a, b]]]
        : [];
    });
    if (addresses.length === 0 && "switch" in wire.ends[1]) continue;
    cables.set(wire, {
      ...bare(wire),
      subnets: [subnetText(subnets[0]), subnetText(subnets[1])],
      ...(addresses.length > 0 && { addresses: Object.fromEntries(addresses) }),
    });
  }
}

function offsetOf(
  { wire, port }: Rail,
  { prefixLength, first, last }: Subnet,
  numbers: ReadonlyMap<string, number>,
): number {
  const [a, b] = portsOf(wire).map(({ host }) => numbers.get(host) ?? 0);
  const pair = a === undefined || b === undefined ? undefined : ([a, b] as const);
  const offset = plannedOffset(numbers.get(port.host) ?? 0, pair, prefixLength);
  return offset < last - first ? offset : 1;
}

function hostsIn({ first, last }: Subnet): readonly string[] {
  return Array.from({ length: Math.min(last - first - 1, 512) }, (_, index) => addressText(first + 1 + index));
}
