import type { CableConfig, CableEnd, ClusterConfig, PortRef } from "../config/cluster";
import type { Probe } from "../facts/hostFacts";
import { planCables, plannedSubnets } from "./addresses/cables";
import { adoptHosts } from "./adopt/adopt";
import { adoptCables } from "./adopt/adoptCables";
import { type AdoptedNetwork, adoptNetwork } from "./adopt/adoptNetwork";
import { byPlace, type Sighting, sightings } from "./cabling/sightings";
import { asLine, type DeadEnd, deadEnds } from "./cabling/signals";
import { linkSharers, portsOf, type Wire, wireName } from "./cabling/wires";
import { type JudgedMesh, judgeMesh } from "./judgeMesh";
import { cabledNetdevs, planNetdevs } from "./netdevs";
import type { CableEvidence, Topology } from "./plan";
import { type HostView, inOrder, isReached, portKey } from "./views";

/** What is there, before anybody says what should be. Plain data. */
export interface Survey {
  /** In rank order. */
  readonly hosts: readonly SurveyedHost[];
  readonly cables: readonly SurveyedCable[];
  /** What the cables make of the hosts, or what they are nearest to where there are faults. */
  readonly topology: Topology;
  /** One line each, host first: what keeps this from being a mesh, with the remedy. */
  readonly faults: readonly string[];
  /** One line each, host first. */
  readonly warnings: readonly string[];
}

export interface SurveyedHost {
  readonly name: string;
  readonly state: HostView["kind"];
  /** Why it can't be asked. */
  readonly reason?: string;
  readonly netdevs: readonly SurveyedNetdev[];
}

export interface SurveyedNetdev {
  readonly netdev: string;
  readonly port: 0 | 1;
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  readonly link: "carrier" | "no carrier" | "down";
  /** IPv4, CIDR. */
  readonly addresses: readonly string[];
}

export interface SurveyedCable {
  /** `spark-1/0-spark-2/1` */
  readonly name: string;
  readonly ends: readonly [PortRef, CableEnd];
  readonly evidence: CableEvidence;
  /** The ports that hear another end of it now, `spark-1/0`; none where nothing can be heard. */
  readonly seenFrom: readonly string[];
}

/** What was found as a stack config would say it. */
export interface FoundConfig {
  readonly cables: readonly CableConfig[];
  /** Keys of `network` that keep what the hosts have; none without adoption. */
  readonly network: AdoptedNetwork["network"];
  /** One line each, host first: what can't be kept, and what `up` changes all the same. */
  readonly notes: readonly string[];
}

/** The hosts, ports and cables that are there, what they make, and everything that is wrong or missing. */
export function surveyMesh(cluster: ClusterConfig, probes: ReadonlyMap<string, Probe>): Survey {
  const judged = judgeMesh(cluster, probes);
  const { hosts, cabling, topology } = judged;
  const heard = sightings(hosts.filter(isReached));
  const sharers = linkSharers(cabling.wires);
  const dead = judged.faults.length > 0 ? [] : deadCables(cluster, judged);
  const faults = [...judged.faults, ...dead.filter(({ fault }) => fault).map(asLine)];
  const warnings = [...judged.warnings, ...dead.filter(({ fault }) => !fault).map(asLine)];
  return {
    hosts: hosts.map(surveyHost),
    cables: cabling.wires.map((wire) => surveyCable(wire, heard, sharers)),
    topology,
    faults: inOrder(hosts, faults),
    warnings: inOrder(hosts, warnings),
  };
}

/** Where there is a plan, the ends of its cables on which nothing can pass. */
function deadCables({ network }: ClusterConfig, { hosts, wires }: JudgedMesh): readonly DeadEnd[] {
  const cables = planCables(hosts, wires, network);
  return deadEnds(hosts, cables, (host) => planNetdevs(host, hosts, cables, network.mtu));
}

/** The cables that were found, as they would be declared. */
export function foundConfig({ cables }: Survey): FoundConfig {
  return { cables: cables.map(({ ends: [from, to] }) => ({ from, to })), network: {}, notes: [] };
}

/** The cables and the network keys that keep what the hosts are configured with now. */
export function adoptedConfig(cluster: ClusterConfig, probes: ReadonlyMap<string, Probe>): FoundConfig {
  const { hosts, cabling } = judgeMesh(cluster, probes);
  const reached = hosts.filter(isReached);
  const adoption = adoptHosts(reached, new Map(reached.map((host) => [host, cabledNetdevs(host, cabling.wires)])));
  const { cables, faults, kept } = adoptCables(cabling.wires, adoption, {
    numbers: new Map(hosts.map(({ config }) => [config.name, config.number])),
    subnets: plannedSubnets(hosts, cabling.wires, cluster.network),
  });
  const { network, notes } = adoptNetwork(cabling.wires, adoption, kept);
  return { cables, network, notes: inOrder(hosts, [...adoption.faults, ...faults, ...notes]) };
}

/** The cluster with what was found in its config. */
export function withFound(cluster: ClusterConfig, { cables, network }: FoundConfig): ClusterConfig {
  return { ...cluster, ...(cables.length > 0 && { cables }), network: { ...cluster.network, ...network } };
}

function surveyHost(view: HostView): SurveyedHost {
  const netdevs = isReached(view) ? [...view.facts.cx7].sort(byPlace) : [];
  return {
    name: view.config.name,
    state: view.kind,
    ...(view.kind === "unreachable" && { reason: view.reason }),
    netdevs: netdevs.map(({ name, port, mac, mtu, up, carrier, addresses }) => ({
      netdev: name,
      port,
      mac,
      mtu,
      link: up ? (carrier ? "carrier" : "no carrier") : "down",
      addresses: addresses
        .filter(({ family }) => family === 4)
        .map(({ address, prefixLength }) => `${address}/${prefixLength}`),
    })),
  };
}

function surveyCable(
  wire: Wire,
  heard: readonly Sighting[],
  sharers: ReadonlyMap<string, ReadonlySet<string>>,
): SurveyedCable {
  const seenFrom = portsOf(wire)
    .map(portKey)
    .filter((key) =>
      heard.some(
        ({ host, netdev, peers }) =>
          portKey({ host, port: netdev.port }) === key && peers.some((peer) => sharers.get(key)?.has(portKey(peer))),
      ),
    );
  return { name: wireName(wire.ends), ends: wire.ends, evidence: wire.evidence, seenFrom };
}
