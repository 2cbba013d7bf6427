import type { ClusterConfig } from "../../config/cluster";
import { Faults } from "../../config/faults";
import { printable } from "../../config/printable";
import type { Probe } from "../../facts/hostFacts";
import { cacheFolders } from "../launch/docker";
import type { LaunchPlan } from "../launch/launch";
import type { NeededModel } from "../launch/models";
import { judgeLaunches } from "../launch/preflight";
import { deploymentNoteOf } from "../note";
import type { Plan } from "../plan";
import { judgeBuilds } from "./builds";
import { standingOfEndpoint } from "./endpoint";
import { completeModel, planImage, planModel } from "./fetches";
import { launchesOf, type Recipes } from "./launches";
import { type Member, membersOf, rankHostOf } from "./members";
import type { DeploymentPlan, DeploymentPlans, FetchPlan, RankPlan } from "./plan";
import { deploymentFaults, limitWarnings } from "./preflight";
import { standingOfRank } from "./ranks";
import { standingOf } from "./standing";

/** What all deployments are planned from. */
interface Ground {
  readonly cluster: ClusterConfig;
  readonly recipes: Recipes;
  /** Of the same hosts. */
  readonly mesh: Plan;
  readonly probes: ReadonlyMap<string, Probe>;
  readonly stack: string;
  readonly launches: readonly LaunchPlan[];
}

interface Planned {
  readonly plan: DeploymentPlan;
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
  readonly blockers: readonly string[];
}

/**
 * What the deployments should be and how far the hosts are from it. Pure: the same input gives the same plans, whatever
 * the order of the probes.
 *
 * @param plan of the same hosts, from `planMesh`.
 * @param stack `organization/project/stack`: another stack's containers are not ours to touch.
 * @throws Faults of all deployments at once, where there is nothing safe to start.
 */
export function planDeployments(
  cluster: ClusterConfig,
  recipes: Recipes,
  plan: Plan,
  probes: ReadonlyMap<string, Probe>,
  stack: string,
): DeploymentPlans {
  const launches = launchesOf(cluster, recipes, (name) => rankHostOf(name, cluster, plan, probes), plan);
  const ground = { cluster, recipes, mesh: plan, probes, stack, launches };
  const planned = launches.map((launch) => planDeployment(launch, ground));
  const memory = new Map(
    [...probes].flatMap(([host, probe]): [string, number][] => {
      const bytes = probe.kind === "facts" ? probe.facts.docker?.memory : undefined;
      return bytes === undefined ? [] : [[host, bytes]];
    }),
  );
  const faults = [
    ...planned.flatMap((one) => one.faults),
    ...judgeLaunches(launches, memory, (model) => completeBytes(probes, model)),
    ...judgeBuilds(launches, recipes),
  ];
  if (faults.length > 0) throw new Faults("the deployments", unique(faults).map(printable));
  return {
    deployments: planned.map((one) => one.plan),
    warnings: unique(planned.flatMap((one) => one.warnings)),
    blockers: unique(planned.flatMap((one) => one.blockers)),
  };
}

function planDeployment(launch: LaunchPlan, { cluster, recipes, mesh, probes, stack, launches }: Ground): Planned {
  const { name, endpoint } = launch;
  const config = cluster.deployments.find((one) => one.name === name);
  const readySeconds = config?.readySeconds ?? 0;
  const members = membersOf(launch, cluster, probes);
  const recipe = recipes.get(name);
  if (!recipe) throw new Error(`the recipe of ${name} was not read`);
  const image = planImage(launch, members, mesh, recipe);
  const models = launch.models.map((model) => planModel(launch, model, members));
  const answer = standingOfEndpoint(launch, members, readySeconds);
  // A worker's words name the head.
  const isHeadKnown = members[0]?.docker !== undefined;
  const standings = members.map((member) => standingOfRank(member, isHeadKnown, image.id));
  const differences = [...standings.flatMap((one) => one.differences), ...answer.differences];
  const reason = reasonOf(members, { image, models }, mesh);
  const due = reason !== "" || differences.length > 0 || standings.some((one) => one.due);
  const gone = members.filter(({ docker }) => !docker);
  const state = gone.length > 0 ? "unknown" : due ? "due" : "settled";
  const otherwise = reason || (members.some(({ record }) => record) ? "the wish changed" : "first visit");
  return {
    plan: {
      name,
      launch,
      image,
      models,
      ranks: members.map(
        (member, rank): RankPlan =>
          rankPlan(member, besideOf(launch, launches, member.host), standings[rank]?.differences ?? []),
      ),
      peers: launch.ranks.map(({ rank, host }) => ({
        rank,
        host,
        address: rankHostOf(host, cluster, mesh, probes).address,
      })),
      mods: recipe.mods,
      state,
      differences,
      note: state === "due" ? deploymentNoteOf(differences, otherwise, standingOf(members)) : "",
      readySeconds,
      url: `http://${endpoint.address}:${endpoint.port}/v1`,
    },
    faults: deploymentFaults(cluster, stack, launch, members, { image, models }),
    warnings: [
      ...launch.warnings.map((line) => `${name}: ${line}`),
      ...limitWarnings(launch, members),
      ...answer.warnings,
    ],
    blockers: due
      ? gone.map(
          ({ host, reason: why }) =>
            `${host}: unreachable (${why}), and ${name} is to be started anew with a rank there; bring it up, or choose other hosts for ${name}`,
        )
      : [],
  };
}

/** Names of the other deployments that have a rank on a host. */
function besideOf({ name }: LaunchPlan, launches: readonly LaunchPlan[], host: string): readonly string[] {
  return launches
    .filter((other) => other.name !== name && other.ranks.some((rank) => rank.host === host))
    .map((other) => other.name);
}

function rankPlan(
  { launch, user, docker, record }: Member,
  beside: RankPlan["beside"],
  differences: RankPlan["differences"],
): RankPlan {
  return {
    launch,
    ...(user !== undefined && { user }),
    folders: docker ? cacheFolders(docker.home) : [],
    beside,
    differences,
    ...(record && { committedPayload: record.payload }),
  };
}

/** Why ranks are due that are as they should be; "" where they aren't. */
function reasonOf(
  members: readonly Member[],
  { image, models }: Pick<DeploymentPlan, "image" | "models">,
  plan: Plan,
): string {
  const hosts = new Set(members.map(({ host }) => host));
  const changing = plan.hosts.filter(({ name, state }) => state === "due" && hosts.has(name));
  const network = changing.length > 0 ? [`network of ${changing.map(({ name }) => name).join(" ")}`] : [];
  const isChanging = ({ state, differences }: FetchPlan) => state === "due" || differences.length > 0;
  const fetched = [...(isChanging(image) ? ["image"] : []), ...models.filter(isChanging).map(({ use }) => use)];
  return [...network, ...unique(fetched)].join(", ");
}

/** Bytes of a model where some host has it whole. */
function completeBytes(probes: Ground["probes"], model: NeededModel): number | undefined {
  return [...probes.values()].flatMap((probe) => {
    const docker = probe.kind === "facts" ? probe.facts.docker : undefined;
    return (docker && completeModel(docker, model)?.bytes) ?? [];
  })[0];
}

function unique(lines: readonly string[]): readonly string[] {
  return [...new Set(lines)];
}
