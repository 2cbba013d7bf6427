import * as pulumi from "@pulumi/pulumi";
import type { CableEnd, PortRef } from "../config/cluster";

export interface CableArgs {
  /** Two physical ports, lower host number first, or a port and a switch. A change re-addresses the ports. */
  readonly ends: readonly [PortRef, CableEnd];
  /** CIDR, one a pair of twins. A change re-addresses the ports. */
  readonly subnets: readonly [string, string];
}

/** A QSFP cable between two physical ports, or from one to a switch: two netdevs at a port, so two subnets. */
export class Cable extends pulumi.ComponentResource {
  /** CIDR, one a pair of twins. */
  readonly subnets: pulumi.Output<readonly [string, string]>;

  constructor(name: string, args: CableArgs, options?: pulumi.ComponentResourceOptions) {
    super("spark-mesh:index:Cable", name, args, options);
    this.subnets = pulumi.output(args.subnets);
    this.registerOutputs({ subnets: this.subnets });
  }
}
