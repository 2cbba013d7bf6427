import type { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { type Host, publicKeyOf } from "./host";

export interface SshTrustArgs {
  readonly host: string;
  /**
   * Who may log in here and where `ssh NAME` goes from here, `spark-2 192.168.177.12` each. Who is no longer named can't
   * log in any more.
   */
  readonly peers: readonly string[];
}

/**
 * One Spark's part of the trust between all of them: its blocks in the login user's authorized_keys, known_hosts and
 * config, once `install` was called. The key pair itself is made on the Spark and never leaves it.
 */
export class SshTrust extends pulumi.ComponentResource {
  readonly host: string;
  /** Makes the key pair. Its deletion takes away all that is ours in ~/.ssh. */
  readonly key: remote.Command;
  /** The public half, as the Spark answered when it was made last. */
  readonly publicKey: pulumi.Output<string | undefined>;
  readonly #name: string;
  readonly #reached: Host;

  /** @param after what is there before the key, and still there when it is taken away. */
  constructor(
    name: string,
    args: SshTrustArgs,
    reached: Host,
    after: readonly pulumi.Resource[],
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("spark-mesh:index:SshTrust", name, args, options);
    this.#name = name;
    this.#reached = reached;
    this.host = args.host;
    this.key = reached.key(`${name}-key`, { parent: this, dependsOn: [...after] });
    this.publicKey = publicKeyOf(this.key);
    this.registerOutputs({});
  }

  /** Writes the blocks, once every host has a key and `stages`, the networks that they speak of, are there. */
  install(spec: pulumi.Output<string>, stages: readonly remote.Command[]): remote.Command {
    return this.#reached.trust(`${this.#name}-install`, spec, { parent: this, dependsOn: [this.key, ...stages] });
  }
}
