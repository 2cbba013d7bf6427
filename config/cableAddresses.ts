import type { CableConfig, HostConfig } from "./cluster";
import { shown, unknownKey } from "./judge";
import {
  addressText,
  longestFor,
  overlap,
  parseAddress,
  plannedOffset,
  type Subnet,
  subnet,
  subnetAround,
  subnetText,
} from "./subnets";

/** A declared cable, and where in the config it is. */
export interface DeclaredCable {
  readonly path: string;
  readonly cable: CableConfig;
}

type Twins<T> = readonly [T, T];

/** One cable between two hosts, or those at one place of a switch: they share their subnets. */
interface Link {
  readonly cables: readonly DeclaredCable[];
  /** Undefined where the plan chooses them. */
  readonly subnets: Twins<Subnet> | undefined;
  /** Where the subnets come from. */
  readonly path: string;
}

const TWINS = [0, 1] as const;

/**
 * The cables, each with the subnets of its link where the config has some: declared, or implied by addresses.
 *
 * Faults: subnets that overlap, differ at one place of a switch, or are too small for a host's number; addresses of
 * hosts elsewhere, outside their subnet, or twice.
 *
 * @param hosts whose numbers the planned addresses hang on.
 * @param prefixLength of subnets that addresses imply; undefined where it is at fault itself.
 */
export function judgeCableAddresses(
  faults: string[],
  declared: readonly DeclaredCable[],
  hosts: readonly HostConfig[],
  prefixLength: number | undefined,
): CableConfig[] {
  const numbers = new Map(hosts.map(({ name, number }) => [name, number]));
  for (const { path, cable } of declared) {
    for (const name of Object.keys(cable.addresses ?? {})) {
      const ends = hostsOf(cable);
      if (!ends.includes(name)) faults.push(unknownKey(`${path}.addresses`, name, ends));
    }
  }
  const links = linksOf(declared, prefixLength);
  for (const link of links) judgeSamePlace(faults, link);
  judgeApart(faults, links);
  for (const link of links) judgeHostAddresses(faults, link, numbers);
  return declared.map(({ cable }) => {
    const link = links.find(({ cables }) => cables.some((other) => other.cable === cable));
    return link?.subnets ? { ...cable, subnets: [subnetText(link.subnets[0]), subnetText(link.subnets[1])] } : cable;
  });
}

/** A host may be named like something that every object has. */
function addressesOf({ addresses }: CableConfig, host: string): Twins<string> | undefined {
  return addresses && Object.hasOwn(addresses, host) ? addresses[host] : undefined;
}

function hostsOf({ from, to }: CableConfig): readonly string[] {
  return "switch" in to ? [from.host] : [from.host, to.host];
}

/** On a switch, the cables on each host's lower port there are one link, those on the next port another. */
function linksOf(declared: readonly DeclaredCable[], prefixLength: number | undefined): readonly Link[] {
  const groups = new Map<string, DeclaredCable[]>();
  for (const entry of declared) {
    const { from, to } = entry.cable;
    const lower = declared.filter(
      ({ cable }) => cable.from.host === from.host && cable.from.port < from.port && sameSwitch(cable, entry.cable),
    );
    const key = "switch" in to ? `${to.switch} ${lower.length}` : entry.path;
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return [...groups.values()].map((cables) => ({ cables, ...subnetsOf(cables, prefixLength) }));
}

function sameSwitch(a: CableConfig, b: CableConfig): boolean {
  return "switch" in a.to && "switch" in b.to && a.to.switch === b.to.switch;
}

function subnetsOf(cables: readonly DeclaredCable[], prefixLength: number | undefined): Pick<Link, "subnets" | "path"> {
  for (const { path, cable } of cables) {
    const [a, b] = cable.subnets ?? [];
    if (a !== undefined && b !== undefined) return { path: `${path}.subnets`, subnets: [subnet(a), subnet(b)] };
  }
  for (const { path, cable } of cables) {
    for (const host of hostsOf(cable)) {
      const [a, b] = addressesOf(cable, host)?.map(parseAddress) ?? [];
      if (a === undefined || b === undefined || prefixLength === undefined) continue;
      const subnets = [subnetAround(a, prefixLength), subnetAround(b, prefixLength)] as const;
      return { path: `${path}.addresses.${host}`, subnets };
    }
  }
  return { path: "", subnets: undefined };
}

function judgeSamePlace(faults: string[], { cables, subnets, path: from }: Link): void {
  if (!subnets) return;
  const wanted = subnets.map(subnetText).join(", ");
  for (const { path, cable } of cables) {
    const found = cable.subnets?.join(", ") ?? wanted;
    if (found === wanted) continue;
    faults.push(
      `${path}.subnets: found ${found}; allowed: ${wanted}, as in ${from}; at one place of a switch all hosts share them`,
    );
  }
}

function judgeApart(faults: string[], links: readonly Link[]): void {
  const seen: { readonly path: string; readonly twin: Subnet }[] = [];
  for (const { subnets, path } of links) {
    subnets?.forEach((twin, index) => {
      const own = `${path}[${index}]`;
      const other = seen.find((earlier) => overlap(earlier.twin, twin));
      if (other) {
        faults.push(
          `${own}: ${subnetText(twin)} overlaps ${subnetText(other.twin)} of ${other.path}; each rail of a cable needs a subnet of its own`,
        );
      }
      seen.push({ path: own, twin });
    });
  }
}

function judgeHostAddresses(faults: string[], link: Link, numbers: ReadonlyMap<string, number>): void {
  if (!link.subnets) return;
  for (const twin of TWINS) {
    const explicit = judgeExplicit(faults, link, link.subnets[twin], twin);
    judgePlanned(faults, link, link.subnets[twin], twin, numbers, explicit);
  }
}

/** Where each explicit address is declared. */
function judgeExplicit(faults: string[], { cables }: Link, within: Subnet, twin: 0 | 1): ReadonlyMap<number, string> {
  const declaredAt = new Map<number, string>();
  for (const { path, cable } of cables) {
    for (const host of hostsOf(cable)) {
      const text = addressesOf(cable, host)?.[twin];
      const address = text === undefined ? undefined : parseAddress(text);
      if (address === undefined) continue;
      const own = `${path}.addresses.${host}[${twin}]`;
      const wrong = notAHosts(address, within);
      const other = declaredAt.get(address);
      if (wrong) {
        const allowed = `${addressText(within.first + 1)} to ${addressText(within.last - 1)}`;
        faults.push(`${own}: found ${shown(text)}, ${wrong} ${subnetText(within)}; allowed: ${allowed}`);
      } else if (other) faults.push(`${own}: ${text} is already ${other}; every host needs its own`);
      else declaredAt.set(address, own);
    }
  }
  return declaredAt;
}

function notAHosts(address: number, { first, last }: Subnet): string | undefined {
  if (address < first || address > last) return "outside";
  if (address === first) return "the network address of";
  return address === last ? "the broadcast address of" : undefined;
}

/** The addresses that hosts without explicit ones get from their number. */
function judgePlanned(
  faults: string[],
  { cables, path }: Link,
  within: Subnet,
  twin: 0 | 1,
  numbers: ReadonlyMap<string, number>,
  explicit: ReadonlyMap<number, string>,
): void {
  for (const { cable } of cables) {
    const names = hostsOf(cable);
    const [low, high] = names.map((name) => numbers.get(name) ?? 0).sort((a, b) => a - b);
    const pair = low === undefined || high === undefined ? undefined : ([low, high] as const);
    for (const host of names) {
      const number = numbers.get(host);
      if (number === undefined || addressesOf(cable, host)) continue;
      const offset = plannedOffset(number, pair, within.prefixLength);
      const taken = explicit.get(within.first + offset);
      if (offset >= within.last - within.first) {
        faults.push(
          `${path}[${twin}]: ${subnetText(within)} is too small for ${host}, whose number is ${number}; allowed: up to /${longestFor(offset)}, or addresses of its own for ${host}`,
        );
      } else if (taken) {
        const address = addressText(within.first + offset);
        faults.push(`${taken}: ${address} is ${host}'s by its number; choose another, or give ${host} addresses too`);
      }
    }
  }
}
