import type { remote } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Host } from "./host";

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
 * config. The key pair itself is made on the Spark and never leaves it.
 */
export class SshTrust extends pulumi.ComponentResource {
  readonly host: string;
  /** Writes the blocks, once every host has a key. Its deletion takes them out again. */
  readonly install: remote.Command;

  constructor(
    name: string,
    args: SshTrustArgs,
    reached: Host,
    document: pulumi.Output<string>,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("spark-mesh:index:SshTrust", name, args, options);
    this.host = args.host;
    this.install = reached.trust(`${name}-install`, document, { parent: this });
    this.registerOutputs({});
  }
}
