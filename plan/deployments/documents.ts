import { base64, documentText, type Owner } from "../document";
import { startsWithScript } from "../launch/startScript";
import type { DeploymentPlan, FetchPlan, ModelPlan, RankPlan } from "./plan";

/** Texts of scripts that a deployment leaves on its hosts. */
export interface DeployScripts {
  /** scripts/start.sh: the containers' first process, where there are mods or Ray. */
  readonly start: string;
  /** scripts/ranks.sh: the watch by which ranks meet again. */
  readonly ranks: string;
}

type ValueCheck = Parameters<Parameters<typeof documentText>[3]>[0];

/** A line is read and judged as a whole. */
const CHUNK = 1 << 16;

/**
 * What `image` reads on the head.
 *
 * @param source what it is to be built from, in base64, where it is to be built.
 * @throws Faults where a value would break out of its line
 */
export function renderImageDocument({ name, image }: DeploymentPlan, owner: Owner, source = ""): string {
  const { build } = image;
  return documentText(image.head, `the image of ${name}`, owner, (check) => [
    `image ${check("image", "image", image.reference)}`,
    ...targetLines(image, check),
    ...(image.minimumNccl === undefined ? [] : [`nccl ${check("word", "nccl", image.minimumNccl)}`]),
    ...(build ? [`build ${check("word", "commit", build.commit)}`] : []),
    ...(build?.arguments ?? []).map((word) => `argument ${base64(word)}`),
    ...(source.match(new RegExp(`.{1,${CHUNK}}`, "g")) ?? []).map((part) => `source ${part}`),
  ]);
}

/**
 * What `model` reads on the head, for one of the deployment's models.
 *
 * @param token Hugging Face's. Secret: the document is then, too.
 * @throws Faults where a value would break out of its line; the token is never shown.
 */
export function renderModelDocument(
  { name, image }: DeploymentPlan,
  model: ModelPlan,
  owner: Owner,
  token?: string,
): string {
  return documentText(model.head, `the ${model.use} of ${name}`, owner, (check) => [
    `model ${check("model", "model", model.id)}`,
    ...(model.revision === undefined ? [] : [`revision ${check("revision", "model_revision", model.revision)}`]),
    `image ${check("image", "image", image.reference)}`,
    ...targetLines(model, check),
    ...(token === undefined ? [] : [`token ${base64(token)}`]),
  ]);
}

function targetLines({ targets }: FetchPlan, check: ValueCheck): readonly string[] {
  return targets.map((host) => `target ${check("word", "target", host)}`);
}

/** What `deploy` and `undeploy` read on the host of one rank. @throws Faults where a value would break out of its line */
export function renderDeployDocument(
  plan: DeploymentPlan,
  { launch, user, folders, beside }: RankPlan,
  { start, ranks }: DeployScripts,
  owner: Owner,
): string {
  const mods = Object.entries(plan.mods).flatMap(([mod, files]) =>
    files.map((file) => ({ ...file, path: `mods/${mod}/${file.path}` })),
  );
  const files = startsWithScript(launch.process)
    ? [{ path: "start.sh", mode: "755", base64: base64(start) }, ...mods]
    : [];
  return documentText(launch.host, `rank ${launch.rank} of ${plan.name}`, owner, (check) => [
    `digest ${check("hex", "digest", launch.digest)}`,
    `deployment ${check("word", "deployment", plan.name)}`,
    `rank ${launch.rank}`,
    `container ${check("word", "container", launch.container)}`,
    ...(user === undefined ? [] : [`user ${check("user", "login user", user)}`]),
    ...peerLines(plan, check),
    ...plan.launch.ports.map((port) => `meeting ${check("count", "port", port)}`),
    ...beside.map((name) => `beside ${check("word", "deployment", name)}`),
    ...folders.map((path) => `folder ${check("folder", "folder", path)}`),
    ...files.map(
      ({ path, mode, base64: contents }) => `file ${check("file", "file", path)} ${mode} ${contents || "-"}`,
    ),
    `program ${base64(ranks)}`,
    // `docker` itself is the host's to say.
    ...launch.docker.slice(1).map((word) => `argument ${base64(word)}`.trimEnd()),
  ]);
}

/** What `ready` reads on the head. @throws Faults where a value would break out of its line */
export function renderReadyDocument(plan: DeploymentPlan, owner: Owner): string {
  const { name, launch, readySeconds } = plan;
  const head = launch.ranks[0];
  const { address, port } = launch.endpoint;
  return documentText(head?.host ?? "", `the endpoint of ${name}`, owner, (check) => [
    `deployment ${check("word", "deployment", name)}`,
    `container ${check("word", "container", head?.container ?? "")}`,
    ...peerLines(plan, check),
    `endpoint ${check("word", "endpoint", address)} ${check("count", "port", port)}`,
    `limit ${check("count", "readySeconds", readySeconds)}`,
  ]);
}

function peerLines({ peers }: DeploymentPlan, check: ValueCheck): readonly string[] {
  return peers.map(
    ({ rank, host, address }) => `peer ${rank} ${check("word", "peer", host)} ${check("word", "peer", address)}`,
  );
}
