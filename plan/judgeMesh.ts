import type { ClusterConfig, NetworkConfig } from "../config/cluster";
import type { Probe } from "../facts/hostFacts";
import { addressLinks } from "./addresses/addresses";
import { type NumberedWire, numberWires } from "./addresses/cables";
import { overlapFaults } from "./addresses/overlaps";
import { type Cabling, planCabling } from "./cabling/cabling";
import { exchangedHosts } from "./identity";
import { cabledNetdevs } from "./netdevs";
import { type NetplanReading, readNetplan } from "./netplan/netplanFiles";
import { complaintLines } from "./obstacles";
import type { Topology } from "./plan";
import { offerCables } from "./topology/offer";
import { interfaceFaults, judgeTopology } from "./topology/topology";
import { viewHosts } from "./viewHosts";
import { type HostLine, type HostView, isReached, type ReachedHost } from "./views";

/** The hosts as they are, and what stands in the way of a plan for them. */
export interface JudgedMesh {
  /** In rank order. */
  readonly hosts: readonly HostView[];
  readonly cabling: Cabling;
  /** What the cables make of the hosts; where there are faults, what is declared, or nearest to them. */
  readonly topology: Topology;
  /** The cables of that topology. */
  readonly wires: readonly NumberedWire[];
  /** By host, of those that answer. */
  readonly readings: ReadonlyMap<string, NetplanReading>;
  readonly faults: readonly HostLine[];
  readonly warnings: readonly HostLine[];
  /** What keeps `up` from changing anything, though there is a plan. */
  readonly blockers: readonly HostLine[];
}

/** What of a mesh can be judged before it is planned: logins, netplan's files, cables, topology, subnets. */
export function judgeMesh(cluster: ClusterConfig, probes: ReadonlyMap<string, Probe>): JudgedMesh {
  const { hosts, newest, faults: loginFaults, disputes } = viewHosts(cluster, probes);
  const reached = hosts.filter(isReached);
  const cabling = planCabling(cluster.cables, newest, hosts);
  const { topology, wires, faults, warnings } = judgeTopology(cluster, hosts, cabling);
  const netdevs = new Map(reached.map((host) => [host, cabledNetdevs(host, wires)]));
  const readings = new Map(
    [...netdevs].map(([host, names]) => [host.config.name, readNetplan(host, cluster.network, names)]),
  );
  const unsettled = [...cabling.strangers, ...faults];
  const offer = unsettled.length > 0 ? offerCables(cluster, hosts, newest, cabling.wires) : undefined;
  const numbered = numberWires(hosts, wires);
  const toAddress = numbered.map(({ cable }) => cable);
  return {
    hosts,
    cabling,
    topology,
    wires: numbered,
    readings,
    faults: [
      ...loginFaults,
      ...exchangedHosts(hosts),
      ...reached.flatMap(netplanMissing),
      ...reached.flatMap((host) => netplanLines(host, readings.get(host.config.name), cluster.network)),
      // Ports that faced an abandoned host may have left PCI with it.
      ...(hosts.some(({ kind }) => kind === "abandoned") ? [] : interfaceFaults(reached, topology)),
      ...cabling.faults,
      ...withOffer(unsettled, offer),
      ...addressLinks(toAddress, cluster.network).faults.map((line) => ({ host: "", line })),
      ...overlapFaults(toAddress, cluster.network, netdevs),
    ],
    warnings: [...warnings, ...cabling.warnings],
    blockers: disputes,
  };
}

/** netplan's own word on a file goes before ours: it has the column. */
function netplanLines(host: ReachedHost, reading: NetplanReading | undefined, { netplanFile }: NetworkConfig) {
  const refused = complaintLines(host, netplanFile);
  const malformed = refused.length > 0 && `${host.config.name}: ${host.facts.netplanComplaint?.file}: malformed YAML`;
  const others = (reading?.faults ?? []).filter(({ line }) => malformed === false || !line.startsWith(malformed));
  return [...refused, ...others];
}

/** The last of the lines about cables says what would settle them all. */
function withOffer(lines: readonly HostLine[], offer: string | undefined): readonly HostLine[] {
  return lines.map(({ host, line }, index) => ({
    host,
    line: offer && index === lines.length - 1 ? `${line}; or have these cables alone be the mesh: ${offer}` : line,
  }));
}

function netplanMissing({ config: { name: host }, facts }: ReachedHost): readonly HostLine[] {
  if (facts.netplanInstalled) return [];
  return [{ host, line: `${host}: netplan is missing (no netplan command); install netplan.io` }];
}
