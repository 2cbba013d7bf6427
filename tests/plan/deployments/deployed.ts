import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ClusterConfig, DeploymentConfig } from "../../../config/cluster";
import { Faults } from "../../../config/faults";
import type { ContainerFacts, DockerFacts } from "../../../facts/docker";
import type { Probe } from "../../../facts/hostFacts";
import { planDeployments } from "../../../plan/deployments/deployments";
import type { DeploymentPlan, DeploymentPlans, DeploymentRecipe } from "../../../plan/deployments/plan";
import { isSameModel, type NeededModel } from "../../../plan/launch/models";
import type { Plan } from "../../../plan/plan";
import { planMesh } from "../../../plan/planMesh";
import { parseRecipe } from "../../../plan/recipe/recipe";
import { change, cluster, factsIn, freshProbes, settledProbes } from "../hosts";
import { withCommand } from "../recipe/recipes";

/** Deployments on hosts whose mesh is settled: each test says only what is special in it. */

export const STACK = "organization/spark-mesh/home";
export const IMAGE_ID = `sha256:${"a".repeat(64)}`;
const GIB = 2 ** 30;

export interface Case {
  readonly cluster: ClusterConfig;
  readonly recipes: ReadonlyMap<string, DeploymentRecipe>;
  readonly plan: Plan;
  readonly probes: Map<string, Probe>;
}

/** A deployment of one recipe on `count` hosts in a ring or pair, on which nothing is deployed yet. */
export function fresh(
  recipe: string | Readonly<Record<string, string>>,
  wishes: readonly Partial<DeploymentConfig>[] = [{}],
  options: {
    readonly count?: number;
    readonly wiring?: string;
    readonly config?: Partial<ClusterConfig>;
    /** Of what builds the deployments' images, by their names; a folder by that name is never looked at. */
    readonly builds?: Readonly<Record<string, string>>;
  } = {},
): Case {
  const { count = 3, wiring, config = {}, builds = {} } = options;
  const texts = typeof recipe === "string" ? { test: recipe } : recipe;
  const deployments = wishes.map((wish) => ({
    name: "qwen",
    recipe: "test",
    overrides: {},
    readySeconds: 3600,
    ...wish,
  }));
  const mesh = cluster({ trust: true, ...config }, count);
  // The hosts' trust is another matter; here they are as good as settled.
  const before = freshProbes(wiring, count);
  const plan = planMesh({ ...mesh, trust: false }, before);
  const settled = settledProbes(plan, before);
  const probes = mesh.hosts
    .map(({ name }) => name)
    .reduce((all, host) => change(all, host, (facts) => ({ ...facts, docker: emptyDocker() })), settled);
  return {
    cluster: { ...mesh, deployments },
    recipes: new Map(
      deployments.map(({ name, recipe: wanted }) => [
        name,
        {
          recipe: parseRecipe(`${wanted}.yaml`, texts[wanted] ?? ""),
          mods: {},
          ...(builds[name] !== undefined && { build: { commit: builds[name], folder: `/cache/${builds[name]}` } }),
        },
      ]),
    ),
    plan: planMesh({ ...mesh, trust: false }, settled),
    probes,
  };
}

/** A recipe for one rank, or for so many in a pipeline. */
export function recipeOf(ranks = 1, more = ""): string {
  const command = `vllm serve {model} --port {port}${ranks > 1 ? ` -pp ${ranks}` : ""}`;
  return `${withCommand(command, "{ port: 8000 }").replace("vllm-node", "ghcr.io/acme/vllm:1")}${more}`;
}

export const DRAFTER = "acme/drafter";

/** The same with a drafter. */
export function drafted(ranks = 1, config = `{"model":"${DRAFTER}"}`): string {
  return recipeOf(ranks).replace("--port", `--speculative-config '${config}' --port`);
}

export function article(): string {
  const file = "qwen3.5-397b-a17b-int4-autoround-3x-vllm.yaml";
  return readFileSync(join(__dirname, "../../../recipes", file), "utf8");
}

export function emptyDocker(): DockerFacts {
  return {
    docker: "ok",
    nvidia: true,
    rootFree: 500 * GIB,
    home: "/home/nvidia",
    homeFree: 900 * GIB,
    memory: 120 * GIB,
    containers: [],
    images: [],
    models: [],
    listening: [],
    endpoints: [],
    records: [],
    unwritable: [],
    watch: "missing",
  };
}

export function plansOf({ cluster: config, recipes, plan, probes }: Case): DeploymentPlans {
  return planDeployments(config, recipes, plan, probes, STACK);
}

/** The plan of the only deployment. */
export function planOf(given: Case): DeploymentPlan {
  const [only] = plansOf(given).deployments;
  if (!only) throw new Error("no deployment");
  return only;
}

/** The same hosts after `up`: all that is planned runs, and answers. */
export function deployed(given: Case): Case {
  return plansOf(given).deployments.reduce(
    (so, deployment) =>
      deployment.ranks.reduce(
        (all, { launch }) => changeDocker(all, launch.host, (docker) => withRank(docker, deployment, launch.rank)),
        so,
      ),
    given,
  );
}

function withRank(docker: DockerFacts, { name, launch, models, image }: DeploymentPlan, rank: number): DockerFacts {
  const own = launch.ranks[rank];
  if (!own) throw new Error(`no rank ${rank}`);
  const { digest, container, host } = own;
  const transaction = "20261101T120000-00000001";
  const labels = {
    "spark-mesh.deployment": name,
    "spark-mesh.rank": `${rank}`,
    "spark-mesh.digest": digest,
    "spark-mesh.stack": STACK,
  };
  const running: ContainerFacts = {
    name: container,
    id: `${rank}f`.repeat(32),
    image: IMAGE_ID,
    labels,
    process: own.process,
    env: { ...own.env, PATH: "/usr/bin" },
    status: "running",
    startedAt: "2026-11-01T12:00:00.000000000Z",
    age: 86_400,
    restarts: 0,
  };
  const { build } = image;
  const built = build && { build: { commit: build.commit, arguments: build.arguments } };
  const record = { version: 1 as const, host, stack: STACK, transaction, digest, payload: "H4sI", deployment: name };
  return {
    ...docker,
    containers: [...docker.containers, running],
    images: [...docker.images, { id: IMAGE_ID, names: [own.image], size: 20 * GIB, ...built }],
    models: [
      ...docker.models,
      ...models.filter((model) => !docker.models.some((other) => isSameModel(other, model))).map(whole),
    ],
    listening: rank === 0 ? [...docker.listening, launch.endpoint.port, ...launch.ports] : docker.listening,
    endpoints:
      rank === 0 ? [...docker.endpoints, { deployment: name, state: "answered", detail: "" }] : docker.endpoints,
    records: [...docker.records, { ...record, rank, container }],
    watch: "active",
  };
}

/** A model that is all there; a folder has no record. */
function whole({ id, revision }: NeededModel): DockerFacts["models"][number] {
  const size = { files: 9, bytes: 200 * GIB };
  return {
    id,
    ...(revision !== undefined && { revision }),
    ...size,
    ...(!id.startsWith("/") && { recorded: { commit: "c".repeat(40), ...size } }),
  };
}

export function changeDocker(given: Case, host: string, edit: (docker: DockerFacts) => DockerFacts): Case {
  const { docker } = factsIn(given.probes, host);
  if (!docker) throw new Error(`${host} has no docker`);
  return { ...given, probes: change(given.probes, host, (facts) => ({ ...facts, docker: edit(docker) })) };
}

/** Changes the containers of a host; one that is no longer there listens no more. */
export function changeContainer(given: Case, host: string, edit: Partial<ContainerFacts>): Case {
  const ended = ["exited", "created", "dead"].includes(edit.status ?? "");
  return changeDocker(given, host, (docker) => ({
    ...docker,
    listening: ended ? [] : docker.listening,
    containers: docker.containers.map((container) => ({ ...container, ...edit })),
  }));
}

export function unreachable(given: Case, host: string): Case {
  return { ...given, probes: new Map(given.probes).set(host, { kind: "unreachable", reason: "no route to host" }) };
}

/** The lines of what planDeployments throws. */
export function faultsOf(given: Case): readonly string[] {
  try {
    plansOf(given);
  } catch (error) {
    if (error instanceof Faults && error.subject === "the deployments") return error.lines;
    throw error;
  }
  throw new Error("no fault");
}
