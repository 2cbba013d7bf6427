import type { ClusterConfig } from "../config/cluster";
import { Faults } from "../config/faults";
import type { Probe } from "../facts/hostFacts";
import { compareCables, type NumberedCable, planSubnets } from "./addresses";
import { planCabling } from "./cabling";
import { planHosts } from "./hosts";
import { type NetplanReading, readNetplan } from "./netplanFiles";
import { overlapFaults } from "./overlaps";
import type { CablePlan, Plan } from "./plan";
import { interfaceFaults, judgeRing, topologyFaults } from "./topology";
import { type HostLine, type HostView, isReached, printable, type ReachedHost, viewHosts } from "./views";
import { hostWarnings } from "./warnings";
import { type Wire, wireName } from "./wires";

/**
 * What the mesh should be and how far every host is from it, from the stack config and what came of asking the hosts.
 * Pure: the same input gives the same plan, whatever the order of the probes.
 *
 * @param probes by the host's name; abandoned hosts need none.
 * @throws Faults with every host's faults at once, where there is nothing safe to plan.
 */
export function planMesh(cluster: ClusterConfig, probes: ReadonlyMap<string, Probe>): Plan {
  const { hosts, newest, faults: loginFaults } = viewHosts(cluster, probes);
  const reached = hosts.filter(isReached);
  const readings = new Map(reached.map((host) => [host.config.name, readNetplan(host, cluster.network.netplanFile)]));
  const hostFaults = [...loginFaults, ...reached.flatMap(netplanMissing), ...faultsOf(readings)];
  const general = [...deploymentFaults(cluster), ...topologyFaults(cluster)];
  if (topologyFaults(cluster).length > 0)
    throw faultsInOrder(hosts, general, [...hostFaults, ...firstVisitSudo(reached)]);

  const cabling = planCabling(cluster.cables, newest, hosts);
  const ring = judgeRing(hosts, cabling.wires, cabling.unseen);
  const meshFaults = [
    ...hostFaults,
    // Ports that faced an abandoned host may have left PCI with it.
    ...(hosts.some(({ kind }) => kind === "abandoned") ? [] : interfaceFaults(reached)),
    ...cabling.faults,
    ...ring.faults,
    ...overlapFaults(everyPair(hosts), cluster.network.firstSubnet, reached),
  ];
  if (general.length + meshFaults.length > 0) {
    throw faultsInOrder(hosts, general, [...meshFaults, ...firstVisitSudo(reached)]);
  }

  const cables = planCables(hosts, ring.wires, cluster.network.firstSubnet);
  const planned = planHosts(cluster.network, hosts, cables, (host) => readings.get(host.config.name)?.renderer);
  const due = new Set(planned.hosts.filter(({ state }) => state === "due").map(({ name }) => name));
  const lateFaults = [...planned.faults, ...reached.filter(({ config }) => due.has(config.name)).flatMap(sudoFault)];
  if (lateFaults.length > 0) throw faultsInOrder(hosts, [], lateFaults);

  const warnings = [...cabling.warnings, ...planned.warnings, ...hostWarnings(hosts, due)];
  return {
    topology: "ring",
    cables,
    hosts: planned.hosts,
    mesh: planned.mesh,
    warnings: inOrder(hosts, warnings),
    blockers: inOrder(hosts, planned.blockers),
  };
}

function deploymentFaults({ deployments }: ClusterConfig): readonly string[] {
  return deployments.map(
    ({ name }, index) => `spark-mesh:deployments[${index}]: ${name}: deployments are not yet supported; take it out`,
  );
}

function netplanMissing({ config: { name: host }, facts }: ReachedHost): readonly HostLine[] {
  if (facts.netplanInstalled) return [];
  return [{ host, line: `${host}: netplan is missing (no netplan command); install netplan.io` }];
}

function faultsOf(readings: ReadonlyMap<string, NetplanReading>): readonly HostLine[] {
  return [...readings.values()].flatMap(({ faults }) => faults);
}

/** Where the plan can't be made, what is due can't be told either; a first visit always is. */
function firstVisitSudo(reached: readonly ReachedHost[]): readonly HostLine[] {
  return reached.filter(({ facts }) => !facts.record).flatMap(sudoFault);
}

function sudoFault({ config: { name: host }, facts }: ReachedHost): readonly HostLine[] {
  const line = {
    refused: `${host}: passwordless sudo not available; set spark-mesh:sudoPassword (pulumi config set --secret), or allow its user passwordless sudo`,
    wrongPassword: `${host}: sudo password refused; correct spark-mesh:sudoPassword, or ${host}'s entry in spark-mesh:sudoPasswords`,
    notAsked: undefined,
    passwordless: undefined,
    password: undefined,
  }[facts.sudo];
  return line === undefined ? [] : [{ host, line }];
}

/** In a ring of three every pair has one cable, so its subnets are known before its cables are. */
function everyPair(hosts: readonly HostView[]): readonly NumberedCable[] {
  return hosts.flatMap((a, index) =>
    hosts.slice(index + 1).map(
      (b): NumberedCable => [
        { number: a.config.number, port: 0 },
        { number: b.config.number, port: 1 },
      ],
    ),
  );
}

/** In the order of their slots, each with the lower host number first: the order of discovery must not show. */
function planCables(hosts: readonly HostView[], wires: readonly Wire[], firstSubnet: string): readonly CablePlan[] {
  const numbers = new Map(hosts.map(({ config }) => [config.name, config.number]));
  const sorted = wires
    .map(({ ends, evidence }) => {
      const [a, b] = ends
        .map((end) => ({ end, number: numbers.get(end.host) ?? 0 }))
        .sort((x, y) => x.number - y.number);
      if (!a || !b) throw new Error("a cable has two ends");
      const numbered: NumberedCable = [
        { number: a.number, port: a.end.port },
        { number: b.number, port: b.end.port },
      ];
      return { ends: [a.end, b.end] as const, numbered, evidence };
    })
    .sort((a, b) => compareCables(a.numbered, b.numbered));
  const subnets = planSubnets(
    sorted.map(({ numbered }) => numbered),
    firstSubnet,
  );
  return sorted.map(({ ends, evidence }, index) => ({
    name: wireName(ends),
    ends,
    subnets: subnets[index] ?? ["", ""],
    evidence,
  }));
}

function faultsInOrder(hosts: readonly HostView[], general: readonly string[], lines: readonly HostLine[]): Faults {
  return new Faults("the hosts", [...general, ...inOrder(hosts, lines)]);
}

/** By rank, and within a host in the order found. */
function inOrder(hosts: readonly HostView[], lines: readonly HostLine[]): readonly string[] {
  return hosts.flatMap(({ config }) =>
    lines.filter(({ host }) => host === config.name).map(({ line }) => printable(line)),
  );
}
