import type { ClusterConfig } from "../../../config/cluster";
import type { Login, Probe } from "../../../facts/hostFacts";
import { type TrustFacts, trustFacts } from "../../../facts/trustFacts";
import { installedTrust, NO_TRUST } from "../../../lab/bench/playedTrust";
import type { HostTrust, Plan } from "../../../plan/plan";
import { planMesh } from "../../../plan/planMesh";
import { commonTrust, renderTrustSpec } from "../../../plan/trust/trustSpec";
import { ARTICLE_RING, change, cluster, factsIn, freshProbes, settledProbes } from "../hosts";

/** Meshes whose hosts trust each other, with facts as a run of `trust` leaves them. */

export const STACK = "organization/spark-mesh/home";

export function trusting(changed: Partial<ClusterConfig> = {}, count = 3): ClusterConfig {
  return cluster({ trust: true, ...changed }, count);
}

/** Every host is nvidia's, with sshd on port 22, but for spark-2. */
export function loginsOf(config: ClusterConfig): Map<string, Login> {
  return new Map(
    config.hosts.map(({ name, address, number }) => {
      const [user, port] = name === "spark-2" ? ["second", 2222] : ["nvidia", 22];
      return [
        name,
        { address, port: Number(port), user: String(user), hostKey: `ssh-ed25519 ${`HST${number}`.repeat(2)}` },
      ];
    }),
  );
}

export function planOf(probes: ReadonlyMap<string, Probe>, config = trusting()): Plan {
  return planMesh(config, probes, loginsOf(config));
}

export function trustIn(plan: Plan, host: string): HostTrust {
  const trust = plan.hosts.find(({ name }) => name === host)?.trust;
  if (!trust) throw new Error(`${host} has no trust`);
  return trust;
}

/** Nobody was ever here, and ~/.ssh is empty. */
export function untrustedProbes(wiring = ARTICLE_RING, count = 3): Map<string, Probe> {
  const fresh = freshProbes(wiring, count);
  return [...fresh.keys()].reduce(
    (so, host) => change(so, host, (facts) => ({ ...facts, trust: trustFacts(NO_TRUST) })),
    fresh,
  );
}

/** Every host as a whole `up` left it. */
export function trustedProbes(config = trusting(), wiring = ARTICLE_RING): Map<string, Probe> {
  const fresh = untrustedProbes(wiring, config.hosts.length);
  return installed(settledProbes(planOf(fresh, config), fresh), config);
}

/**
 * Every host that can be asked after a run of `trust`.
 *
 * @param made three letters that mark the key pairs that are made where they are due.
 */
export function installed(probes: Map<string, Probe>, config = trusting(), made = "KEY"): Map<string, Probe> {
  const plan = planOf(probes, config);
  const keys = plan.hosts
    .filter(({ trust }) => trust?.keyDue)
    .map(({ name, number }): [string, string] => [name, `ssh-ed25519 ${`${made}${number}`.repeat(2)}`]);
  const common = commonTrust(plan.hosts, new Map(keys));
  return plan.hosts
    .filter(({ name }) => probes.get(name)?.kind === "facts")
    .reduce((so, { name }) => {
      const spec = renderTrustSpec(name, trustIn(plan, name), common, STACK);
      return change(so, name, (facts) => ({ ...facts, trust: trustFacts(installedTrust(spec)) }));
    }, probes);
}

/** Replaces what one host says of its ~/.ssh. */
export function changeTrust(
  probes: Map<string, Probe>,
  host: string,
  edit: (trust: TrustFacts) => TrustFacts,
): Map<string, Probe> {
  const { trust } = factsIn(probes, host);
  if (!trust) throw new Error(`${host} says nothing of its ~/.ssh`);
  return change(probes, host, (facts) => ({ ...facts, trust: edit(trust) }));
}
