import { homedir } from "node:os";
import { parentPort } from "node:worker_threads";
import { allConfig } from "@pulumi/pulumi/runtime/config";
import type { ClusterConfig } from "./config/cluster";
import { Faults } from "./config/faults";
import { parseClusterConfig } from "./config/load";
import { askHosts, type GatheredFacts } from "./facts/gather";
import type { Recipes } from "./plan/deployments/launches";
import type { DeploymentPlan } from "./plan/deployments/plan";
import type { Plan } from "./plan/plan";

/** What stack this is. */
export interface StackName {
  /** As `pulumi --stack` has it. */
  readonly stack: string;
  /** `organization/project/stack`. */
  readonly owner: string;
}

/** Everything that a stack's resources are made of. Plain data, which passes from one thread to another. */
export interface StackPlan {
  /** The stack's judged config. */
  readonly cluster: ClusterConfig;
  /** What is to be said of its deployments, and forbids `up`, is among what is said of the mesh. */
  readonly plan: Plan;
  /** In the order of the stack config. */
  readonly deployments: readonly DeploymentPlan[];
  /** How each host is reached, by name. */
  readonly logins: GatheredFacts["logins"];
}

/** What the thread of `planAhead` tells: its plan, or why there is none. */
export type Said = { readonly planned: StackPlan } | { readonly faults: Pick<Faults, "subject" | "lines" | "count"> };

/** The program's steps before resources: its config in, its hosts asked, the plans made. */
async function plan(named: Promise<StackName>): Promise<StackPlan> {
  const secretKeys: string[] = JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS ?? "[]");
  const judged = parseClusterConfig(allConfig(), homedir(), secretKeys);
  let recipes: Recipes = new Map();
  const asked = await askHosts(judged, async () => {
    if (judged.deployments.length === 0) return () => undefined;
    const { deploymentQuestion, readRecipes } = await import("./components/serving");
    recipes = readRecipes(judged);
    return deploymentQuestion(judged, recipes);
  });
  // What is heavy is loaded while the hosts answer.
  const { planMesh } = await import("./plan/planMesh");
  const { hostProgram } = await import("./host/program");
  const { stack, owner } = await named;
  const { probes, logins } = await asked.answers();
  const cluster = { ...judged, stack };
  const mesh = planMesh(cluster, probes, logins, hostProgram().digest);
  if (cluster.deployments.length === 0) return { cluster, plan: mesh, deployments: [], logins };
  const { planDeployments } = await import("./components/serving");
  const { deployments, warnings, blockers } = planDeployments(cluster, recipes, mesh, probes, owner);
  const told = { warnings: [...mesh.warnings, ...warnings], blockers: [...mesh.blockers, ...blockers] };
  return { cluster, plan: { ...mesh, ...told }, deployments, logins };
}

function say(message: Said): void {
  parentPort?.postMessage(message);
}

plan(new Promise((resolve) => parentPort?.once("message", resolve))).then(
  (planned) => say({ planned }),
  (error: unknown) => {
    if (!(error instanceof Faults)) throw error;
    say({ faults: { subject: error.subject, lines: error.lines, count: error.count } });
  },
);
