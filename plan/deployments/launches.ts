import { isIPv4 } from "node:net";
import type { ClusterConfig, DeploymentConfig } from "../../config/cluster";
import { Faults } from "../../config/faults";
import type { DockerQuestion } from "../../facts/docker";
import { digestOfValue } from "../digest";
import { FLAGS, flagValue } from "../launch/flags";
import { type LaunchPlan, planLaunch } from "../launch/launch";
import { isSameModel } from "../launch/models";
import type { RankHost } from "../launch/ranks";
import type { RankMesh } from "../nccl";
import { buildFaults, buildOf } from "./builds";
import { askedName } from "./members";
import type { DeploymentRecipe } from "./plan";

/** The recipes that are read, by the deployment's name. */
export type Recipes = ReadonlyMap<string, DeploymentRecipe>;

/** Hosts that a deployment's ranks may be on: those that it chooses, else all that there are, in rank order. */
export function candidatesOf(cluster: ClusterConfig, { hosts }: DeploymentConfig): readonly string[] {
  return hosts ?? cluster.hosts.map(({ name }) => name).filter((name) => !cluster.abandon.includes(name));
}

/**
 * What the deployments run, in the order of the stack config.
 *
 * @param mesh undefined while the hosts weren't asked.
 * @throws Faults of all of them at once, the deployment's name first.
 */
export function launchesOf(
  cluster: ClusterConfig,
  recipes: Recipes,
  rankHost: (name: string) => RankHost,
  mesh?: RankMesh,
): readonly LaunchPlan[] {
  const faults: string[] = [];
  const launches = cluster.deployments.flatMap((deployment, index) => {
    const { name, overrides, hosts, fabricEnv, args = [], env = {} } = deployment;
    const declared = {
      values: { ...cluster.env, ...env },
      path: (variable: string) => `spark-mesh:${variable in env ? `deployments[${index}].env` : "env"}.${variable}`,
    };
    const found = recipes.get(name);
    if (!found) throw new Error(`the recipe of ${name} was not read`);
    try {
      const wish = {
        name,
        recipe: found.recipe,
        overrides: {
          values: overrides,
          path: (key: string) => `spark-mesh:deployments[${index}].overrides.${key}`,
          args: args.map((text, at) => ({ text, at: `spark-mesh:deployments[${index}].args[${at}]` })),
        },
        hosts: candidatesOf(cluster, deployment).map(rankHost),
        chosen: hosts !== undefined,
        ...(fabricEnv && { fabricEnv }),
        declared,
        known: { mods: digestsOf(found) },
      };
      const launch = planLaunch(wish, mesh);
      faults.push(...buildFaults(launch, buildOf(launch, found)).map((line) => `${name}: ${line}`));
      return [launch];
    } catch (error) {
      if (!(error instanceof Faults)) throw error;
      faults.push(...error.lines.map((line) => `${name}: ${line}`));
      return [];
    }
  });
  if (faults.length > 0) throw new Faults("the deployments", faults);
  return launches;
}

function digestsOf({ mods }: DeploymentRecipe): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(mods).map(([name, files]) => [name, digestOfValue(files)]));
}

/**
 * What each host is to be asked about Docker; undefined for hosts without a rank.
 *
 * @throws Faults of all deployments at once: everything that can be told without asking the hosts.
 */
export function deploymentQuestion(
  cluster: ClusterConfig,
  recipes: Recipes,
): (host: string) => DockerQuestion | undefined {
  const launches = launchesOf(cluster, recipes, (name) => ({ name, address: "", home: "" }));
  return (host) => {
    const here = launches.filter(({ ranks }) => ranks.some((rank) => rank.host === host));
    if (here.length === 0) return undefined;
    const heads = here.filter(({ ranks }) => ranks[0]?.host === host);
    const models = here.flatMap((launch) => launch.models);
    return {
      images: unique(here.flatMap(({ ranks }) => ranks.map(({ image }) => askedName(image)))),
      models: models
        .filter((model, index) => models.findIndex((other) => isSameModel(model, other)) === index)
        .map(({ id, revision }) => ({ id, ...(revision !== undefined && { revision }) })),
      ports: unique(heads.flatMap(({ endpoint, ports }) => [endpoint.port, ...ports])),
      endpoints: heads.map(({ name, endpoint, ranks }) => ({
        deployment: name,
        address: listeningAddress(ranks[0]?.argv ?? []),
        port: endpoint.port,
      })),
    };
  };
}

/** Where the server answers on its own host. */
function listeningAddress(argv: readonly string[]): string {
  const words = argv.map((text) => ({ text, at: "" }));
  const host = flagValue(words, FLAGS.host)?.text ?? "";
  return isIPv4(host) && host !== "0.0.0.0" ? host : "127.0.0.1";
}

function unique<T>(values: readonly T[]): readonly T[] {
  return [...new Set(values)];
}
