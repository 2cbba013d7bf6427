import * as pulumi from "@pulumi/pulumi";
import type { ProgramPlan } from "../plan/plan";
import type { Host } from "./host";

export interface HostProgramArgs {
  readonly host: string;
}

/**
 * The program that runs on one Spark, which everything else there is done by. It is in state before anything is changed
 * there, and its deletion, the last of a destroy, leaves nothing of the stack's on the Spark, whichever step was cut.
 */
export class HostProgram extends pulumi.ComponentResource {
  readonly host: string;

  constructor(
    name: string,
    args: HostProgramArgs,
    reached: Host,
    plan: ProgramPlan,
    options?: pulumi.ComponentResourceOptions,
  ) {
    super("spark-mesh:index:HostProgram", name, args, options);
    this.host = args.host;
    const arrival = reached.arrive(`${name}-arrive`, { parent: this });
    reached.install(`${name}-install`, plan, { parent: this, dependsOn: [arrival] });
    this.registerOutputs({ host: args.host });
  }
}
