import { askAhead } from "./ahead";
import { programFault } from "./components/programFault";
import { Faults } from "./config/faults";
import type { DeploymentPlans } from "./plan/deployments/plan";
import type { Plan } from "./plan/plan";

/** One stack is one cluster: its config in, its hosts asked, the plans made, the plans' resources out. */
async function program(): Promise<Record<string, unknown>> {
  const asked = askAhead();
  // What is heavy is loaded while the hosts are asked.
  const { Mesh } = await import("./components/mesh");
  const { currentOwner } = await import("./components/owner");
  const { VllmDeployment } = await import("./components/vllmDeployment");
  const { planMesh } = await import("./plan/planMesh");
  const stack = process.env.PULUMI_NODEJS_STACK;
  const cluster = { ...(await asked.cluster), ...(stack !== undefined && { stack }) };
  const serving = cluster.deployments.length > 0 ? await import("./components/serving") : undefined;
  const recipes = serving?.readRecipes(cluster) ?? new Map();
  const { probes, logins } = await asked.answers;
  const plan = planMesh(cluster, probes, logins);
  const served = serving?.planDeployments(cluster, recipes, plan, probes, currentOwner().stack);
  // The SDK takes a stack trace for every promise of a resource and a whole one for every resource, and maps each frame
  // back to its source: 0.1 s in all. The lines are the same without that: taking types away moves none.
  Error.stackTraceLimit = 1;
  Reflect.deleteProperty(Error, "prepareStackTrace");
  const mesh = new Mesh("mesh", { cluster, plan: served ? alongside(plan, served) : plan, logins });
  const { hfToken } = cluster;
  const deployments = (served?.deployments ?? []).map(
    (deployment) =>
      new VllmDeployment(deployment.name, { mesh, plan: deployment, ...(hfToken !== undefined && { hfToken }) }),
  );

  return {
    topology: mesh.topology,
    cables: mesh.cables,
    addresses: mesh.addresses,
    ncclEnv: mesh.ncclEnv,
    endpoints: Object.fromEntries(deployments.map(({ deployment, endpoint }) => [deployment, endpoint])),
    readme: mesh.readme,
  };
}

/** What is to be said of a mesh, and forbids `up`, with what its deployments add. */
function alongside(plan: Plan, { warnings, blockers }: DeploymentPlans): Plan {
  return { ...plan, warnings: [...plan.warnings, ...warnings], blockers: [...plan.blockers, ...blockers] };
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
