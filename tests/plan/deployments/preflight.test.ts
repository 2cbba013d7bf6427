import { expect, it } from "vitest";
import { declared } from "../hosts";
import {
  type Case,
  changeContainer,
  changeDocker,
  deployed,
  type emptyDocker,
  faultsOf,
  fresh,
  planOf,
  plansOf,
  recipeOf,
  unreachable,
} from "./deployed";

const GIB = 2 ** 30;
const FOUR = "1/0-2/1 2/0-3/1 3/0-4/1 4/0-1/1";
const ring = fresh(recipeOf(3));
const running = deployed(ring);
const MODEL = "Qwen/Qwen3-8B";

const docker = (change: Partial<ReturnType<typeof emptyDocker>>, host = "spark-2", given = ring) =>
  changeDocker(given, host, (before) => ({ ...before, ...change }));
const configured = (given: Case, change: Partial<Case["cluster"]>): Case => ({
  ...given,
  cluster: { ...given.cluster, ...change },
});
const without = (given: Case, host: string, what: "images" | "models", change = {}) =>
  changeDocker(given, host, (before) => ({ ...before, [what]: [], ...change }));
const foreign = { "spark-mesh.stack": "organization/spark-mesh/work" };

const FAULTS: readonly (readonly [string, () => Case, readonly string[]])[] = [
  [
    "no Docker",
    () => docker({ docker: "missing", nvidia: false }),
    ["spark-2: Docker: found none; wanted a Docker Engine; install docker.io and nvidia-container-toolkit"],
  ],
  [
    "a Docker that is down",
    () => docker({ docker: "down", nvidia: false }),
    ["spark-2: Docker: found a daemon that doesn't run; wanted one that does; sudo systemctl start docker"],
  ],
  [
    "a login user that Docker refuses",
    () => docker({ docker: "denied" }),
    [
      "spark-2: Docker: found the login user nvidia refused; wanted a member of the group docker; set dockerGroup: true under spark-mesh:system",
    ],
  ],
  [
    "no NVIDIA runtime",
    () => docker({ nvidia: false }),
    [
      "spark-2: Docker: found no NVIDIA runtime; wanted one for the GPU; install nvidia-container-toolkit, run sudo nvidia-ctk runtime configure --runtime=docker, and restart Docker",
    ],
  ],
  [
    "links that lead out of the cache",
    () => {
      const linked = (leaves: string, host: string, given: Case) =>
        docker({ models: [{ id: MODEL, files: 0, bytes: 0, leaves }] }, host, given);
      return linked("hub/models--Qwen--Qwen3-8B", "spark-1", linked("hub/x/snapshots/a/", "spark-2", ring));
    },
    [
      "found ~/.cache/huggingface/hub/models--Qwen--Qwen3-8B, a link",
      "found a link in ~/.cache/huggingface/hub/x/snapshots/a/",
    ].map(
      (found, index) =>
        `spark-${index + 1}: model ${MODEL}: ${found} that leads out of ~/.cache/huggingface, wanted none: a container has nothing else; put there what it leads to, or make a link of ~/.cache/huggingface itself`,
    ),
  ],
  [
    "ports that somebody has on the head",
    () => docker({ listening: [8000, 29501] }, "spark-1"),
    [
      "spark-1: port 8000: found in use, wanted free for qwen; end what listens there (sudo ss -ltnp sport = :8000), or override port",
      "spark-1: port 29501: found in use, wanted free for qwen; end what listens there (sudo ss -ltnp sport = :29501), or override master_port",
    ],
  ],
  [
    "a port that somebody took while ours was down",
    () => docker({ listening: [8000] }, "spark-1", changeContainer(running, "spark-1", { status: "exited" })),
    [
      "spark-1: port 8000: found in use, wanted free for qwen; end what listens there (sudo ss -ltnp sport = :8000), or override port",
    ],
  ],
  [
    "a new port that isn't our container's",
    () =>
      configured(docker({ listening: [8000, 8001, 29501] }, "spark-1", running), {
        deployments: running.cluster.deployments.map((one) => ({ ...one, overrides: { port: 8001 } })),
      }),
    [
      "spark-1: port 8001: found in use, wanted free for qwen; end what listens there (sudo ss -ltnp sport = :8001), or override port",
    ],
  ],
  [
    "no room for a model whose size another host knows",
    () => without(running, "spark-3", "models", { homeFree: 150 * GIB }),
    [`spark-3: disk: found 150 GiB free in /home/nvidia, wanted 200 GiB for ${MODEL}; make room there`],
  ],
  [
    "no room for an image",
    () => without(running, "spark-3", "images", { rootFree: 5 * GIB }),
    ["spark-3: disk: found 5 GiB free in Docker's folder, wanted 20 GiB for ghcr.io/acme/vllm:1; make room there"],
  ],
  [
    "another stack's deployment of that name",
    () =>
      changeDocker(running, "spark-2", (before) => ({
        ...before,
        records: before.records.map((record) => ({ ...record, stack: "organization/spark-mesh/wo\u001b[1mrk" })),
      })),
    [
      "spark-2: deployment qwen: found that of the stack organization/spark-mesh/wo?[1mrk, wanted none; destroy it there, or give this one another name",
    ],
  ],
  [
    "another stack's container, without a record",
    () =>
      changeDocker(running, "spark-2", (before) => ({
        ...before,
        records: [],
        containers: before.containers.map((one) => ({ ...one, labels: { ...one.labels, ...foreign } })),
      })),
    [
      "spark-2: deployment qwen: found that of the stack organization/spark-mesh/work, wanted none; destroy it there, or give this one another name",
    ],
  ],
  [
    "an image that would have to be built",
    () => fresh(recipeOf(1, "build_args: [--tf5]\n").replace("ghcr.io/acme/vllm:1", "vllm-node")),
    [
      "spark-1: image vllm-node: found on none of qwen's hosts, and no registry has it; have it built with the deployment's build: https://github.com/eugr/spark-vllm-docker#COMMIT, or load it there: docker load",
    ],
  ],
  [
    "a folder with a model that isn't on the head",
    () => fresh(recipeOf(1).replace(MODEL, "/models/qwen")),
    ["spark-1: model /models/qwen: found no file there, wanted the model of qwen; put the folder there"],
  ],
  [
    "copies between hosts that don't trust each other",
    () => configured(ring, { trust: false }),
    [
      "spark-1: image ghcr.io/acme/vllm:1: has to be copied between qwen's hosts, and spark-mesh:trust is false; set it to true, or put it on every host",
      `spark-1: model ${MODEL}: has to be copied between qwen's hosts, and spark-mesh:trust is false; set it to true, or put it on every host`,
    ],
  ],
  [
    "two deployments that want the same",
    () => fresh(recipeOf(1), [{ name: "a" }, { name: "b" }]),
    [
      "spark-1: its one GPU is wanted by a 0.9, b 0.9 (gpu_memory_utilization), together more than 1; lower them, or choose other hosts",
      "spark-1: port 8000 is wanted by a and b; override port of one of them",
    ],
  ],
  [
    "weights that a host has no memory for",
    () => docker({ memory: 60 * GIB }, "spark-1", fresh(`metadata: { model_vram: 100 }\n${recipeOf(1)}`)),
    ["spark-1: a rank of qwen has 100 GiB of weights, but 0.9 of its memory is 54 GiB; more ranks, or a smaller model"],
  ],
  [
    "hosts that no cable joins, and a recipe that is wrong, at once",
    () =>
      fresh(
        { two: recipeOf(2), bad: recipeOf(3).replace("{port}", "{prot}") },
        [
          { name: "a", recipe: "two", hosts: ["spark-1", "spark-3"] },
          { name: "b", recipe: "bad" },
        ],
        { count: 4, wiring: FOUR, config: { cables: declared(FOUR) } },
      ),
    [
      "a: spark-1: no cable and no switch joins it to spark-3; choose hosts that reach one another, or all of a ring",
      "b: bad.yaml:5:29: command: no value for {prot} (did you mean {port}?); give it one under defaults or as an override",
    ],
  ],
  [
    "an override that the recipe doesn't know",
    () => fresh(recipeOf(1), [{ overrides: { prot: 1 } }]),
    ["qwen: spark-mesh:deployments[0].overrides.prot: the command has no {prot} and no --prot (did you mean port?)"],
  ],
  [
    "fewer hosts than the recipe needs",
    () => fresh(recipeOf(3), [{}], { config: { abandon: ["spark-3"] } }),
    [
      "qwen: test.yaml:5:3: tensor parallel 1 x pipeline parallel 3 makes 3 ranks, one on each host, but there are 2 hosts",
    ],
  ],
];

it.each(FAULTS)("refuses %s", (_title, given, said) => {
  expect(faultsOf(given())).toEqual(said);
});

it("says of a host what is wrong with its Docker once, whatever is to run on it", () => {
  const two = fresh({ a: recipeOf(3), b: recipeOf(1) }, [
    { name: "a", recipe: "a", overrides: { gpu_memory_utilization: 0.4 } },
    { name: "b", recipe: "b", hosts: ["spark-2"], overrides: { gpu_memory_utilization: 0.4 } },
  ]);
  expect(faultsOf(docker({ docker: "down" }, "spark-2", two))).toHaveLength(1);
});

it("needs no trust between hosts that have all of it, nor on one host alone", () => {
  expect(planOf(configured(running, { trust: false })).state).toBe("settled");
  expect(planOf(configured(fresh(recipeOf(1)), { trust: false })).state).toBe("due");
});

it("lets an image that was built be on any host", () => {
  const text = recipeOf(3, "build_args: [--tf5]\n").replace("ghcr.io/acme/vllm:1", "vllm-node");
  const built = changeDocker(fresh(text), "spark-2", (before) => ({
    ...before,
    images: [{ id: "sha256:1", names: ["vllm-node:latest"], size: 1 }],
  }));
  expect(planOf(built).image.state).toBe("due");
});

it("judges no host that can't be asked", () => {
  expect(planOf(unreachable(docker({ docker: "down" }), "spark-2")).state).toBe("unknown");
});

it("says where a limit of memory is more than a host has", () => {
  const limited = (limit: string, memory?: number) => {
    const given = fresh(recipeOf(1), [{ overrides: { memory_limit: limit } }]);
    return plansOf(changeDocker(given, "spark-1", (before) => ({ ...before, memory }))).warnings;
  };
  expect(limited("128g", 119.75 * GIB)).toEqual([
    "spark-1: memory_limit of qwen: found 128g, wanted less than the host's own 119.7 GiB: no rank reaches it; lower it",
  ]);
  expect(limited("120gb", 120 * GIB)).toHaveLength(1);
  expect(limited("119g", 119.75 * GIB)).toEqual([]);
  expect(limited("128g", undefined)).toEqual([]);
});

it("warns, with the deployment's name, of what a recipe says and what rarely goes well", () => {
  const given = fresh(`post_exec: [x]\n${recipeOf(1)}`, [{ overrides: { gpu_memory_utilization: 0.9 } }]);
  expect(plansOf(given).warnings).toEqual([
    "qwen: test.yaml:1:1: post_exec: not acted on: the deployment's own health check is what is asked",
    "qwen: spark-mesh:deployments[0].overrides.gpu_memory_utilization: --gpu-memory-utilization 0.9: above 0.82 it often fails on a warm node",
  ]);
});
