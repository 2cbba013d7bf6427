import type { ClusterConfig } from "../config/cluster";
import { Faults } from "../config/faults";
import type { Login, Probe } from "../facts/hostFacts";
import { planCables } from "./addresses/cables";
import { sayTakenAway } from "./adopt/takenAway";
import { isRootDue } from "./due";
import { planHosts } from "./hosts";
import { clonedHosts, cutOffFaults, exchangedHosts } from "./identity";
import { judgeMesh } from "./judgeMesh";
import type { Plan } from "./plan";
import { withProgram } from "./program";
import { roceWarnings } from "./roce";
import { systemFaults, withSystem } from "./system";
import { type HostLine, inOrder, isReached, type ReachedHost } from "./views";
import { hostWarnings } from "./warnings";

/**
 * What the mesh should be and how far every host is from it, from the stack config and what came of asking the hosts.
 * Pure: the same input gives the same plan, whatever the order of the probes.
 *
 * @param probes by the host's name; abandoned hosts need none.
 * @param logins likewise; only needed where the hosts are to trust each other over SSH.
 * @param program digest of the host program that would be installed.
 * @throws Faults with every host's faults at once, where there is nothing safe to plan.
 */
export function planMesh(
  cluster: ClusterConfig,
  probes: ReadonlyMap<string, Probe>,
  logins: ReadonlyMap<string, Login> = new Map(),
  program = "",
): Plan {
  const { hosts, cabling, topology, wires, readings, faults, warnings, blockers } = judgeMesh(cluster, probes);
  const reached = hosts.filter(isReached);
  const stopAt = (lines: readonly HostLine[], explanations: readonly HostLine[] = []) => {
    if (lines.length > 0) throw new Faults("the hosts", inOrder(hosts, [...explanations, ...lines]), lines.length);
  };
  // Whatever else is found then is said of the wrong host.
  stopAt(exchangedHosts(hosts));
  // What was found out about the cables explains what is wrong with them.
  stopAt(faults.length > 0 ? [...faults, ...firstVisitSudo(reached)] : [], cabling.warnings);

  const cables = planCables(hosts, wires, cluster.network);
  const planned = planHosts(cluster.network, hosts, topology, cables, readings, cluster.trust ? logins : undefined);
  const hostPlans = withProgram(withSystem(planned.hosts, hosts, cluster.system, program), hosts, program);
  const due = new Set(hostPlans.filter(isRootDue).map(({ name }) => name));
  stopAt([
    ...planned.faults,
    ...reached.flatMap((host) =>
      cutOffFaults(host, planned.hosts.find(({ name }) => name === host.config.name)?.netdevs ?? []),
    ),
    ...reached.flatMap((host) => systemFaults(host, cluster.system)),
    ...reached.filter(({ config }) => due.has(config.name)).flatMap(sudoFault),
  ]);

  const takenAway = reached.flatMap((host) => {
    const own = planned.hosts.find(({ name }) => name === host.config.name);
    return own ? sayTakenAway(host, own, adoptCommand(cluster.stack)) : [];
  });
  return {
    topology,
    cables,
    hosts: hostPlans,
    mesh: planned.mesh,
    warnings: inOrder(hosts, [
      ...roceWarnings(cluster.network.mtu).map((line) => ({ host: "", line })),
      ...warnings,
      ...planned.warnings,
      ...clonedHosts(hosts, logins),
      ...takenAway,
      ...hostWarnings(hosts, due),
    ]),
    blockers: inOrder(hosts, [...blockers, ...planned.blockers]),
  };
}

/** What keeps what the hosts have, as a shell takes it. */
function adoptCommand(stack: string | undefined): string {
  return `npx spark-mesh discover --stack ${stack ?? "NAME"} --adopt --write`;
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
