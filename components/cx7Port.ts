import * as pulumi from "@pulumi/pulumi";
import type { PortNumber } from "../config/cluster";

export interface Cx7NetdevArgs {
  /** e.g. enp1s0f0np0 */
  readonly netdev: string;
  /** CIDR. A change restarts the link. */
  readonly address: string;
  /** Bytes. A change restarts the link. */
  readonly mtu: number;
  /** The netdev at the other end of the cable, `spark-2/enp1s0f1np1`; on a switch, every one in its subnet. */
  readonly peers: readonly string[];
}

export interface Cx7PortArgs {
  readonly host: string;
  /** 0 is the port next to the RJ-45 jack. */
  readonly port: PortNumber;
  /** The port's netdevs, lower PCI domain first. */
  readonly netdevs: readonly Cx7NetdevArgs[];
}

/** One physical ConnectX-7 port of a Spark, with the twins behind it. */
export class Cx7Port extends pulumi.ComponentResource {
  /** Names of the port's netdevs, lower PCI domain first. */
  readonly netdevs: readonly string[];
  /** netdev -> CIDR */
  readonly addresses: pulumi.Output<Record<string, string>>;

  constructor(name: string, args: Cx7PortArgs, options?: pulumi.ComponentResourceOptions) {
    super("spark-mesh:index:Cx7Port", name, args, options);
    this.netdevs = args.netdevs.map(({ netdev }) => netdev);
    this.addresses = pulumi.output(Object.fromEntries(args.netdevs.map(({ netdev, address }) => [netdev, address])));
    this.registerOutputs({ addresses: this.addresses });
  }
}
