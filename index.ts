import { homedir } from "node:os";
import * as pulumi from "@pulumi/pulumi";
import { Mesh } from "./components/mesh";
import { programFault } from "./components/programFault";
import { Faults } from "./config/faults";
import { parseClusterConfig } from "./config/load";
import { gatherFacts } from "./facts/gather";
import { planMesh } from "./plan/planMesh";

/** One stack is one cluster: its config in, its hosts asked, the plan made, the plan's resources out. */
async function program(): Promise<Record<string, unknown>> {
  const secretKeys: string[] = JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS ?? "[]");
  const cluster = parseClusterConfig(pulumi.runtime.allConfig(), homedir(), secretKeys);
  const { probes, logins } = await gatherFacts(cluster);
  const plan = planMesh(cluster, probes);
  const mesh = new Mesh("mesh", { cluster, plan, logins });

  return {
    topology: mesh.topology,
    cables: mesh.cables,
    addresses: mesh.addresses,
    ncclEnv: mesh.ncclEnv,
    endpoints: {},
    readme: mesh.readme,
  };
}

export = async () => {
  try {
    return await program();
  } catch (error) {
    // What isn't a fault is a mistake of ours, and its stack is what a report of it needs.
    const told = error instanceof Error && !(error instanceof Faults) ? error.stack : undefined;
    throw programFault(told ?? (error instanceof Error ? error.message : String(error)));
  }
};
