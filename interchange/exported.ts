import type { HostConfig } from "../config/cluster";
import type { Login } from "../facts/hostFacts";
import type { HostPlan, Plan } from "../plan/plan";

/** A mesh that was made, for another tool's file. */
export interface ExportedMesh {
  readonly plan: Plan;
  readonly hosts: readonly HostConfig[];
  /** How apply logs in, by host. */
  readonly logins: ReadonlyMap<string, Login>;
}

export interface Exported {
  /** The whole file. */
  readonly text: string;
  /** What the file can't say, and somebody has to do. */
  readonly notes: readonly string[];
}

/** A host of the mesh, abandoned ones left out. */
export interface Member {
  readonly planned: HostPlan;
  readonly config: HostConfig;
  /** Undefined where OpenSSH chooses and the host could not be asked. */
  readonly user: string | undefined;
  readonly login: Login | undefined;
}

/** In rank order. */
export function membersOf({ plan, hosts, logins }: ExportedMesh): readonly Member[] {
  return plan.hosts
    .filter(({ state }) => state !== "abandoned")
    .flatMap((planned) => {
      const config = hosts.find(({ name }) => name === planned.name);
      const login = logins.get(planned.name);
      return config ? [{ planned, config, login, user: login?.user ?? config.ssh.user }] : [];
    });
}

/** The users, each with its hosts: `nvidia (spark-1, spark-2)`. */
export function usersOf(members: readonly Member[]): readonly string[] {
  const users = new Set(members.map(({ user }) => user));
  return [...users].map((user) => {
    const hosts = members.filter((member) => member.user === user).map(({ planned }) => planned.name);
    return `${user ?? "OpenSSH's choice"} (${hosts.join(", ")})`;
  });
}
