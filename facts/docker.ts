import { z } from "zod";
import { type ImageBuild, readImageBuild } from "./imageBuild";
import { ownFile, rawOwnFile } from "./ownFile";
import { parsed, version } from "./rawFacts";
import { recordHead } from "./record";

/** What a host's Docker has of the deployments, as scripts/facts-docker.sh tells it. */

/** Where a host keeps what deploy leaves there of each of its ranks, in a folder by the deployment's name (root, 0755). */
export const deploymentsFolder = "/var/lib/spark-mesh-deployments";

/** What a host is asked about. */
export interface DockerQuestion {
  readonly images: readonly string[];
  /** Hugging Face ids, or absolute paths of folders. */
  readonly models: readonly { readonly id: string; readonly revision?: string }[];
  readonly ports: readonly number[];
  /** Where the heads of deployments listen on this host. */
  readonly endpoints: readonly { readonly deployment: string; readonly address: string; readonly port: number }[];
}

/** A container of some deployment. */
export interface ContainerFacts {
  readonly name: string;
  readonly id: string;
  /** Id of its image: `sha256:...`. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Path and arguments of its own process. */
  readonly process: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** running | restarting | exited | created | paused | dead */
  readonly status: string;
  /** As docker writes it. */
  readonly startedAt: string;
  /** Seconds since its last start; 0 where its clock says nothing. */
  readonly age: number;
  /** How often docker started it again by itself. */
  readonly restarts: number;
}

/** An image that was asked about, and is there. */
export interface ImageFacts {
  /** `sha256:...` */
  readonly id: string;
  /** Names with tag, and with digest. */
  readonly names: readonly string[];
  /** Bytes. */
  readonly size: number;
  /** Undefined for one that wasn't built by us. */
  readonly build?: ImageBuild;
}

/** What of a model lies on a host. */
export interface ModelFacts {
  readonly id: string;
  readonly files: number;
  readonly bytes: number;
  /** Path below ~/.cache/huggingface of a link that leads out of it; with a slash at its end, one among the files there. */
  readonly leaves?: string;
  /** What whoever fetched it last left beside it; undefined for a folder, and where it isn't all there. */
  readonly recorded?: { readonly commit: string; readonly files: number; readonly bytes: number };
}

/** `answered` a completion; `refused`: nobody listens; `silent`: no answer in time; `error`: another answer. */
interface EndpointFacts {
  readonly deployment: string;
  readonly state: "answered" | "refused" | "silent" | "error";
  /** Of an error. */
  readonly detail: string;
}

/**
 * What deploy leaves on a host for each of its ranks: NAME/record.json (root, 0640, of the group that may ask Docker: its
 * payload has the container's whole environment).
 */
const deploymentRecord = recordHead.extend({ deployment: z.string(), rank: z.number(), container: z.string() });

export type DeploymentRecord = z.infer<typeof deploymentRecord>;

/** Docker on one host, as far as it was asked. */
export interface DockerFacts {
  /** `denied`: the login user may not ask it. */
  readonly docker: "ok" | "missing" | "denied" | "down";
  /** Whether containers get at the GPU. */
  readonly nvidia: boolean;
  /** Bytes that are free where images lie; undefined, like the next two, where nobody could say. */
  readonly rootFree: number | undefined;
  /** Home folder of the login user. */
  readonly home: string;
  /** Bytes that are free in it. */
  readonly homeFree: number | undefined;
  /** Bytes of the host's memory. */
  readonly memory: number | undefined;
  readonly containers: readonly ContainerFacts[];
  readonly images: readonly ImageFacts[];
  readonly models: readonly (ModelFacts & { readonly revision?: string })[];
  /** Of those that were asked about, where somebody listens. */
  readonly listening: readonly number[];
  readonly endpoints: readonly EndpointFacts[];
  readonly records: readonly DeploymentRecord[];
  /** Folders of the login user's caches, `~/.cache/huggingface`, that are there and that he can't write to. */
  readonly unwritable: readonly string[];
  /** Of the unit by which ranks meet again. */
  readonly watch: "active" | "inactive" | "missing";
}

const bytes = z.number().nullish();
const names = z.array(z.string()).nullish();
const labels = z.record(z.string(), z.string()).nullish();

const rawContainer = z.object({
  Id: z.string(),
  Name: z.string(),
  Image: z.string(),
  Path: z.string(),
  Args: names,
  RestartCount: z.number().nullish(),
  State: z.object({ Status: z.string(), StartedAt: z.string() }),
  Config: z.object({ Env: names, Labels: labels }),
});

const rawImage = z.object({
  Id: z.string(),
  RepoTags: names,
  RepoDigests: names,
  Size: bytes,
  Config: z.object({ Labels: labels }).nullish(),
});

const rawModel = z.object({
  id: z.string(),
  /** What was asked for, or `-`. */
  revision: z.string().nullish(),
  record: z.string().nullish(),
  /** "" for none. */
  leaves: z.string().nullish(),
  files: z.number(),
  bytes: z.number(),
});

const rawDocker = z.object({
  ...version,
  docker: z.enum(["ok", "missing", "denied", "down"]),
  nvidia: z.boolean().nullish(),
  rootFree: bytes,
  home: z.string(),
  homeFree: bytes,
  unwritable: z.array(z.string()).default([]),
  memory: bytes,
  /** Seconds since the epoch by the host's clock. */
  now: z.number().nullish(),
  containers: z.array(rawContainer),
  images: z.array(rawImage),
  models: z.array(rawModel),
  ports: z.array(z.object({ port: z.number(), listening: z.boolean() })),
  endpoints: z.array(
    z.object({
      deployment: z.string(),
      state: z.enum(["answered", "refused", "silent", "error"]),
      detail: z.string().nullish(),
    }),
  ),
  records: z.array(z.object({ deployment: z.string(), record: rawOwnFile })),
  watch: z.enum(["active", "inactive", "missing"]),
});

const modelRecord = z.object({ version: z.literal(1), commit: z.string(), files: z.number(), bytes: z.number() });

/**
 * Facts from the line of JSON that `docker_pass` prints.
 *
 * @param now seconds since the epoch, for a host that doesn't tell its own clock's.
 * @throws Faults that name the host: no JSON, another version, a damaged record
 */
export function readDockerFacts(host: string, line: string, now: number): DockerFacts {
  const raw = parsed(host, rawDocker, line);
  return {
    docker: raw.docker,
    nvidia: raw.nvidia ?? false,
    home: raw.home,
    unwritable: raw.unwritable,
    rootFree: raw.rootFree ?? undefined,
    homeFree: raw.homeFree ?? undefined,
    memory: raw.memory ?? undefined,
    containers: raw.containers.map((container) => containerFacts(container, raw.now ?? now)),
    images: raw.images.map(imageFacts),
    models: raw.models.map(modelFacts),
    listening: raw.ports.filter(({ listening }) => listening).map(({ port }) => port),
    endpoints: raw.endpoints.map(({ deployment, state, detail }) => ({ deployment, state, detail: detail ?? "" })),
    records: raw.records.flatMap(({ deployment, record }) => {
      const path = `${deploymentsFolder}/${deployment.replace(/[^a-z0-9-]/g, "_")}/record.json`;
      // Whoever may not ask Docker may not read it either.
      if (record === false && raw.docker === "denied") return [];
      return ownFile(host, path, deploymentRecord, record) ?? [];
    }),
    watch: raw.watch,
  };
}

function imageFacts({ Id, RepoTags, RepoDigests, Size, Config }: z.infer<typeof rawImage>): ImageFacts {
  const build = readImageBuild(Config?.Labels);
  return { id: Id, names: [...(RepoTags ?? []), ...(RepoDigests ?? [])], size: Size ?? 0, ...(build && { build }) };
}

function containerFacts(raw: z.infer<typeof rawContainer>, now: number): ContainerFacts {
  const started = Date.parse(raw.State.StartedAt) / 1000;
  return {
    name: raw.Name.replace(/^\//, ""),
    id: raw.Id,
    image: raw.Image,
    labels: raw.Config.Labels ?? {},
    process: [raw.Path, ...(raw.Args ?? [])],
    env: Object.fromEntries(
      (raw.Config.Env ?? []).map((line) => [line.replace(/=.*$/s, ""), line.replace(/^[^=]*=?/s, "")]),
    ),
    status: raw.State.Status,
    startedAt: raw.State.StartedAt,
    age: Number.isFinite(started) ? Math.max(0, Math.round(now - started)) : 0,
    restarts: raw.RestartCount ?? 0,
  };
}

/** A record that can't be read is none: whoever fetches the model next writes it anew. */
function modelFacts({
  id,
  revision,
  record,
  leaves,
  files,
  bytes,
}: z.infer<typeof rawModel>): DockerFacts["models"][number] {
  let json: unknown;
  try {
    json = JSON.parse(record ?? "");
  } catch {
    json = undefined;
  }
  const recorded = modelRecord.safeParse(json).data;
  return {
    id,
    ...(revision && revision !== "-" && { revision }),
    ...(leaves && { leaves }),
    files,
    bytes,
    ...(recorded && { recorded: { commit: recorded.commit, files: recorded.files, bytes: recorded.bytes } }),
  };
}

/**
 * The question as `docker_begin` reads it, a line for each thing.
 *
 * @throws Error where a word would break out of its line: whoever asks has judged them.
 */
export function renderDockerQuestion({ images, models, ports, endpoints }: DockerQuestion): string {
  const lines = [
    "docker_begin",
    ...images.map((image) => `image ${word(image)}`),
    ...models.map(({ id, revision }) => `model ${word(revision ?? "-")} ${word(id)}`),
    ...ports.map((port) => `port ${port}`),
    ...endpoints.map(({ deployment, address, port }) => `endpoint ${word(deployment)} ${word(address)} ${port}`),
    "end",
  ];
  return `${lines.join("\n")}\n`;
}

function word(text: string): string {
  if (!/^[^\s\p{Cc}]+$/u.test(text)) throw new Error(`found ${JSON.stringify(text)} in a question about Docker`);
  return text;
}
