import * as pulumi from "@pulumi/pulumi";
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
import type { Work } from "./host";
import type { Mesh } from "./mesh";
import { Model } from "./model";
import { currentOwner } from "./owner";
import { scriptTexts } from "./scriptTexts";
import { VllmImage } from "./vllmImage";

export interface VllmDeploymentArgs {
  /** The mesh that it runs on. */
  readonly mesh: Mesh;
  /** What should run and how far the hosts are from it, from `planDeployments`. */
  readonly plan: DeploymentPlan;
  /** For gated models on Hugging Face. Secret. */
  readonly hfToken?: string;
}

/**
 * A model served by vLLM on the hosts of a mesh: its image and all models on every one of them, a container for each rank,
 * and an endpoint on the first. A change starts all ranks anew, workers first; the ranks meet again by themselves after
 * one of them, or its host, has died.
 */
export class VllmDeployment extends pulumi.ComponentResource {
  /** Its name in the stack config. */
  readonly deployment: string;
  readonly image: VllmImage;
  /** All that the server reads and that doesn't lie in the image: its model, drafter, tokenizer, adapters. */
  readonly models: readonly Model[];
  /** Of the OpenAI-compatible API: `http://ADDRESS:PORT/v1`. */
  readonly endpoint: pulumi.Output<string>;

  constructor(name: string, args: VllmDeploymentArgs, options?: pulumi.ComponentResourceOptions) {
    const { mesh, plan, hfToken } = args;
    super("spark-mesh:index:VllmDeployment", name, wishOf(plan), options);
    this.deployment = plan.name;
    const owner = currentOwner();
    const head = mesh.reach(plan.image.head);
    const hosts = plan.ranks.map(({ launch }) => launch.host);
    // What is settled waits for nobody: each wait is a twentieth of a preview.
    const after = (resources: readonly pulumi.Resource[]) => (plan.state === "due" ? resources : []);

    const { reference, minimumNccl, build } = plan.image;
    this.image = new VllmImage(
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
          after([models.at(-1) ?? this.image]),
          { parent: this },
        ),
      );
    }
    this.models = models;
    const { startProgram, ranksProgram } = scriptTexts();
    const fetched = models.at(-1) ?? this.image;
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
    warn(plan.image.differences, this.image);
    plan.models.forEach(({ differences }, index) => {
      warn(differences, models[index]);
    });
    warn(plan.differences, this);
    this.endpoint = ready.stdout.apply(() => plan.url);
    this.registerOutputs({ endpoint: this.endpoint });
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
function wishOf({ launch, image, models, url }: DeploymentPlan): pulumi.Inputs {
  return {
    recipe: launch.recipe,
    image: image.reference,
    models: models.map(({ id, use, revision }) => ({ use, model: id, ...(revision !== undefined && { revision }) })),
    endpoint: url,
    ranks: launch.ranks.map(({ rank, host, argv, env }) => ({
      rank,
      host,
      arguments: argv.map((word, index) => (isSecret(argv, index) ? pulumi.secret(word) : word)),
      // Of what may be a key it is seen that it has changed, and no value.
      environment: Object.fromEntries(
        Object.entries(env).map(([name, value]) => [name, isNetworkVariable(name) ? value : pulumi.secret(value)]),
      ),
    })),
  };
}

function standingOf({ state, note }: Pick<Work, "state" | "note">): Pick<Work, "state" | "note"> {
  return { state, note };
}
