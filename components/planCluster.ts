import type { ClusterConfig } from "../config/cluster";
import { askHosts, type GatheredFacts } from "../facts/gather";
import type { Recipes } from "../plan/deployments/launches";
import type { DeploymentPlan } from "../plan/deployments/plan";
import type { Plan } from "../plan/plan";

/** Everything that a cluster's resources are made of. */
export interface ClusterPlan {
  /** What is to be said of its deployments, and forbids `up`, is among what is said of the mesh. */
  readonly plan: Plan;
  /** In the order of the config. */
  readonly deployments: readonly DeploymentPlan[];
  /** How each host is reached, by name. */
  readonly logins: GatheredFacts["logins"];
}

/**
 * Asks a cluster's hosts what they are, and plans what they should be.
 *
 * @param owner `organization/project/stack`.
 * @param meanwhile something to be done while the hosts answer: whatever is heavy is loaded then, and not before.
 * @throws Faults where there is nothing to plan.
 */
export async function planCluster(
  cluster: ClusterConfig,
  owner: string,
  meanwhile: () => Promise<unknown>,
): Promise<ClusterPlan> {
  const serves = cluster.deployments.length > 0;
  let recipes: Recipes = new Map();
  const asked = await askHosts(cluster, async () => {
    if (!serves) return () => undefined;
    const { deploymentQuestion, readRecipes } = await import("./serving");
    recipes = readRecipes(cluster);
    return deploymentQuestion(cluster, recipes);
  });
  const { planMesh } = await import("../plan/planMesh");
  const { hostProgram } = await import("../host/program");
  await meanwhile();
  const program = hostProgram().digest;
  const { probes, logins } = await asked.answers();
  const mesh = planMesh(cluster, probes, logins, program);
  if (!serves) return { plan: mesh, deployments: [], logins };
  const { planDeployments } = await import("./serving");
  const { deployments, warnings, blockers } = planDeployments(cluster, recipes, mesh, probes, owner);
  const told = { warnings: [...mesh.warnings, ...warnings], blockers: [...mesh.blockers, ...blockers] };
  return { plan: { ...mesh, ...told }, deployments, logins };
}
