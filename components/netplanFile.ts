import type { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "./host";

export interface NetplanFileArgs {
  readonly host: string;
  /** Absolute path. A change restores what stood at the old path. */
  readonly path: string;
  /** The whole text. A change is staged, verified from every host, then committed, or rolled back. */
  readonly content: string;
}

/**
 * The netplan file of one Spark, staged with an armed rollback. It counts only once it is committed: call `commit`
 * after every file of the mesh was staged and verified.
 */
export class NetplanFile extends pulumi.ComponentResource {
  readonly host: string;
  /** Absolute path. */
  readonly path: string;
  /** Writes and applies the file with a rollback armed. */
  readonly stage: remote.Command;
  readonly #name: string;
  readonly #reached: Host;

  /** @param after what is there before the file at `up`, and still there when the file is put back at a destroy. */
  constructor(
    name: string,
    args: NetplanFileArgs,
    reached: Host,
    after: readonly pulumi.Resource[],
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("spark-mesh:index:NetplanFile", name, args, options);
    this.#name = name;
    this.#reached = reached;
    this.host = args.host;
    this.path = args.path;
    this.stage = reached.stage(`${name}-stage`, { parent: this, dependsOn: [...after] });
    this.registerOutputs({ path: args.path });
  }

  /** Verifies the changed mesh from this Spark, after every change of any host. */
  verify(changes: readonly remote.Command[], transactions: pulumi.Output<string>): remote.Command {
    return this.#reached.verify(`${this.#name}-verify`, transactions, { parent: this, dependsOn: [...changes] });
  }

  /** Disarms the rollback and records the commit, after every verify. */
  commit(verifies: readonly remote.Command[]): remote.Command {
    return this.#reached.commit(`${this.#name}-commit`, this.stage, { parent: this, dependsOn: [...verifies] });
  }
}
