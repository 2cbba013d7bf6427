import type { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { ModelUse } from "../plan/launch/models";
import type { Host, Work } from "./host";

export interface ModelArgs {
  /** Hugging Face id, or an absolute folder. */
  readonly model: string;
  /** What it is to the server: the model that it serves, or its drafter, tokenizer, adapter. */
  readonly use: ModelUse;
  /** Branch, tag or commit on Hugging Face. Default: main. */
  readonly revision?: string;
  /** Who is to have it, in the login user's cache. The first downloads it, and sends it to the others. */
  readonly hosts: readonly string[];
}

/** A model's files on every host of a deployment, whole. What is there is not fetched again; nothing removes it. */
export class Model extends pulumi.ComponentResource {
  /** Brings it to every host. */
  readonly fetch: remote.Command;

  /** @param after what has to be there before it, where something is to be done. */
  constructor(
    name: string,
    args: ModelArgs,
    first: Host,
    work: Work,
    after: readonly pulumi.Resource[],
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("spark-mesh:index:Model", name, args, options);
    this.fetch = first.model(`${name}-fetch`, work, { parent: this, dependsOn: [...after] });
    this.registerOutputs({});
  }
}
