import { getStack } from "@pulumi/pulumi/runtime/settings";
import { planAhead } from "./ahead";
import { currentOwner } from "./components/owner";
import { programFault } from "./components/programFault";
import { Faults } from "./config/faults";

/** One stack is one cluster: its config in, its hosts asked, the plans made, the plans' resources out. */
async function program(): Promise<Record<string, unknown>> {
  const planned = planAhead({ stack: getStack(), owner: currentOwner().stack });
  // What is heavy is loaded while the hosts are asked.
  const { Mesh } = await import("./components/mesh");
  const { VllmDeployment } = await import("./components/vllmDeployment");
  const { cluster, plan, deployments, logins } = await planned;
  // The SDK takes a stack trace for every promise of a resource and a whole one for every resource, and maps each frame
  // back to its source: 0.1 s in all. The lines are the same without that: taking types away moves none.
  Error.stackTraceLimit = 1;
  Reflect.deleteProperty(Error, "prepareStackTrace");
  const mesh = new Mesh("mesh", { cluster, plan, logins });
  const { hfToken } = cluster;
  const served = deployments.map(
    (deployment) =>
      new VllmDeployment(deployment.name, { mesh, plan: deployment, ...(hfToken !== undefined && { hfToken }) }),
  );

  return {
    topology: mesh.topology,
    cables: mesh.cables,
    addresses: mesh.addresses,
    ncclEnv: mesh.ncclEnv,
    endpoints: Object.fromEntries(served.map(({ deployment, endpoint }) => [deployment, endpoint])),
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
