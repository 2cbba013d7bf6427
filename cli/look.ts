/** A look at hosts and cables: asked, surveyed, and asked again before anything is said to be wrong. */

import { userInfo } from "node:os";
import type { ClusterConfig, HostConfig } from "../config/cluster";
import { gatherFacts } from "../facts/gather";
import type { Login, Probe } from "../facts/hostFacts";
import { type Survey, surveyMesh } from "../plan/survey";

/** What was found at hosts and cables. */
export interface Look {
  /** What came of asking each host, in rank order. */
  readonly probes: ReadonlyMap<string, Probe>;
  readonly survey: Survey;
  /** A line for each host that could not be asked. */
  readonly unreached: readonly string[];
  /** One line each: the hosts that could not be asked, then what keeps the others from being a mesh. */
  readonly problems: readonly string[];
  /** One line each, with what was seen at the first look only. */
  readonly warnings: readonly string[];
}

/**
 * Asks the hosts. Where their cables show a problem they are asked again, and a problem is one that both looks show: a
 * link that is coming up is no broken hardware. Who refused a login, or was not reached, is not tried twice.
 *
 * @throws Faults as `gatherFacts` does.
 */
export async function lookAt(cluster: ClusterConfig, gather: typeof gatherFacts = gatherFacts): Promise<Look> {
  const first = lookOf(cluster, await gather(cluster));
  const answered = [...first.probes.values()].every(({ kind }) => kind === "facts" || kind === "unreachable");
  if (first.survey.faults.length === 0 || !answered) return first;
  return confirmed(first, lookOf(cluster, await gather(cluster)));
}

interface Asked {
  readonly probes: ReadonlyMap<string, Probe>;
  readonly logins: ReadonlyMap<string, Login>;
}

function lookOf(cluster: ClusterConfig, { probes, logins }: Asked): Look {
  const survey = surveyMesh(cluster, probes);
  const unreached = cluster.hosts.flatMap((host) => unreachedLine(host, probes.get(host.name)));
  const problems = [...unreached, ...survey.faults.map((line) => withUser(cluster.hosts, logins, probes, line))];
  return { probes, survey, unreached, problems, warnings: survey.warnings };
}

function unreachedLine({ name }: HostConfig, probe: Probe | undefined): readonly string[] {
  return probe?.kind === "unreachable"
    ? [`${name}: unreachable (${probe.reason}); check its power, its name and its address`]
    : [];
}

/** The second look, less what only one of the two has seen, which is a warning. */
function confirmed(first: Look, second: Look): Look {
  const passing = first.problems.filter((line) => !second.problems.includes(line));
  return {
    ...second,
    warnings: [...second.warnings, ...passing.map((line) => `seen once, and not when asked again: ${line}`)],
  };
}

/** A refused login where nobody said a user, and ssh took the local one: that is most often what is missing. */
function withUser(
  hosts: readonly HostConfig[],
  logins: ReadonlyMap<string, Login>,
  probes: ReadonlyMap<string, Probe>,
  line: string,
): string {
  const host = hosts.find(({ name }) => line.startsWith(`${name}: `));
  if (host === undefined || host.ssh.user !== undefined || probes.get(host.name)?.kind !== "denied") return line;
  const local = userInfo().username;
  if (logins.get(host.name)?.user !== local) return line;
  return `${line}; ${local} is the user of this machine, since nobody said another: name the host as user@${host.address}, or set user: under spark-mesh:ssh`;
}
