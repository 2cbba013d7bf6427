import { homedir } from "node:os";
import { setImmediate } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";
import type { ClusterArguments, DeploymentArguments } from "../config/arguments";
import { Faults } from "../config/faults";
import { parseClusterArguments } from "../config/load";
import { failureOf } from "./failure";
import { Given } from "./given";
import type { Mesh } from "./mesh";
import { currentOwner } from "./owner";
import { plainArguments } from "./plainArguments";
import { planCluster } from "./planCluster";
import type { PlannedDeployment, VllmDeployment } from "./vllmDeployment";

/** What a cluster is told: the keys of the stack config, with the same meanings and defaults. Secrets may be outputs. */
export type ClusterArgs = ClusterArguments<
  pulumi.Input<string>,
  pulumi.Input<Readonly<Record<string, pulumi.Input<string>>>>
>;

/** The components of a cluster, for whatever must wait for one of them. */
export interface ClusterNodes {
  readonly mesh: Mesh;
  /** Those of `deployments`, in their order. */
  readonly deployments: readonly VllmDeployment[];
}

/** What came of asking and planning. */
interface Made extends ClusterNodes {
  /** By the deployment's name, also of those that stand by themselves. */
  readonly planned: ReadonlyMap<string, PlannedDeployment>;
}

/**
 * DGX Sparks as one cluster, from the cable to the served model. Asks the hosts what they are, in every preview, and makes
 * the components of what they should be: a `Mesh`, and a `VllmDeployment` for each of `deployments`. Says drift as
 * warnings.
 *
 * Everything in its arguments decides what is planned, so all of it has to be known at preview. What is wrong is said in
 * one message, which ends the program; no host is touched then. At `up` a change that needs a host that can't be reached
 * is refused in the same way.
 *
 * @example
 * const home = new Cluster("home", {
 *   hosts: [
 *     { name: "spark-1", address: "10.0.0.11" },
 *     { name: "spark-2", address: "10.0.0.12" },
 *   ],
 * });
 */
export class Cluster extends pulumi.ComponentResource<Made> {
  /** direct, ring or switch. */
  readonly topology: pulumi.Output<string>;
  /** Cable name -> its two subnets, CIDR. */
  readonly cables: pulumi.Output<Record<string, readonly [string, string]>>;
  /** host -> netdev -> CIDR */
  readonly addresses: pulumi.Output<Record<string, Record<string, string>>>;
  /** host -> NCCL's variables for containers on it */
  readonly ncclEnv: pulumi.Output<Record<string, Record<string, string>>>;
  /** Each of `deployments` -> URL of its OpenAI-compatible API. */
  readonly endpoints: pulumi.Output<Record<string, string>>;
  /** The mesh as a Markdown page. */
  readonly readme: pulumi.Output<string>;
  /** The components inside. */
  readonly nodes: pulumi.Output<ClusterNodes>;

  /** Never settles where the cluster can't be made. */
  readonly #made: Promise<Made>;
  /** Deployments that stand by themselves. */
  readonly #others: DeploymentArguments[] = [];
  /** Names of those that are planned and not made yet; undefined before the hosts are asked. */
  #unmade: Set<string> | undefined;

  /**
   * @param name of the component, which the names of all in it begin with.
   * @param args what the cluster is.
   */
  constructor(name: string, args: ClusterArgs, options?: pulumi.ComponentResourceOptions) {
    // Nothing of the arguments is recorded: each child records what it should be, which they are only a part of.
    super("spark-mesh:index:Cluster", name, new Given(args), options);
    // Why a cluster can't be made is told once, by the SDK, of this promise. The outputs wait for what never comes: each of
    // their own rejections would be one that Node.js warns of.
    this.getData().then(() => undefined);
    this.#made = this.getData().catch(() => new Promise<never>(() => undefined));
    const mesh = this.#made.then((made) => made.mesh);
    this.topology = pulumi.output(mesh.then((made) => made.topology));
    this.cables = pulumi.output(mesh.then((made) => made.cables));
    this.addresses = pulumi.output(mesh.then((made) => made.addresses));
    this.ncclEnv = pulumi.output(mesh.then((made) => made.ncclEnv));
    this.readme = pulumi.output(mesh.then((made) => made.readme));
    this.endpoints = pulumi.output(this.#made.then(({ deployments }) => endpointsOf(deployments)));
    this.nodes = pulumi.output(this.#made.then(({ mesh, deployments }) => ({ mesh, deployments })));
  }

  protected override async initialize(
    given: Given<ClusterArgs>,
    _options: pulumi.ComponentResourceOptions,
    name: string,
  ): Promise<Made> {
    try {
      // The rest of the program names the deployments that stand by themselves.
      await setImmediate();
      return await this.#make(name, given.read());
    } catch (error) {
      throw failureOf(error, this);
    }
  }

  async #make(name: string, args: ClusterArgs): Promise<Made> {
    this.#unmade = new Set();
    const { values, unusable } = await plainArguments(await this.#withOthers(args));
    const config = parseClusterArguments(values, homedir(), `the arguments of ${name}`, unusable);
    const cluster = { ...config, stack: pulumi.getStack() };
    const { plan, deployments, logins } = await planCluster(cluster, currentOwner().stack, async () => {
      await import("./mesh");
      if (cluster.deployments.length > 0) await import("./vllmDeployment");
    });
    if (plan.blockers.length > 0 && !pulumi.runtime.isDryRun()) throw new Faults("the change", plan.blockers);

    const { Mesh } = await import("./mesh");
    const mesh = new Mesh(`${name}-mesh`, { cluster, plan, logins }, { parent: this });
    const { hfToken } = cluster;
    const planned = new Map(
      deployments.map((one) => [one.name, { mesh, plan: one, ...(hfToken !== undefined && { hfToken }) }]),
    );
    const own = cluster.deployments.slice(0, cluster.deployments.length - this.#others.length);
    for (const one of own) this.#unmade.add(one.name);
    const served = own.length === 0 ? [] : await this.#serve(name, own);
    const { topology, cables, addresses, ncclEnv } = mesh;
    this.registerOutputs({ topology, cables, addresses, ncclEnv, endpoints: endpointsOf(served) });
    return { mesh, deployments: served, planned };
  }

  async #serve(name: string, own: readonly DeploymentArguments[]): Promise<readonly VllmDeployment[]> {
    const { VllmDeployment } = await import("./vllmDeployment");
    return own.map((one) => new VllmDeployment(`${name}-${one.name}`, { cluster: this, ...one }, { parent: this }));
  }

  /** The arguments with the deployments that stand by themselves behind its own. */
  async #withOthers(args: ClusterArgs): Promise<ClusterArgs> {
    if (this.#others.length === 0) return args;
    const { deployments = [] } = (await plainArguments({ deployments: args.deployments })).values;
    return Array.isArray(deployments) ? { ...args, deployments: [...deployments, ...this.#others] } : args;
  }

  /**
   * Has a deployment planned with the others of the cluster.
   *
   * @throws Error where the hosts are being asked already, so that it would be planned without them.
   * @internal
   */
  deploy(wanted: DeploymentArguments): Promise<PlannedDeployment> {
    if (this.#unmade === undefined) this.#others.push(wanted);
    else if (!this.#unmade.delete(wanted.name)) {
      throw failureOf(
        new Faults("the program", [
          `${wanted.name}: its hosts are being asked already; make a VllmDeployment before the program waits for anything, or name it in deployments of its Cluster`,
        ]),
        this,
      );
    }
    return this.#made.then(({ planned }) => {
      const own = planned.get(wanted.name);
      if (own === undefined) throw new Error(`${wanted.name} was not planned`);
      return own;
    });
  }
}

function endpointsOf(deployments: readonly VllmDeployment[]): Record<string, pulumi.Output<string>> {
  return Object.fromEntries(deployments.map(({ deployment, endpoint }) => [deployment, endpoint]));
}
