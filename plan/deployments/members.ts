import { isIPv4 } from "node:net";
import type { ClusterConfig } from "../../config/cluster";
import type { ContainerFacts, DeploymentRecord, DockerFacts, ImageFacts } from "../../facts/docker";
import type { Probe } from "../../facts/hostFacts";
import { localName } from "../launch/docker";
import type { LaunchPlan, RankLaunch } from "../launch/launch";
import type { RankHost } from "../launch/ranks";
import type { Plan } from "../plan";

/** A host of a deployment, and what is known of it. */
export interface Member {
  readonly host: string;
  readonly launch: RankLaunch;
  /** The login user; undefined where the host can't be asked. */
  readonly user?: string;
  /** Undefined where the host can't be asked. */
  readonly docker?: DockerFacts;
  /** Why it can't. */
  readonly reason: string;
  /** The login user can't ask Docker yet, and this very run lets him: everything there is to be done. */
  readonly pending: boolean;
  /** Undefined where deploy never ended well there. */
  readonly record?: DeploymentRecord;
  /** Those of this deployment. */
  readonly containers: readonly ContainerFacts[];
}

/** The hosts of a deployment, in rank order. */
export function membersOf(
  launch: LaunchPlan,
  cluster: ClusterConfig,
  probes: ReadonlyMap<string, Probe>,
): readonly Member[] {
  return launch.ranks.map((rank) => {
    const probe = probes.get(rank.host);
    const facts = probe?.kind === "facts" ? probe.facts : undefined;
    const docker = facts?.docker;
    if (!facts || !docker) {
      const reason = probe?.kind === "unreachable" ? probe.reason : "not asked";
      return { host: rank.host, launch: rank, reason, pending: false, containers: [] };
    }
    const { user, inDocker } = facts.system;
    const record = docker.records.find(({ deployment }) => deployment === launch.name);
    return {
      host: rank.host,
      launch: rank,
      user,
      docker,
      reason: "",
      pending: docker.docker === "denied" && cluster.system.dockerGroup && inDocker === false,
      ...(record && { record }),
      containers: docker.containers.filter(({ labels }) => labels["spark-mesh.deployment"] === launch.name),
    };
  });
}

/** A host as ranks are launched on it. What isn't known of one that can't be asked is never sent to it. */
export function rankHostOf(
  name: string,
  cluster: ClusterConfig,
  plan: Plan,
  probes: ReadonlyMap<string, Probe>,
): RankHost {
  const probe = probes.get(name);
  const configured = cluster.hosts.find((host) => host.name === name)?.address ?? "";
  const managed = plan.hosts.find((host) => host.name === name)?.managementAddress;
  const facts = probe?.kind === "facts" ? probe.facts : undefined;
  return {
    name,
    address: managed ?? (isIPv4(configured) ? configured : "-"),
    home: facts?.docker?.home ?? "",
    ...(facts && { netdevs: [...facts.cx7, ...facts.otherNetdevs].map((netdev) => netdev.name) }),
  };
}

/** The image that a reference names on a host. */
export function imageOf({ images }: DockerFacts, reference: string): ImageFacts | undefined {
  const wanted = askedName(reference);
  return images.find(({ names }) => names.some((name) => fullName(name) === wanted));
}

/** The whole name under which hosts know an image: no container can have it. */
export function askedName(reference: string): string {
  return fullName(localName(reference));
}

/** As docker shows names: without Docker Hub's own, and with `latest` for no tag. */
function fullName(reference: string): string {
  const name = reference.replace(/^(index\.)?docker\.io\//, "").replace(/^library\//, "");
  return /:[^/]*$/.test(name) ? name : `${name}:latest`;
}

/** `sha256:0123456789ab`, as docker shortens ids. */
export function shortId(id: string): string {
  return id.replace(/^((?:sha256:)?[0-9a-f]{12})[0-9a-f]*$/, "$1");
}
