import { deploymentsFolder } from "../../facts/docker";
import { digestOfValue } from "../digest";
import type { ExecutorConfig, Mod } from "../recipe/recipe";
import type { RankHost } from "./ranks";
import { MOUNT, START_SCRIPT } from "./startScript";

/** One rank's container, before it is words for docker. */
interface Container {
  /** Of the deployment. */
  readonly deployment: string;
  readonly rank: number;
  readonly host: RankHost;
  readonly image: string;
  readonly env: Readonly<Record<string, string>>;
  readonly argv: readonly string[];
  readonly before: readonly string[];
  /** Variables that Ray must not carry from this rank to others. */
  readonly own: readonly string[];
  readonly mods: readonly Mod[];
  /** Absolute paths of models outside of the caches, which have the same in the container. */
  readonly folders: readonly string[];
  /** Whether it has peers to reach over RDMA. */
  readonly rdma: boolean;
  readonly executor: ExecutorConfig;
  /** What matters and isn't said in words for docker: ids of mods, revisions of models. */
  readonly identity: unknown;
}

/** Where a container has the cache of Hugging Face's models. Recipes for sparkrun name files in the second. */
export const HUB_MOUNTS = ["/root/.cache/huggingface", "/cache/huggingface"] as const;

/** Caches in the user's home, which other tools share, and where a container looks for them. */
const CACHES = [
  ...HUB_MOUNTS.map((mount) => [".cache/huggingface", mount] as const),
  [".cache/vllm", "/root/.cache/vllm"],
  [".cache/flashinfer", "/root/.cache/flashinfer"],
  [".triton", "/root/.triton"],
] as const;

/** How long a rank may take to end, in seconds: a stuck one took 14. */
const STOP_SECONDS = "30";

/** The name under which every host knows an image: a digest is lost where one is copied, and so becomes a tag. */
export function localName(image: string): string {
  const [name = "", digest] = image.split("@");
  return digest === undefined ? image : `${name.replace(/:[^:/]*$/, "")}:${digest.replace(":", "-")}`;
}

export function containerName({ deployment, rank }: Pick<Container, "deployment" | "rank">): string {
  return `spark-mesh-${deployment}-${rank}`;
}

interface DockerRun {
  /** The whole argument list, `docker run` first. */
  readonly docker: readonly string[];
  /** The container's own process: what docker shows as its path and arguments. */
  readonly process: readonly string[];
  /** sha256 of everything that matters, in hex; the container's label spark-mesh.digest. */
  readonly digest: string;
}

/**
 * The server as the container's own process, which docker starts again when it or the host has died; no more rights
 * than RDMA needs, unless the recipe asks for all.
 */
export function dockerRun(container: Container): DockerRun {
  const { deployment, rank, image, executor, identity } = container;
  const options = [
    ...pairs("--restart", [String(executor.restart_policy ?? "unless-stopped")]),
    ...pairs("--stop-timeout", [STOP_SECONDS]),
    ...pairs("--gpus", [String(executor.gpus ?? "all")]),
    ...namespaces(executor),
    ...rights(container),
    ...pairs("--memory", texts(executor.memory_limit)),
    ...volumes(container),
    ...pairs("--label", texts(executor.labels)),
    ...Object.entries(container.env).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
    // An image's own entrypoint would take the server for its arguments.
    ...pairs("--entrypoint", [String(executor.entrypoint ?? "")]),
  ];
  const process = [...starting(container), ...container.argv];
  const digest = digestOfValue({ options, image, process, identity });
  const labels = [`spark-mesh.deployment=${deployment}`, `spark-mesh.rank=${rank}`, `spark-mesh.digest=${digest}`];
  return {
    docker: [
      ...["docker", "run", "--detach", "--name", containerName(container)],
      ...options,
      // After the recipe's own: the last one of a name counts.
      ...pairs("--label", labels),
      localName(image),
      ...process,
    ],
    process: [...texts(executor.entrypoint).filter((path) => path !== ""), ...process],
    digest,
  };
}

/** The cache folders in a user's home, which have to be the user's before docker makes them root's. */
export function cacheFolders(home: string): readonly string[] {
  return unique(CACHES.map(([from]) => `${home}/${from}`));
}

function namespaces({ ipc, shm_size }: ExecutorConfig): readonly string[] {
  const isHost = (ipc ?? "host") === "host";
  return [
    ...pairs("--ipc", [String(ipc ?? "host")]),
    ...(isHost ? [] : pairs("--shm-size", texts(shm_size))),
    ...pairs("--network", ["host"]),
  ];
}

function rights({ executor, rdma }: Container): readonly string[] {
  const { privileged, cap_add, devices, security_opt, ulimit } = executor;
  const own = texts(ulimit);
  const limits = ["memlock=-1", "stack=67108864"].filter(
    (limit) => !own.some((other) => other.split("=")[0] === limit.split("=")[0]),
  );
  const all = privileged === true;
  return [
    ...(all ? ["--privileged"] : []),
    ...pairs("--device", all ? [] : unique([...(rdma ? ["/dev/infiniband"] : []), ...texts(devices).map(sameInside)])),
    ...pairs("--cap-add", all ? [] : unique([...(rdma ? ["IPC_LOCK"] : []), ...texts(cap_add)])),
    ...pairs("--security-opt", texts(security_opt)),
    ...pairs("--ulimit", [...limits, ...own]),
  ];
}

/** A device that keeps its name in the container: `/dev/x:/dev/x` is `/dev/x`. */
function sameInside(device: string): string {
  const [outside = "", inside, ...rest] = device.split(":");
  return inside === outside && rest.length === 0 ? outside : device;
}

function volumes({ deployment, host, folders, executor, mods, before }: Container): readonly string[] {
  const caches = CACHES.map(([from, to]) => `${host.home}/${from}:${to}`);
  const started = mods.length > 0 || before.length > 0 ? [`${deploymentsFolder}/${deployment}:${MOUNT}:ro`] : [];
  return pairs("--volume", [
    ...caches,
    ...folders.map((folder) => `${folder}:${folder}:ro`),
    ...started,
    ...(executor.volumes ?? []).map(String),
  ]);
}

/** Words before the server: start.sh applies mods, runs what comes before, and becomes the server. */
function starting({ mods, own, before }: Container): readonly string[] {
  if (mods.length === 0 && before.length === 0) return [];
  return [
    "bash",
    START_SCRIPT,
    ...mods.flatMap(({ name }) => ["--mod", name]),
    ...own.flatMap((name) => ["--own", name]),
    "--",
    ...(before.length > 0 ? [...before, "--"] : []),
  ];
}

function pairs(option: string, values: readonly string[]): readonly string[] {
  return values.flatMap((value) => [option, value]);
}

function texts(value: string | number | readonly (string | number)[] | null | undefined): readonly string[] {
  if (value === null || value === undefined) return [];
  return (typeof value === "object" ? value : [value]).map(String);
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
