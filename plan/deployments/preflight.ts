import type { ClusterConfig } from "../../config/cluster";
import type { DockerFacts } from "../../facts/docker";
import { FLAGS } from "../launch/flags";
import { type LaunchPlan, PORT } from "../launch/launch";
import { GIB, inGib } from "../launch/memory";
import { bytesOf } from "../recipe/size";
import { completeModel, lackingBytes, modelOf, wantedImage } from "./fetches";
import { imageOf, type Member } from "./members";
import type { DeploymentPlan } from "./plan";
import { foreignStack } from "./ranks";

const PORT_FLAGS: readonly string[] = [FLAGS.port, FLAGS.masterPort, FLAGS.dataParallelRpcPort].flatMap(
  ({ names }) => names,
);

type Fetches = Pick<DeploymentPlan, "image" | "models">;

/** What forbids a deployment on its hosts as they are, host first. A host that can't be asked is left out. */
export function deploymentFaults(
  cluster: ClusterConfig,
  stack: string,
  launch: LaunchPlan,
  members: readonly Member[],
  fetches: Fetches,
): readonly string[] {
  const docker = members.flatMap(dockerFaults);
  if (docker.length > 0) return docker;
  return [
    ...members.flatMap((member) => foreignFaults(launch.name, member, stack)),
    ...portFaults(launch, members[0]),
    ...members.flatMap((member) => diskFaults(launch, member, members, fetches)),
    ...members.flatMap((member) => linkFaults(launch, member)),
    ...sourceFaults(launch, members, fetches),
    ...(cluster.trust ? [] : trustFaults(launch.name, members, fetches)),
  ];
}

function dockerFaults({ host, docker, user, pending }: Member): readonly string[] {
  if (!docker || pending) return [];
  const line = {
    ok: undefined,
    missing: "found none; wanted a Docker Engine; install docker.io and nvidia-container-toolkit",
    down: "found a daemon that doesn't run; wanted one that does; sudo systemctl start docker",
    denied: `found the login user ${user} refused; wanted a member of the group docker; set dockerGroup: true under spark-mesh:system`,
  }[docker.docker];
  if (line !== undefined) return [`${host}: Docker: ${line}`];
  return docker.nvidia
    ? []
    : [
        `${host}: Docker: found no NVIDIA runtime; wanted one for the GPU; install nvidia-container-toolkit, run sudo nvidia-ctk runtime configure --runtime=docker, and restart Docker`,
      ];
}

function foreignFaults(name: string, { host, record, containers }: Member, stack: string): readonly string[] {
  const other = foreignStack(record, containers, stack);
  if (other === undefined) return [];
  return [
    `${host}: deployment ${name}: found that of the stack ${other}, wanted none; destroy it there, or give this one another name`,
  ];
}

/** Only the head listens. A port that a running container of ours is told of is its own. */
function portFaults({ name, endpoint, ports }: LaunchPlan, head: Member | undefined): readonly string[] {
  const { docker } = head ?? {};
  if (!head || docker?.docker !== "ok") return [];
  const own = ownPorts(docker);
  const wanted = [{ port: endpoint.port, key: "port" }, ...ports.map((port) => ({ port, key: "master_port" }))];
  return wanted
    .filter(({ port }) => docker.listening.includes(port) && !own.has(port))
    .map(
      ({ port, key }) =>
        `${head.host}: port ${port}: found in use, wanted free for ${name}; end what listens there (sudo ss -ltnp sport = :${port}), or override ${key}`,
    );
}

/** Those that running servers and Ray are told of; a server without a word has vLLM's own. */
function ownPorts({ containers }: DockerFacts): ReadonlySet<number> {
  const running = containers.filter(({ status }) => ["running", "restarting", "paused"].includes(status));
  return new Set(
    running.flatMap(({ process }) => [
      PORT,
      ...process.flatMap((word, index) => {
        const [flag = "", value] = word.split("=");
        return PORT_FLAGS.includes(flag) ? [Number(value ?? process[index + 1])] : [];
      }),
    ]),
  );
}

/**
 * Room for all models that a host lacks and another one has. What is to be built is as large as what was built of it
 * before, if that is known.
 */
function diskFaults(
  { models }: LaunchPlan,
  member: Member,
  members: readonly Member[],
  { image: { reference, build } }: Fetches,
): readonly string[] {
  const { docker, host } = member;
  if (docker?.docker !== "ok") return [];
  const lacking = models.flatMap((model) => {
    const bytes = model.id.startsWith("/") ? undefined : lackingBytes(member, members, model);
    return bytes === undefined || bytes === 0 ? [] : [{ id: model.id, bytes }];
  });
  const wanted = lacking.reduce((sum, { bytes }) => sum + bytes, 0);
  const image = wantedImage(docker, reference, build)
    ? undefined
    : members.flatMap(({ docker: other }) => (other ? (imageOf(other, reference)?.size ?? []) : []))[0];
  return [
    ...tooFull(host, docker.home, docker.homeFree, wanted, lacking.map(({ id }) => id).join(", ")),
    ...tooFull(host, "Docker's folder", docker.rootFree, image, reference),
  ];
}

/** Links that end outside of what a container has of its host: the server finds nothing there. */
function linkFaults({ models }: LaunchPlan, { host, docker }: Member): readonly string[] {
  if (!docker) return [];
  return models.flatMap((model) => {
    const leaves = modelOf(docker, model)?.leaves;
    if (leaves === undefined) return [];
    const what = leaves.endsWith("/")
      ? `a link in ~/.cache/huggingface/${leaves}`
      : `~/.cache/huggingface/${leaves}, a link`;
    return [
      `${host}: ${model.use} ${model.id}: found ${what} that leads out of ~/.cache/huggingface, wanted none: a container has nothing else; put there what it leads to, or make a link of ~/.cache/huggingface itself`,
    ];
  });
}

function tooFull(
  host: string,
  place: string,
  free: number | undefined,
  wanted: number | undefined,
  what: string,
): readonly string[] {
  if (free === undefined || wanted === undefined || wanted <= free) return [];
  return [`${host}: disk: found ${inGib(free)} free in ${place}, wanted ${inGib(wanted)} for ${what}; make room there`];
}

/** A limit that no rank reaches before its host has run out of memory. */
export function limitWarnings({ name, memoryLimit }: LaunchPlan, members: readonly Member[]): readonly string[] {
  if (memoryLimit === undefined) return [];
  return members.flatMap(({ host, docker }) => {
    const memory = docker?.memory;
    if (memory === undefined || bytesOf(memoryLimit) < memory) return [];
    const own = `${Math.floor((memory / GIB) * 10) / 10} GiB`;
    return [
      `${host}: memory_limit of ${name}: found ${memoryLimit}, wanted less than the host's own ${own}: no rank reaches it; lower it`,
    ];
  });
}

/** What is on no host, and nobody can fetch. */
function sourceFaults(
  { name, buildArgs, models }: LaunchPlan,
  members: readonly Member[],
  { image: { reference, build } }: Fetches,
): readonly string[] {
  const [head] = members;
  if (!head || members.some(({ docker }) => docker?.docker !== "ok")) return [];
  const isHere = members.some(({ docker }) => docker && imageOf(docker, reference));
  const folders = models.filter(({ id }) => id.startsWith("/"));
  return [
    ...(isHere || build || buildArgs.length === 0 || isFromRegistry(reference)
      ? []
      : [
          `${head.host}: image ${reference}: found on none of ${name}'s hosts, and no registry has it; have it built with the deployment's build: https://github.com/eugr/spark-vllm-docker#COMMIT, or load it there: docker load`,
        ]),
    ...folders
      .filter((model) => head.docker && !completeModel(head.docker, model))
      .map(
        ({ id, use }) =>
          `${head.host}: ${use} ${id}: found no file there, wanted the ${use} of ${name}; put the folder there`,
      ),
  ];
}

/** Docker takes a name's first part for a registry where it looks like a host. */
function isFromRegistry(image: string): boolean {
  const [first = "", ...rest] = image.split("/");
  return rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
}

/** Copies go over `ssh NAME` from host to host. */
function trustFaults(name: string, members: readonly Member[], { image, models }: Fetches): readonly string[] {
  const [head] = members;
  if (!head || members.length === 1 || members.some(({ docker }) => docker?.docker !== "ok")) return [];
  return [
    ...(image.state === "due" ? [`image ${image.reference}`] : []),
    ...models.filter(({ state }) => state === "due").map(({ use, id }) => `${use} ${id}`),
  ].map(
    (what) =>
      `${head.host}: ${what}: has to be copied between ${name}'s hosts, and spark-mesh:trust is false; set it to true, or put it on every host`,
  );
}
