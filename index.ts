import { homedir } from "node:os";
import * as pulumi from "@pulumi/pulumi";
import { Mesh } from "./components/mesh";
import { Faults } from "./config/faults";
import { parseClusterConfig } from "./config/load";
import { gatherFacts } from "./facts/gather";
import { planMesh } from "./plan/planMesh";

/** One stack is one cluster: its config in, its hosts asked, the plan made, the plan's resources out. */
async function program(): Promise<Record<string, unknown>> {
  const cluster = parseClusterConfig(pulumi.runtime.allConfig(), homedir());
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
    // A RunError is printed without a stack: faults speak for themselves.
    throw error instanceof Faults ? new pulumi.RunError(error.message) : error;
  }
};
