import { scriptTexts } from "../../components/scriptTexts";
import { MarkedAnswers, markLine } from "../../facts/marked";
import { dockerScript, factsScript } from "../../facts/script";
import { standInReference } from "../../lab/hosts/image";
import type { Lab } from "../../lab/hosts/lab";
import { run } from "../../lab/hosts/process";
import { type LaunchPlan, planLaunch } from "../../plan/launch/launch";
import { packPayload, renderStdin } from "../../plan/payload";
import { planMesh } from "../../plan/planMesh";
import { parseRecipe } from "../../plan/recipe/recipe";
import { complete } from "../completions";
import { livesOf, signalContainer } from "../containers";
import { inside } from "../inside";
import { cluster, freshProbes } from "../plan/hosts";
import { overrides } from "../plan/recipe/recipes";
import type { Result } from "./operations";

export const stack = "organization/spark-mesh/home";
export const deployment = "tiny";

/** What a test varies of a deployment of the stand-in for vLLM. */
export interface Served {
  readonly stack?: string;
  readonly deployment?: string;
  /** Of all ranks; orders for the stand-in among it. */
  readonly env?: Readonly<Record<string, string | number>>;
  /** Lines added at the end. */
  readonly extra?: readonly string[];
}

/** Makes a lab's hosts ready: the image, and the model that it serves. */
export async function prepareHosts(lab: Lab): Promise<void> {
  await lab.loadImage();
  const download = `docker run --rm --network host --user 1000:1000 --env HF_HOME=/hf --volume /home/nvidia/.cache/huggingface:/hf --entrypoint hf ${standInReference} download Acme/Tiny`;
  const folder = "install -d -o nvidia -g nvidia /home/nvidia/.cache /home/nvidia/.cache/huggingface";
  await Promise.all(lab.hosts.map(({ name }) => inside(lab, name, `${folder} && ${download} 2>&1`)));
}

/** Three ranks on a ring of three. */
export function launchOf(lab: Lab, { deployment: name = deployment, env = {} }: Served = {}): LaunchPlan {
  const mesh = planMesh(cluster(), freshProbes());
  const addresses = new Map(lab.hosts.map(({ name: host, address }) => [host, address]));
  const recipe = {
    model: "Acme/Tiny",
    container: standInReference,
    defaults: { pipeline_parallel: 3, gpu_memory_utilization: 0.7 },
    env: { VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS: 300, ...env },
  };
  return planLaunch(
    {
      name,
      recipe: parseRecipe("tiny.yaml", JSON.stringify(recipe)),
      overrides: overrides({}),
      hosts: lab.hosts.map(({ name: host, address }) => ({ name: host, address, home: "/home/nvidia" })),
      chosen: true,
    },
    { ...mesh, hosts: mesh.hosts.map((host) => ({ ...host, managementAddress: addresses.get(host.name) ?? "" })) },
  );
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

function documentLines(lab: Lab, rank: number, served: Served, lines: readonly string[]): string {
  const name = served.deployment ?? deployment;
  return [
    "spark-mesh 1",
    `host ${lab.hosts[rank]?.name}`,
    `stack ${served.stack ?? stack}`,
    "operator me@laptop file",
    `deployment ${name}`,
    `container spark-mesh-${name}-${rank}`,
    ...lab.hosts.map(({ name: host, address }, number) => `peer ${number} ${host} ${address}`),
    ...lines,
    ...(served.extra ?? []),
    "",
  ].join("\n");
}

/** The document of deploy and undeploy on the host of a rank. */
export function deployDocument(lab: Lab, rank: number, served: Served = {}): string {
  const launch = launchOf(lab, served).ranks[rank];
  if (!launch) throw new Error(`no rank ${rank}`);
  const caches = launch.docker.flatMap((word) => word.match(/^(\/home\/nvidia\/[^:]+):/)?.[1] ?? []);
  return documentLines(lab, rank, served, [
    `digest ${launch.digest}`,
    `rank ${rank}`,
    "user nvidia",
    ...launchOf(lab, served).ports.map((port) => `meeting ${port}`),
    ...[...new Set(caches)].map((path) => `folder ${path}`),
    `file start.sh 755 ${base64("#!/bin/bash\n")}`,
    `file mods/one/run.sh 644 -`,
    `program ${base64(scriptTexts().ranksProgram)}`,
    ...launch.docker.slice(1).map((word) => `argument ${base64(word)}`.trimEnd()),
  ]);
}

export function readyDocument(lab: Lab, served: Served = {}, limit = 60): string {
  const { address, port } = launchOf(lab, served).endpoint;
  return documentLines(lab, 0, served, [`endpoint ${address} ${port}`, `limit ${limit}`]);
}

/** Runs one operation as apply runs it, over SSH, whatever its end. */
export async function operate(
  lab: Lab,
  rank: number,
  operation: "deploy" | "undeploy" | "ready",
  document: string,
): Promise<Result> {
  const host = lab.hosts[rank];
  if (!host) throw new Error(`no host of rank ${rank}`);
  const payload = packPayload({ program: scriptTexts().deploymentProgram }, document);
  const stdin = renderStdin(scriptTexts().loader, { sudoPassword: host.sudoPassword, payload, transactions: "" });
  const began = performance.now();
  const { code, stdout, stderr } = await run(
    lab.sshCommand(host.name, [`exec bash -s ${operation === "ready" ? "user" : "root"} ${operation}`]),
    { stdin, timeoutSeconds: 200 },
  );
  const message = stderr.trimEnd().split("\n").at(-1) ?? "";
  return { code, stdout, stderr, message, seconds: (performance.now() - began) / 1000 };
}

/** Runs one that has to succeed, and returns what it printed. */
export async function must(...call: Parameters<typeof operate>): Promise<string> {
  const { code, stdout, stderr } = await operate(...call);
  if (code !== 0) throw new Error(`rank ${call[1]}: ${call[2]}: exit status ${code}: ${stderr}`);
  return stdout.trim();
}

/** Starts all ranks as a stack does, workers first. @returns the containers' ids by rank */
export async function deployAll(lab: Lab, served: Served = {}): Promise<string[]> {
  const deploy = (rank: number) => must(lab, rank, "deploy", deployDocument(lab, rank, served));
  const workers = await Promise.all(lab.hosts.slice(1).map((_, index) => deploy(index + 1)));
  return [await deploy(0), ...workers];
}

export async function undeployAll(lab: Lab, served: Served = {}): Promise<void> {
  await Promise.all(lab.hosts.map((_, rank) => must(lab, rank, "undeploy", deployDocument(lab, rank, served))));
}

/** What docker_pass tells a login user who asks these. */
export async function dockerFacts(lab: Lab, host: string, questions: readonly string[], user = "nvidia") {
  const input = `${markLine("facts")}${factsScript}${dockerScript()}\ndocker_begin\n${questions.join("\n")}\nend\ndocker_pass\n`;
  const began = performance.now();
  const { stdout } = await run(lab.execCommand(host, `exec runuser -u ${user} -- bash -s`), { stdin: input });
  const [answer = ""] = new MarkedAnswers("facts").take(Buffer.from(stdout));
  const facts = JSON.parse(answer);
  return { facts, seconds: (performance.now() - began) / 1000 };
}

/** What a completion is answered with: its text, its status, or that nobody listens or answers. */
export async function completion(lab: Lab, served: Served = {}): Promise<string> {
  try {
    const answer = await complete(launchOf(lab, served).endpoint, { model: "Acme/Tiny" }, 5);
    return JSON.parse(answer.slice(4)).choices?.[0]?.text ?? `status ${answer.slice(0, 3)}`;
  } catch {
    return "none";
  }
}

export const answer = "answered by the lab's stand-in for vLLM on spark-1 spark-2 spark-3";

/** Kills a rank's own process. */
export async function killRank(lab: Lab, rank: number): Promise<void> {
  await signalContainer(lab, lab.hosts[rank]?.name ?? "", `spark-mesh-${deployment}-${rank}`);
}

/** Lives of all ranks' containers, by rank: id and start. */
export function lives(lab: Lab): Promise<string[]> {
  return livesOf(lab, deployment);
}

/** What a host says of its ranks to whoever asks. */
export function statusOf(lab: Lab, rank: number): Promise<string> {
  return inside(lab, lab.hosts[rank]?.name ?? "", `exec 3<>/dev/tcp/${lab.hosts[rank]?.address}/29499 && cat <&3`);
}

/** What the watch of every host did, for a failure to show. */
export async function watched(lab: Lab): Promise<string> {
  const said = lab.hosts.map(({ name }) =>
    inside(lab, name, "journalctl --quiet --output=short-precise --unit spark-mesh-ranks.service | tail -n 20"),
  );
  return (await Promise.all(said)).join("\n");
}
