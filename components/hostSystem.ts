import * as pulumi from "@pulumi/pulumi";
import type { Host, SystemWish } from "./host";

export interface HostSystemArgs {
  readonly host: string;
  /** The login user is a member of the group docker. False: his membership is left alone, or given back if it was ours. */
  readonly dockerGroup: boolean;
  /** A sudoers file allows the login user what later runs need. False: there is none of ours. */
  readonly sudoers: boolean;
  /** Whether logind removes a user's shared memory at the last logout. True: what was there before decides. */
  readonly removeIpc: boolean;
  /** earlyoom runs with our arguments. Left out where it isn't declared: its unit is as it was. */
  readonly earlyoom?: true;
}

/**
 * What is declared of one Spark's system besides its network; its deletion gives back what was there before. Whatever
 * needs root at a destroy depends on it: it may be what root is had by.
 */
export class HostSystem extends pulumi.ComponentResource {
  readonly host: string;

  constructor(
    name: string,
    args: HostSystemArgs,
    reached: Host,
    wish: SystemWish,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("spark-mesh:index:HostSystem", name, args, options);
    this.host = args.host;
    reached.system(`${name}-run`, wish, { parent: this });
    this.registerOutputs({ host: args.host });
  }
}
