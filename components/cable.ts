import * as pulumi from "@pulumi/pulumi";
import type { PortRef } from "../config/cluster";

export interface CableArgs {
  /** The two physical ports, lower host number first. A change re-addresses both ends. */
  readonly ends: readonly [PortRef, PortRef];
  /** CIDR, one a pair of twins. A change re-addresses both ends. */
  readonly subnets: readonly [string, string];
}

/** A QSFP cable between two physical ports: two netdevs at each end, so two subnets. */
export class Cable extends pulumi.ComponentResource {
  /** CIDR, one a pair of twins. */
  readonly subnets: pulumi.Output<readonly [string, string]>;

  constructor(name: string, args: CableArgs, options?: pulumi.ComponentResourceOptions) {
    super("spark-mesh:index:Cable", name, args, options);
    this.subnets = pulumi.output(args.subnets);
    this.registerOutputs({ subnets: this.subnets });
  }
}
