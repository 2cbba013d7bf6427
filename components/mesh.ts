import * as pulumi from "@pulumi/pulumi";
import type { ClusterConfig } from "../config/cluster";
import type { Login } from "../facts/hostFacts";
import { hostProgram } from "../host/program";
import { differenceText } from "../plan/difference";
import { type ManagementProbe, renderDocument } from "../plan/document";
import { isDue } from "../plan/due";
import { ncclEnv } from "../plan/nccl";
import type { Difference, HostPlan, Plan } from "../plan/plan";
import { renderReadme } from "../plan/readme";
import { renderSystemSpec } from "../plan/systemSpec";
import { commonTrust, renderTrustSpec } from "../plan/trust/trustSpec";
import { Cable } from "./cable";
import { Host, stagedBy } from "./host";
import { HostProgram } from "./hostProgram";
import { HostSystem } from "./hostSystem";
import { NetplanFile } from "./netplanFile";
import { currentOwner } from "./owner";
import { Spark } from "./spark";
import { SshTrust } from "./sshTrust";

export interface MeshArgs {
  /** The cluster's validated config. */
  readonly cluster: ClusterConfig;
  /** What the hosts should be and how far they are from it, from `planMesh`. */
  readonly plan: Plan;
  /** How each host is reached, by name, from `gatherFacts`. */
  readonly logins: ReadonlyMap<string, Login>;
}

/**
 * The mesh of a cluster: its hosts, ports, cables and netplan files. Says drift as warnings.
 */
export class Mesh extends pulumi.ComponentResource {
  readonly topology: pulumi.Output<string>;
  /** Cable name -> its two subnets, CIDR. */
  readonly cables: pulumi.Output<Record<string, readonly [string, string]>>;
  /** host -> netdev -> CIDR */
  readonly addresses: pulumi.Output<Record<string, Record<string, string>>>;
  /** host -> NCCL's variables for containers on it */
  readonly ncclEnv: pulumi.Output<Record<string, Record<string, string>>>;
  /** The mesh as a Markdown page. */
  readonly readme: pulumi.Output<string>;
  /** The components inside, for transforms and for what must wait for one of them. */
  readonly nodes: {
    readonly sparks: readonly Spark[];
    readonly cables: readonly Cable[];
    readonly netplanFiles: readonly NetplanFile[];
    readonly programs: readonly HostProgram[];
    /** None where nothing is declared. */
    readonly systems: readonly HostSystem[];
    /** Empty where SSH trust is off. */
    readonly sshTrusts: readonly SshTrust[];
  };

  readonly #hosts: ReadonlyMap<string, Host>;

  constructor(name: string, args: MeshArgs, options?: pulumi.ComponentResourceOptions) {
    const { plan } = args;
    super(
      "spark-mesh:index:Mesh",
      name,
      { topology: plan.topology, hosts: plan.hosts.map((host) => host.name) },
      options,
    );

    const sparks = plan.hosts.map(
      (host) =>
        new Spark(
          `${name}-${host.name}`,
          { host: host.name, number: host.number, netdevs: host.netdevs },
          { parent: this },
        ),
    );
    const cables = plan.cables.map(
      ({ name: cable, ends, subnets }) =>
        new Cable(`${name}-${cable.replaceAll("/", "-")}`, { ends, subnets }, { parent: this }),
    );
    const owner = currentOwner();
    const meshDue = plan.hosts.some(isDue);
    const meshNote = plan.hosts
      .flatMap(({ note, trust }) => [note, trust?.note ?? ""])
      .filter((note) => note !== "")
      .join("; ");
    const hosts = plan.hosts.map((host) => ({
      host,
      reached: new Host({
        plan: host,
        stack: owner.stack,
        login: args.logins.get(host.name),
        document: renderDocument(host, plan, owner, args.cluster.network.confirmSeconds, probesOf(host, args)),
        sudoPassword: args.cluster.hosts.find(({ name }) => name === host.name)?.sudoPassword,
        meshDue,
        meshNote,
      }),
    }));
    this.#hosts = new Map(hosts.map(({ host, reached }) => [host.name, reached]));
    const programs = hosts.flatMap(({ host: { name: host, program }, reached }) =>
      program ? [new HostProgram(`${name}-${host}-program`, { host }, reached, program, { parent: this })] : [],
    );
    const programOn = (host: string) => programs.filter((one) => one.host === host);
    const systems = hosts.flatMap(({ host: { name: host, system }, reached }) => {
      if (!system) return [];
      // In sync it is what was sent last that counts.
      const spec = system.state === "due" ? renderSystemSpec(host, system, owner, hostProgram().digest) : "{}";
      const wish = { plan: system, spec };
      const { earlyoom, ...others } = system.wish;
      // Out of a state that knows nothing of it, where it is off.
      const inputs = { host, ...others, ...(earlyoom && { earlyoom }) };
      const after = { parent: this, dependsOn: programOn(host) };
      return [new HostSystem(`${name}-${host}-system`, inputs, reached, wish, after)];
    });
    const foundation = (host: string) => [...programOn(host), ...systems.filter((one) => one.host === host)];
    const sshTrusts = hosts.flatMap(({ host: { name: host, trust }, reached }) => {
      if (!trust) return [];
      const peers = trust.peers.map(({ identity, via }) => `${identity.host} ${via}`);
      return [new SshTrust(`${name}-${host}-trust`, { host, peers }, reached, foundation(host), { parent: this })];
    });
    const netplanFiles = hosts.map(({ host, reached }) => {
      // The network's commands may need the sudoers file: it is there before them, and goes after them. A home that can't be
      // written is said before the network is touched.
      const keys = sshTrusts.filter((one) => one.host === host.name).map(({ key }) => key);
      const after = [...foundation(host.name), ...keys];
      const file = { host: host.name, path: host.netplanFile, content: host.netplanText };
      return new NetplanFile(`${name}-${host.name}-netplan`, file, reached, after, { parent: this });
    });
    const stages = netplanFiles.map((file) => file.stage);
    const common = keysMade(sshTrusts).apply((keys) => commonTrust(plan.hosts, keys));
    const installs = sshTrusts.map((one) => {
      const trust = plan.hosts.find(({ name }) => name === one.host)?.trust;
      const spec = common.apply((known) => (trust ? renderTrustSpec(one.host, trust, known, owner.stack) : ""));
      return one.install(spec, stages);
    });
    const transactions = stagedBy(stages).apply((ids) => ids.join(" "));
    // Each of them waits for every stage itself.
    const changes = installs.length > 0 ? installs : stages;
    const verifies = netplanFiles.map((file) => file.verify(changes, transactions));
    for (const file of netplanFiles) {
      file.commit(verifies);
    }
    this.nodes = { sparks, cables, programs, systems, netplanFiles, sshTrusts };

    for (const warning of plan.warnings.filter((line) => !plan.blockers.includes(line))) {
      pulumi.log.warn(warning, this);
    }
    for (const blocker of plan.blockers) {
      pulumi.log.warn(`${blocker}; \`up\` would stop before the first change`, this);
    }
    for (const difference of plan.hosts.flatMap((host) => host.differences)) {
      pulumi.log.warn(differenceText(difference), this.#partOf(difference));
    }
    for (const difference of plan.hosts.flatMap(({ program }) => program?.differences ?? [])) {
      const part = programs.find(({ host }) => host === difference.host);
      pulumi.log.warn(differenceText(difference), part);
    }
    for (const difference of plan.hosts.flatMap(({ system }) => system?.differences ?? [])) {
      const part = systems.find(({ host }) => host === difference.host);
      pulumi.log.warn(differenceText(difference), part);
    }
    for (const difference of plan.hosts.flatMap(({ trust }) => trust?.differences ?? [])) {
      const part = sshTrusts.find(({ host }) => host === difference.host);
      pulumi.log.warn(differenceText(difference), part);
    }

    this.topology = pulumi.output(plan.topology);
    this.cables = pulumi.output(Object.fromEntries(plan.cables.map((cable) => [cable.name, cable.subnets] as const)));
    this.addresses = pulumi.output(Object.fromEntries(plan.hosts.map((host) => [host.name, addressesOf(host)])));
    this.ncclEnv = pulumi.output(ncclEnv(plan));
    this.readme = pulumi.output(renderReadme(plan));
    this.registerOutputs({
      topology: this.topology,
      cables: this.cables,
      addresses: this.addresses,
      ncclEnv: this.ncclEnv,
    });
  }

  /** How a host of the mesh is reached. @throws Error where it has no such host */
  reach(host: string): Host {
    const reached = this.#hosts.get(host);
    if (reached === undefined) throw new Error(`the mesh has no host ${host}`);
    return reached;
  }

  /** What root's work on a host comes after at `up`, and goes before at a destroy: what root is had by, and the network. */
  foundationOf(host: string): readonly pulumi.Resource[] {
    const systems = this.nodes.systems.filter((one) => one.host === host);
    return [...systems, ...this.nodes.netplanFiles.filter((one) => one.host === host).map(({ stage }) => stage)];
  }

  /** The component that a difference is about: the port of a netdev, the file, else the Spark. */
  #partOf(difference: Difference): pulumi.Resource | undefined {
    const spark = this.nodes.sparks.find((candidate) => candidate.host === difference.host);
    const file = this.nodes.netplanFiles.find((candidate) => candidate.host === difference.host);
    const port = spark?.ports.find((candidate) => candidate.netdevs.includes(difference.object));
    return port ?? (file?.path === difference.object ? file : spark);
  }
}

/** By host. */
function keysMade(trusts: readonly SshTrust[]): pulumi.Output<ReadonlyMap<string, string>> {
  return pulumi
    .all(trusts.map(({ publicKey }) => publicKey))
    .apply(
      (keys) =>
        new Map(trusts.flatMap(({ host }, index): [string, string][] => (keys[index] ? [[host, keys[index]]] : []))),
    );
}

/** The management addresses that must stay reachable from a host: those of the other hosts that can be asked. */
function probesOf(host: HostPlan, { plan, logins }: MeshArgs): ManagementProbe[] {
  return plan.hosts
    .filter(({ name, state }) => name !== host.name && (state === "settled" || state === "due"))
    .flatMap(({ name }) => {
      const login = logins.get(name);
      return login === undefined ? [] : [{ host: name, address: login.address }];
    });
}

function addressesOf(host: HostPlan): Record<string, string> {
  return Object.fromEntries(host.netdevs.map(({ netdev, address }) => [netdev, address]));
}
