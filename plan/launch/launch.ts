import { Faults } from "../../config/faults";
import { oneLine } from "../../config/judge";
import { ncclEnv, type RankMesh } from "../nccl";
import type { Word } from "../recipe/command";
import { type LaunchFacts, renderEnvironment } from "../recipe/envTemplates";
import { withLayers } from "../recipe/layers";
import type { Mod, Recipe } from "../recipe/recipe";
import { containerName, dockerRun } from "./docker";
import { type DeclaredEnvironment, differing, rankEnvironment } from "./environment";
import { type FabricEnv, fabricProblems, fabricWarnings } from "./fabric";
import { FLAGS, flagValue } from "./flags";
import { hubProblems } from "./hub";
import { weightsOf } from "./memory";
import type { NeededModel } from "./models";
import { neededModels } from "./neededModels";
import { overridden } from "./overrides";
import { countFaults, countOf, type Parallel, parallelOf, type RankHost } from "./ranks";
import { launcherOf } from "./runtimes";
import { type Overrides, parametersOf, serverOf } from "./serverArguments";
import { shapeOf } from "./shape";
import { notActedOn, secretWarnings, utilizationWarnings } from "./warnings";

/** What a deployment asks for. */
export interface LaunchWish {
  /** Of the deployment: containers and labels have it. */
  readonly name: string;
  readonly recipe: Recipe;
  readonly overrides: Overrides;
  /** In rank order. */
  readonly hosts: readonly RankHost[];
  /** True: these hosts and no fewer. False: as many of them as the recipe needs. */
  readonly chosen: boolean;
  /** Whose values count for what ranks reach one another by. @default "recipe" */
  readonly fabricEnv?: FabricEnv;
  /** The stack's variables, over the recipe's. */
  readonly declared?: DeclaredEnvironment;
  /** What is known of what will run, where it is: sha256 of each mod. A container with another one is another container. */
  readonly known?: { readonly mods?: Readonly<Record<string, string>> };
}

/** One rank: a container on a host. */
export interface RankLaunch {
  readonly rank: number;
  readonly host: string;
  readonly container: string;
  readonly image: string;
  readonly env: Readonly<Record<string, string>>;
  /** The server's argument list; with Ray, on other ranks than the head Ray's. */
  readonly argv: readonly string[];
  /** The whole `docker run` argument list. */
  readonly docker: readonly string[];
  /** The container's own process: what docker shows as its path and arguments. */
  readonly process: readonly string[];
  /** The container's label spark-mesh.digest. */
  readonly digest: string;
}

/** A deployment as it should run. Plain data; the same wish and mesh give the same plan. */
export interface LaunchPlan {
  readonly name: string;
  readonly recipe: string;
  readonly parallel: Parallel;
  /** The first is the head. */
  readonly ranks: readonly RankLaunch[];
  /** Where the head answers. */
  readonly endpoint: { readonly address: string; readonly port: number };
  /** What is listened at on the head beside the endpoint. */
  readonly ports: readonly number[];
  /** Fraction of its host's memory that a rank takes; undefined: vLLM's own. */
  readonly gpuMemoryUtilization?: number;
  /** Of each rank's container, as Docker reads it: `100g`. Undefined: none. */
  readonly memoryLimit?: string;
  /** Bytes of the model's weights over all ranks of a replica; undefined where the recipe's metadata doesn't say. */
  readonly weights?: number;
  /** For build-and-copy.sh, where the image is built. */
  readonly buildArgs: readonly string[];
  /** To be on every host before a rank starts; the served one first, unless only its container has it. */
  readonly models: readonly NeededModel[];
  readonly mods: readonly Mod[];
  /** One line each, place first. */
  readonly warnings: readonly string[];
}

/** vLLM's own. */
export const PORT = 8000;

/**
 * What runs on each rank of a deployment.
 *
 * @param mesh undefined for one host alone.
 * @throws Faults with everything that is wrong with recipe, overrides and hosts.
 */
export function planLaunch(wish: LaunchWish, mesh?: RankMesh): LaunchPlan {
  const faults: string[] = [];
  const layered = withLayers(wish.recipe, (recipe) => shapeOf(recipe, wish.overrides));
  const changed = overridden(layered, wish.overrides);
  const { recipe, overrides } = changed;
  const parameters = parametersOf(recipe, overrides);
  const server = serverOf(recipe, parameters, overrides);
  const found = launcherOf(recipe, server.words, parameters, overrides);
  // Another runtime's command is not ours to judge.
  if ("fault" in found) throw new Faults(`the recipe ${recipe.name}`, [found.fault]);
  faults.push(...changed.faults, ...server.faults);
  const isVllm = server.words.some(
    ({ text }, index) =>
      // Another program's name may stand there, where the recipe says what it starts.
      (/(^|\/)vllm$/.test(text) || recipe.runtime?.startsWith("vllm")) && server.words[index + 1]?.text === "serve",
  );
  if (!isVllm && faults.length === 0)
    faults.push(`${server.words[0]?.at}: command: found no \`vllm serve\`; it is what is given a rank`);
  const parallel = parallelOf(server.words, parameters, faults);
  const port = numberOf(server.words, "port", 65535, faults) ?? PORT;
  const gpuMemoryUtilization = numberOf(server.words, "gpuMemoryUtilization", 1, faults);
  const needed = neededModels(recipe, server.words, parameters, parallel.tensor);
  if (faults.length === 0) {
    faults.push(...countFaults(recipe, parallel, server.words[0]?.at ?? "", wish), ...needed.problems);
  }
  if (faults.length > 0) throw new Faults(`the recipe ${recipe.name}`, faults);

  const hosts = wish.hosts.slice(0, countOf(parallel));
  const launch = found.launcher({ words: server.words, parallel, parameters, hosts });
  if (launch.faults.length > 0) throw new Faults(`the recipe ${recipe.name}`, launch.faults);
  const nccl =
    hosts.length > 1 && mesh
      ? ncclEnv(
          mesh,
          hosts.map(({ name }) => name),
        )
      : {};
  const variables = hosts.map(({ name }) => nccl[name] ?? {});
  const { fabricEnv = "recipe", declared } = wish;
  const id = recipe.model ?? server.words[server.words.findIndex(({ text }) => text === "serve") + 1]?.text ?? "";
  const environments = variables.map((own, rank) => {
    const facts = launchFacts(wish.name, id, recipe.modelRevision, rank, hosts);
    const written = renderEnvironment(recipe, parameters, facts, faults);
    return rankEnvironment(own, launch.env, written, server.env, fabricEnv, declared?.values ?? {});
  });
  const command = server.env;
  const fabric = { recipe, command, fabricEnv, hosts, variables, ...(mesh && { mesh }), ...(declared && { declared }) };
  faults.push(
    ...fabricProblems(fabric),
    ...hubProblems(recipe, server.words, environments[0] ?? {}, needed.models, declared),
  );
  if (faults.length > 0) throw new Faults(`the recipe ${recipe.name}`, [...new Set(faults)]);
  const weights = weightsOf(recipe.metadata);
  const { memory_limit } = recipe.executor;
  const identity = { ...wish.known, models: needed.models.map(({ id, revision = "main" }) => ({ id, revision })) };
  const ranks = launch.ranks.map(({ argv, before = [] }, rank): RankLaunch => {
    const env = environments[rank] ?? {};
    const host = hosts[rank] ?? { name: "", address: "", home: "" };
    const { docker, process, digest } = dockerRun({
      deployment: wish.name,
      rank,
      host,
      image: recipe.container,
      env,
      argv,
      before,
      own: before.length > 0 ? differing(environments) : [],
      mods: recipe.mods,
      folders: needed.folders,
      rdma: hosts.length > 1,
      executor: recipe.executor,
      identity,
    });
    const container = containerName({ deployment: wish.name, rank });
    return { rank, host: host.name, container, image: recipe.container, env, argv, docker, process, digest };
  });
  return {
    name: wish.name,
    recipe: recipe.name,
    parallel,
    ranks,
    endpoint: { address: hosts[0]?.address ?? "", port },
    ports: launch.ports,
    ...(gpuMemoryUtilization !== undefined && { gpuMemoryUtilization }),
    ...(memory_limit && { memoryLimit: memory_limit }),
    ...(weights !== undefined && { weights }),
    buildArgs: recipe.buildArgs,
    models: needed.models,
    mods: recipe.mods,
    warnings: [
      ...recipe.warnings,
      ...server.warnings,
      ...needed.warnings,
      ...notActedOn(recipe),
      ...launch.warnings,
      ...fabricWarnings(fabric),
      ...utilizationWarnings(server.words),
      ...secretWarnings(server.words),
    ],
  };
}

function numberOf(
  words: readonly Word[],
  name: "port" | "gpuMemoryUtilization",
  most: number,
  faults: string[],
): number | undefined {
  const word = flagValue(words, FLAGS[name]);
  if (!word) return undefined;
  const value = Number(word.text);
  const whole = name === "port";
  if (word.text.trim() !== "" && value > 0 && value <= most && (!whole || Number.isInteger(value))) return value;
  faults.push(
    `${word.at}: ${FLAGS[name].names[0]}: found ${oneLine(word.text)}; allowed: ${whole ? "a whole number from 1 to 65535" : "more than 0, up to 1"}`,
  );
  return undefined;
}

/** What a recipe's environment may ask of the launch. */
function launchFacts(
  deployment: string,
  model: string,
  revision: string | undefined,
  rank: number,
  hosts: readonly RankHost[],
): LaunchFacts {
  const isCommit = /^[0-9a-f]{40}$/.test(revision ?? "");
  const inCache = `/root/.cache/huggingface/hub/models--${model.replaceAll("/", "--")}/snapshots/${revision}`;
  return {
    model_path: model.startsWith("/") ? model : isCommit ? inCache : undefined,
    model_revision: revision,
    num_nodes: String(hosts.length),
    node_rank: String(rank),
    node_host: hosts[rank]?.address,
    cluster_id: deployment,
    runtime_cache_dir: undefined,
  };
}
