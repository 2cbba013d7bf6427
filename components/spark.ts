import * as pulumi from "@pulumi/pulumi";
import type { NetdevPlan } from "../plan/plan";
import { Cx7Port } from "./cx7Port";

export interface SparkArgs {
  /** The Spark's name in the mesh. */
  readonly host: string;
  /** Position in the address plan: the host's addresses end in 10 + number. A change re-addresses every cable of the host. */
  readonly number: number;
  /** What its CX7 netdevs should be. */
  readonly netdevs: readonly NetdevPlan[];
}

/** One DGX Spark and its CX7 ports. */
export class Spark extends pulumi.ComponentResource {
  /** The Spark's name in the mesh. */
  readonly host: string;
  /** The ports that have a cable, by port number. */
  readonly ports: readonly Cx7Port[];
  /** netdev -> CIDR */
  readonly addresses: pulumi.Output<Record<string, string>>;

  constructor(name: string, args: SparkArgs, options?: pulumi.ComponentResourceOptions) {
    super("spark-mesh:index:Spark", name, { host: args.host, number: args.number }, options);
    const { host } = args;
    this.host = host;
    const cabled = ([0, 1] as const).filter((port) => args.netdevs.some((netdev) => netdev.port === port));
    this.ports = cabled.map((port) => {
      const netdevs = args.netdevs
        .filter((netdev) => netdev.port === port)
        .map(({ netdev, address, mtu, peers }) => {
          return { netdev, address, mtu, peers: peers.map((peer) => `${peer.host}/${peer.netdev}`) };
        });
      return new Cx7Port(`${name}-port-${port}`, { host, port, netdevs }, { parent: this });
    });
    this.addresses = pulumi
      .all(this.ports.map((port) => port.addresses))
      .apply((byPort): Record<string, string> => Object.assign({}, ...byPort));
    this.registerOutputs({ addresses: this.addresses });
  }
}
