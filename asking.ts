import { homedir } from "node:os";
import { parentPort } from "node:worker_threads";
import { allConfig } from "@pulumi/pulumi/runtime/config";
import type { ClusterConfig } from "./config/cluster";
import { Faults } from "./config/faults";
import { parseClusterConfig } from "./config/load";
import type { DockerQuestion } from "./facts/docker";
import { askHosts, type GatheredFacts } from "./facts/gather";

/** What the thread of `askAhead` tells, in this order. */
export interface Asked {
  readonly cluster: ClusterConfig;
  readonly answers: GatheredFacts;
}

/** One of its messages: a part, or why there is no more. */
export type Said =
  | { readonly [K in keyof Asked]: { readonly part: K; readonly value: Asked[K] } }[keyof Asked]
  | { readonly faults: Pick<Faults, "subject" | "lines"> };

/** The program's first steps: its config in, its hosts asked. */
async function ask(): Promise<void> {
  const secretKeys: string[] = JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS ?? "[]");
  const cluster = parseClusterConfig(allConfig(), homedir(), secretKeys);
  say({ part: "cluster", value: cluster });
  const hosts = await askHosts(cluster, () => questionOf(cluster));
  say({ part: "answers", value: await hosts.answers() });
}

/** What the hosts are asked about Docker; the program reads the same recipes once more, and finds fetched mods there. */
async function questionOf(cluster: ClusterConfig): Promise<(host: string) => DockerQuestion | undefined> {
  if (cluster.deployments.length === 0) return () => undefined;
  const { readRecipes } = await import("./components/recipes");
  const { deploymentQuestion } = await import("./plan/deployments/launches");
  return deploymentQuestion(cluster, readRecipes(cluster));
}

function say(message: Said): void {
  parentPort?.postMessage(message);
}

ask().catch((error: unknown) => {
  if (!(error instanceof Faults)) throw error;
  say({ faults: { subject: error.subject, lines: error.lines } });
});
