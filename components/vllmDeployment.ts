import * as pulumi from "@pulumi/pulumi";
import type { DeploymentArguments } from "../config/arguments";
import {
  renderDeployDocument,
  renderImageDocument,
  renderModelDocument,
  renderReadyDocument,
} from "../plan/deployments/documents";
import type { DeploymentPlan, ModelPlan, RankPlan } from "../plan/deployments/plan";
import { differenceText } from "../plan/difference";
import { isSecret } from "../plan/launch/flags";
import { isNetworkVariable } from "../plan/nccl";
import type { Difference } from "../plan/plan";
import { packed } from "../sources/repository";
import type { Cluster } from "./cluster";
import { Given } from "./given";
import type { Work } from "./host";
import type { Mesh } from "./mesh";
import { Model } from "./model";
import { currentOwner } from "./owner";
import { scriptTexts } from "./scriptTexts";
import { VllmImage } from "./vllmImage";

/** A deployment that is planned, with what its components are made of. */
export interface PlannedDeployment {
  /** The mesh that it runs on. */
  readonly mesh: Mesh;
  /** What should run and how far the hosts are from it. */
  readonly plan: DeploymentPlan;
  /** For gated models on Hugging Face. Secret. */
  readonly hfToken?: string;
}

/** What a deployment is told: the keys of an entry of a cluster's `deployments`, and the cluster. */
export interface VllmDeploymentArgs extends DeploymentArguments {
  /** The cluster that it runs on. It is planned with the deployments of the cluster itself. */
  readonly cluster: Cluster;
}

/** The components of a deployment. */
export interface VllmDeploymentNodes {
  readonly image: VllmImage;
  /** All that the server reads and that doesn't lie in the image: its model, drafter, tokenizer, adapters. */
  readonly models: readonly Model[];
}

interface Made extends VllmDeploymentNodes {
  readonly endpoint: pulumi.Output<string>;
}

/**
 * A model served by vLLM on the hosts of a cluster: its image and all models on every one of them, a container for each
 * rank, and an endpoint on the first. A change starts all ranks anew, workers first; the ranks meet again by themselves
 * after one of them, or its host, has died.
 *
 * By itself it is made right after its cluster, before the program waits for anything: its hosts are asked once for all.
 * Problems of it are told with the cluster's, as of an entry behind those of `deployments`.
 *
 * @example
 * const qwen = new VllmDeployment("qwen", { cluster: home, name: "qwen", recipe: "gpt-oss-120b-solo-vllm" });
 */
export class VllmDeployment extends pulumi.ComponentResource<Made> {
  /** Its name in the cluster. */
  readonly deployment: string;
  /** Of the OpenAI-compatible API: `http://ADDRESS:PORT/v1`. */
  readonly endpoint: pulumi.Output<string>;
  /** The components inside. */
  readonly nodes: pulumi.Output<VllmDeploymentNodes>;

  /** @param name of the component, which the names of all in it begin with. */
  constructor(name: string, { cluster, ...wanted }: VllmDeploymentArgs, options?: pulumi.ComponentResourceOptions) {
    const planned = cluster.deploy(wanted);
    super("spark-mesh:index:VllmDeployment", name, new Given(planned, desiredOf(planned)), options);
    this.deployment = wanted.name;
    this.endpoint = pulumi.output(this.getData().then(({ endpoint }) => endpoint));
    this.nodes = pulumi.output(this.getData().then(({ image, models }) => ({ image, models })));
  }

  protected override async initialize(
    given: Given<Promise<PlannedDeployment>>,
    _options: pulumi.ComponentResourceOptions,
    name: string,
  ): Promise<Made> {
    const { mesh, plan, hfToken } = await given.read();
    const owner = currentOwner();
    const head = mesh.reach(plan.image.head);
    const hosts = plan.ranks.map(({ launch }) => launch.host);
    // What is in sync waits for nobody: each wait is a twentieth of a preview.
    const after = (resources: readonly pulumi.Resource[]) => (plan.state === "due" ? resources : []);

    const { reference, minimumNccl, build } = plan.image;
    const image = new VllmImage(
      `${name}-image`,
      {
        reference,
        hosts,
        ...(minimumNccl !== undefined && { minimumNccl }),
        ...(build && { build: { commit: build.commit, arguments: build.arguments } }),
      },
      head,
      {
        ...standingOf(plan.image),
        document: renderImageDocument(plan, owner, build?.due ? packed(build.checkout) : undefined),
      },
      after([mesh]),
      { parent: this },
    );
    const models: Model[] = [];
    for (const model of plan.models) {
      const { id, revision, use } = model;
      models.push(
        new Model(
          `${name}-${modelName(model)}`,
          { model: id, use, hosts, ...(revision !== undefined && { revision }) },
          head,
          {
            ...standingOf(model),
            document: renderModelDocument(plan, model, owner, hfToken),
            secret: hfToken !== undefined,
          },
          // A host fetches one thing at a time.
          after([models.at(-1) ?? image]),
          { parent: this },
        ),
      );
    }
    const { startProgram, ranksProgram } = scriptTexts();
    const fetched = models.at(-1) ?? image;
    const start = (rank: RankPlan, others: readonly pulumi.Resource[]) =>
      mesh.reach(rank.launch.host).deploy(
        `${name}-rank-${rank.launch.rank}`,
        {
          ...standingOf(plan),
          document: renderDeployDocument(plan, rank, { start: startProgram, ranks: ranksProgram }, owner),
          // A recipe's environment may have keys in it.
          secret: true,
          ...(rank.committedPayload !== undefined && { committedPayload: rank.committedPayload }),
        },
        { parent: this, dependsOn: [...mesh.foundationOf(rank.launch.host), ...after([fetched, ...others])] },
      );
    const [first, ...rest] = plan.ranks;
    const workers = rest.map((rank) => start(rank, []));
    const ranks = first ? [start(first, workers), ...workers] : workers;
    const ready = head.ready(
      `${name}-ready`,
      { ...standingOf(plan), document: renderReadyDocument(plan, owner) },
      { parent: this, dependsOn: [...after(ranks)] },
    );
    warn(plan.image.differences, image);
    plan.models.forEach(({ differences }, index) => {
      warn(differences, models[index]);
    });
    warn(plan.differences, this);
    const endpoint = ready.stdout.apply(() => plan.url);
    this.registerOutputs({ endpoint });
    return { image, models, endpoint };
  }
}

/** A part of names in the stack, its own for each model of a deployment, and the same whatever else it needs. */
function modelName({ id, revision, use }: ModelPlan): string {
  if (use === "model") return "model";
  const at = revision === undefined ? "" : `@${revision}`;
  return `model-${`${id}${at}`.replaceAll("/", "--")}`;
}

function warn(differences: readonly Difference[], about: pulumi.Resource | undefined): void {
  for (const difference of differences) pulumi.log.warn(differenceText(difference), about);
}

/** What a change of shows, property by property. */
function desiredOf(planned: Promise<PlannedDeployment>): pulumi.Inputs {
  const of = <T>(read: (plan: DeploymentPlan) => T): Promise<T> => planned.then(({ plan }) => read(plan));
  return {
    recipe: of(({ launch }) => launch.recipe),
    image: of(({ image }) => image.reference),
    models: of(({ models }) =>
      models.map(({ id, use, revision }) => ({ use, model: id, ...(revision !== undefined && { revision }) })),
    ),
    endpoint: of(({ url }) => url),
    ranks: of(({ launch }) =>
      launch.ranks.map(({ rank, host, argv, env }) => ({
        rank,
        host,
        arguments: argv.map((word, index) => (isSecret(argv, index) ? pulumi.secret(word) : word)),
        // Of what may be a key it is seen that it has changed, and no value.
        environment: Object.fromEntries(
          Object.entries(env).map(([variable, value]) => [
            variable,
            isNetworkVariable(variable) ? value : pulumi.secret(value),
          ]),
        ),
      })),
    ),
  };
}

function standingOf({ state, note }: Pick<Work, "state" | "note">): Pick<Work, "state" | "note"> {
  return { state, note };
}
