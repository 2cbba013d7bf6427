import type { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { ImageBuild } from "../facts/imageBuild";
import { type Host, readImageId, type Work } from "./host";

export interface VllmImageArgs {
  /** By tag or digest. */
  readonly reference: string;
  /** Who is to have it, the same image id on each. The first gets it, and sends it to the others. */
  readonly hosts: readonly string[];
  /** What it is built from, where it is: a change of it builds and copies it anew. Default: pulled, or there. */
  readonly build?: ImageBuild;
  /** The oldest NCCL that the image may load, in a ring. */
  readonly minimumNccl?: string;
}

/** A container image on every host of a deployment. What is there with the same id is not sent again; nothing removes it. */
export class VllmImage extends pulumi.ComponentResource {
  /** Brings it to every host. */
  readonly fetch: remote.Command;
  /** `sha256:...` */
  readonly imageId: pulumi.Output<string>;

  /** @param after what has to be there before it, where something is to be done. */
  constructor(
    name: string,
    args: VllmImageArgs,
    first: Host,
    work: Work,
    after: readonly pulumi.Resource[],
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("spark-mesh:index:VllmImage", name, args, options);
    this.fetch = first.image(`${name}-fetch`, work, { parent: this, dependsOn: [...after] });
    this.imageId = this.fetch.stdout.apply(readImageId);
    this.registerOutputs({ imageId: this.imageId });
  }
}
