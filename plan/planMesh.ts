import type { ClusterConfig } from "../config/cluster";
import { Faults } from "../config/faults";
import type { Login, Probe } from "../facts/hostFacts";
import { planCables } from "./addresses/cables";
import { sayLeftOut } from "./adopt/leftOut";
import { isRootDue } from "./due";
import { planHosts } from "./hosts";
import { judgeMesh } from "./judgeMesh";
import type { Plan } from "./plan";
import { systemFaults, withSystem } from "./system";
import { type HostLine, inOrder, isReached, type ReachedHost } from "./views";
import { hostWarnings } from "./warnings";

/**
 * What the mesh should be and how far every host is from it, from the stack config and what came of asking the hosts.
 * Pure: the same input gives the same plan, whatever the order of the probes.
 *
 * @param probes by the host's name; abandoned hosts need none.
 * @param logins likewise; only needed where the hosts are to trust each other over SSH.
 * @throws Faults with every host's faults at once, where there is nothing safe to plan.
 */
export function planMesh(
  cluster: ClusterConfig,
  probes: ReadonlyMap<string, Probe>,
  logins: ReadonlyMap<string, Login> = new Map(),
): Plan {
  const { hosts, cabling, topology, wires, readings, faults, warnings } = judgeMesh(cluster, probes);
  const reached = hosts.filter(isReached);
  const stopAt = (lines: readonly HostLine[], explanations: readonly HostLine[] = []) => {
    if (lines.length > 0) throw new Faults("the hosts", inOrder(hosts, [...explanations, ...lines]), lines.length);
  };
  // What was found out about the cables explains what is wrong with them.
  stopAt(faults.length > 0 ? [...faults, ...firstVisitSudo(reached)] : [], cabling.warnings);

  const cables = planCables(hosts, wires, cluster.network);
  const planned = planHosts(cluster.network, hosts, topology, cables, readings, cluster.trust ? logins : undefined);
  const hostPlans = withSystem(planned.hosts, hosts, cluster.system);
  const due = new Set(hostPlans.filter(isRootDue).map(({ name }) => name));
  stopAt([
    ...planned.faults,
    ...reached.flatMap((host) => systemFaults(host, cluster.system)),
    ...reached.filter(({ config }) => due.has(config.name)).flatMap(sudoFault),
  ]);

  const replacing = new Set(
    planned.hosts.filter(({ moves }) => moves.some(({ change }) => change)).map(({ name }) => name),
  );
  const takenOver = reached.filter(({ config, facts }) => !facts.record || replacing.has(config.name));
  return {
    topology,
    cables,
    hosts: hostPlans,
    mesh: planned.mesh,
    warnings: inOrder(hosts, [
      ...warnings,
      ...planned.warnings,
      ...sayLeftOut(takenOver, cluster.network.netplanFile),
      ...hostWarnings(hosts, due),
    ]),
    blockers: inOrder(hosts, planned.blockers),
  };
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
