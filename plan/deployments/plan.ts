import type { ImageBuild } from "../../facts/imageBuild";
import type { ModFile } from "../../sources/mods";
import type { Checkout } from "../../sources/repository";
import type { LaunchPlan, RankLaunch } from "../launch/launch";
import type { NeededModel } from "../launch/models";
import type { Difference, HostPlan } from "../plan";
import type { Recipe } from "../recipe/recipe";

/** A recipe with what its mods are made of, and its image is built from. */
export interface DeploymentRecipe {
  readonly recipe: Recipe;
  /** Files by the mod's name. */
  readonly mods: Readonly<Record<string, readonly ModFile[]>>;
  /** Undefined where it isn't built. */
  readonly build?: Checkout;
  /** True: nobody declared it, so only an image that no registry has, `vllm-node`, is built. */
  readonly buildsUnnamed?: true;
}

/** One thing that is fetched once, on the head, and copied to every other host of a deployment. */
export interface FetchPlan {
  readonly head: string;
  /** The other hosts, in rank order. */
  readonly targets: readonly string[];
  /** `settled`: the same on all hosts. `unknown`: a host can't be asked now. */
  readonly state: Exclude<HostPlan["state"], "abandoned">;
  /** What was there when it was committed, and isn't any more. */
  readonly differences: readonly Difference[];
  /** Why `due`, like a `HostPlan`'s; "" otherwise. */
  readonly note: string;
}

/** A model that the server needs, on every host of its deployment. */
export type ModelPlan = FetchPlan & NeededModel;

/** How an image is built, where no host of its deployment has it. */
export interface BuildPlan extends ImageBuild {
  /** Where the builder's repository is. */
  readonly checkout: Checkout;
  /** Whether it is to be built; false where a host has what was built so. */
  readonly due: boolean;
}

/** A rank as every other one finds it. */
interface RankPeer {
  readonly rank: number;
  readonly host: string;
  /** On the management network; `-` while nobody knows it. */
  readonly address: string;
}

/** One rank as it should be, beside how far it is from that. */
export interface RankPlan {
  readonly launch: RankLaunch;
  /** The host's login user; undefined while the host can't be asked. */
  readonly user?: string;
  /** Absolute; to be the login user's before a container mounts them. */
  readonly folders: readonly string[];
  /** This stack's other deployments that have a rank on the host: whatever else it had there has ended before. */
  readonly beside: readonly string[];
  readonly differences: readonly Difference[];
  /** The recorded payload, where there is a record. */
  readonly committedPayload?: string;
}

/** A deployment as it should run, beside how far it is from that. */
export interface DeploymentPlan {
  readonly name: string;
  readonly launch: LaunchPlan;
  readonly image: FetchPlan & {
    readonly reference: string;
    /** That every host should have; undefined where none has the image. */
    readonly id?: string;
    /** Of the NCCL in it, where the ranks are a ring. */
    readonly minimumNccl?: string;
    /** Undefined where it is pulled, or there. */
    readonly build?: BuildPlan;
  };
  /** Served model, drafter, tokenizer, adapters: all that the server reads and that doesn't lie in the image. */
  readonly models: readonly ModelPlan[];
  /** The first is the head. */
  readonly ranks: readonly RankPlan[];
  /** All of them, in rank order. */
  readonly peers: readonly RankPeer[];
  /** Files of its mods, by the mod's name. */
  readonly mods: DeploymentRecipe["mods"];
  /**
   * Of the ranks: if one is `due`, all are started anew; also where image, models or the network of a host is. `unknown`
   * where a host can't be asked: what is known to differ is a blocker then.
   */
  readonly state: FetchPlan["state"];
  /** Of ranks, watch and endpoint. */
  readonly differences: readonly Difference[];
  readonly note: string;
  /** How long to wait for an answered completion, in seconds. */
  readonly readySeconds: number;
  /** `http://ADDRESS:PORT/v1` */
  readonly url: string;
}

/** What all deployments come to. */
export interface DeploymentPlans {
  /** In the order of the stack config. */
  readonly deployments: readonly DeploymentPlan[];
  /** One line each, host or deployment first. Not drift. */
  readonly warnings: readonly string[];
  /** Reasons that forbid `up`, never preview. */
  readonly blockers: readonly string[];
}
