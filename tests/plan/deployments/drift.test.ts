import { expect, it } from "vitest";
import { change, factsIn } from "../hosts";
import {
  type Case,
  changeContainer,
  changeDocker,
  deployed,
  fresh,
  IMAGE_ID,
  planOf,
  plansOf,
  recipeOf,
  unreachable,
} from "./deployed";

const ring = fresh(recipeOf(3));
const running = deployed(ring);
const OTHER = `sha256:${"b".repeat(64)}`;
const REFERENCE = "ghcr.io/acme/vllm:1";
const MODEL = "Qwen/Qwen3-8B";

/** What differs, one line each, image and model first. */
function lines(given: Case): readonly string[] {
  const { image, models, differences } = planOf(given);
  return [...image.differences, ...models.flatMap((model) => model.differences), ...differences].map(
    ({ host, object, property, found, wanted }) => `${host}: ${object}: ${property}: found ${found}, wanted ${wanted}`,
  );
}

function labelled(given: Case, host: string, label: string, value: string | undefined): Case {
  const [container] = factsIn(given.probes, host).docker?.containers ?? [];
  const { [label]: _, ...labels } = container?.labels ?? {};
  return changeContainer(given, host, { labels: value === undefined ? labels : { ...labels, [label]: value } });
}

function answering(given: Case, state: "refused" | "silent" | "error", detail = ""): Case {
  return changeDocker(given, "spark-1", (docker) => ({
    ...docker,
    endpoints: [{ deployment: "qwen", state, detail }],
  }));
}

const words = planOf(ring).ranks[1]?.launch.process ?? [];
const env = planOf(ring).ranks[1]?.launch.env ?? {};

const DRIFTS: readonly (readonly [string, Case, readonly string[]])[] = [
  [
    "a container that is gone",
    changeDocker(running, "spark-2", (docker) => ({ ...docker, containers: [] })),
    ["spark-2: spark-mesh-qwen-1: state: found missing, wanted running"],
  ],
  ...["exited", "restarting", "paused", "created", "dead"].map(
    (status) =>
      [
        `a container that is ${status}`,
        changeContainer(running, "spark-2", { status }),
        [`spark-2: spark-mesh-qwen-1: state: found ${status}, wanted running`],
      ] as const,
  ),
  [
    "another digest on the label",
    labelled(running, "spark-2", "spark-mesh.digest", "f".repeat(64)),
    [
      `spark-2: spark-mesh-qwen-1: label digest: found ffffffffffff, wanted ${planOf(ring).ranks[1]?.launch.digest.slice(0, 12)}`,
    ],
  ],
  [
    "no stack on the label",
    labelled(running, "spark-2", "spark-mesh.stack", undefined),
    ["spark-2: spark-mesh-qwen-1: label stack: found none, wanted the stack's name"],
  ],
  [
    "a container of another image than all hosts have under that name",
    changeContainer(running, "spark-2", { image: OTHER }),
    ["spark-2: spark-mesh-qwen-1: image: found sha256:bbbbbbbbbbbb, wanted sha256:aaaaaaaaaaaa"],
  ],
  [
    "another argument with the same label",
    changeContainer(running, "spark-2", { process: words.map((word) => (word === "8000" ? "8001" : word)) }),
    ["spark-2: spark-mesh-qwen-1: argument 5: found 8001, wanted 8000"],
  ],
  [
    "an argument too few",
    changeContainer(running, "spark-2", { process: words.slice(0, -1) }),
    [`spark-2: spark-mesh-qwen-1: argument ${words.length}: found nothing, wanted --headless`],
  ],
  [
    "another environment with the same label",
    changeContainer(running, "spark-2", { env: { ...env, NCCL_IB_MERGE_NICS: "1", OMP_NUM_THREADS: "4" } }),
    ["spark-2: spark-mesh-qwen-1: env NCCL_IB_MERGE_NICS: found another value, wanted as declared"],
  ],
  [
    "an orphan beside it",
    changeDocker(running, "spark-2", (docker) => ({
      ...docker,
      containers: docker.containers.flatMap((one) => [one, { ...one, name: "spark-mesh-qwen-7", status: "exited" }]),
    })),
    ["spark-2: spark-mesh-qwen-7: container: found exited, wanted none"],
  ],
  [
    "a record that is gone",
    changeDocker(running, "spark-2", (docker) => ({ ...docker, records: [] })),
    ["spark-2: spark-mesh-qwen-1: record: found missing, wanted present"],
  ],
  [
    "a watch that doesn't run",
    changeDocker(running, "spark-2", (docker) => ({ ...docker, watch: "inactive" })),
    ["spark-2: watch: state: found inactive, wanted active"],
  ],
  [
    "an image that is gone",
    changeDocker(running, "spark-2", (docker) => ({ ...docker, images: [] })),
    [`spark-2: ${REFERENCE}: image: found missing, wanted sha256:aaaaaaaaaaaa`],
  ],
  [
    "a tag that moved on the head",
    changeDocker(running, "spark-1", (docker) => ({
      ...docker,
      images: docker.images.map((image) => ({ ...image, id: OTHER })),
    })),
    [
      `spark-2: ${REFERENCE}: image: found sha256:aaaaaaaaaaaa, wanted sha256:bbbbbbbbbbbb`,
      `spark-3: ${REFERENCE}: image: found sha256:aaaaaaaaaaaa, wanted sha256:bbbbbbbbbbbb`,
      "spark-1: spark-mesh-qwen-0: image: found sha256:aaaaaaaaaaaa, wanted sha256:bbbbbbbbbbbb",
      "spark-2: spark-mesh-qwen-1: image: found sha256:aaaaaaaaaaaa, wanted sha256:bbbbbbbbbbbb",
      "spark-3: spark-mesh-qwen-2: image: found sha256:aaaaaaaaaaaa, wanted sha256:bbbbbbbbbbbb",
    ],
  ],
  [
    "a tag that moved on another host, whose container is as it was",
    changeDocker(running, "spark-2", (docker) => ({
      ...docker,
      images: docker.images.map((image) => ({ ...image, id: OTHER })),
    })),
    [`spark-2: ${REFERENCE}: image: found sha256:bbbbbbbbbbbb, wanted sha256:aaaaaaaaaaaa`],
  ],
  [
    "a model that lost a file",
    changeDocker(running, "spark-3", (docker) => ({
      ...docker,
      models: docker.models.map((model) => ({ ...model, files: 8, bytes: 7 })),
    })),
    [`spark-3: ${MODEL}: files: found 8 files with 7 bytes, wanted 9 files with 214748364800 bytes`],
  ],
  [
    "a model that is gone",
    changeDocker(running, "spark-3", (docker) => ({ ...docker, models: [] })),
    [`spark-3: ${MODEL}: files: found missing, wanted 9 files with 214748364800 bytes`],
  ],
  [
    "a model of another commit than the head's",
    changeDocker(running, "spark-3", (docker) => ({
      ...docker,
      models: docker.models.map((model) => ({
        ...model,
        recorded: { commit: "d".repeat(40), files: model.files, bytes: model.bytes },
      })),
    })),
    [`spark-3: ${MODEL}: commit: found ${"d".repeat(40)}, wanted ${"c".repeat(40)}`],
  ],
  [
    "an endpoint that is silent",
    answering(running, "silent"),
    ["spark-1: endpoint qwen: answer: found silent, wanted a completion"],
  ],
  [
    "an endpoint that answers with an error",
    answering(running, "error", "HTTP status 500"),
    ["spark-1: endpoint qwen: answer: found error: HTTP status 500, wanted a completion"],
  ],
  [
    "an endpoint that nobody listens at, long after its start",
    answering(running, "refused"),
    ["spark-1: endpoint qwen: answer: found refused, wanted a completion"],
  ],
  [
    "a dead rank behind a silent head: the rank is named",
    answering(changeContainer(running, "spark-3", { status: "exited" }), "silent"),
    ["spark-3: spark-mesh-qwen-2: state: found exited, wanted running"],
  ],
];

it("shows no key that is among the arguments, whichever of the two has it", () => {
  const keyed = (...key: string[]) => recipeOf(3).replace("--port {port}", `${key.join(" ")} --port {port}`);
  const given = deployed(fresh(keyed("--api-key", "sk-wanted")));
  const process = planOf(given).ranks[1]?.launch.process ?? [];
  const at = process.indexOf("sk-wanted");
  const found = (...start: string[]) =>
    lines(
      changeContainer(given, "spark-2", { process: [...process.slice(0, at), ...start, ...process.slice(at + 1)] }),
    );
  const place = `spark-2: spark-mesh-qwen-1: argument ${at + 1}`;
  expect(found("sk-found")).toEqual([`${place}: found [secret], wanted [secret]`]);
  expect(found("sk-wanted", "sk-second")).toEqual([
    `spark-2: spark-mesh-qwen-1: argument ${at + 2}: found [secret], wanted ${process[at + 1]}`,
  ]);
  expect(found()).toEqual([`${place}: found ${process[at + 1]}, wanted [secret]`]);
  const joined = deployed(fresh(keyed("--api_key=sk-wanted")));
  expect(lines(changeContainer(joined, "spark-2", { process: process.slice(0, at - 1) }))).toEqual([
    `spark-2: spark-mesh-qwen-1: argument ${at}: found nothing, wanted [secret]`,
  ]);
});

it.each(DRIFTS)("%s", (_title, given, said) => {
  expect(lines(given)).toEqual(said);
  const plan = planOf(given);
  // Ranks start anew, whatever it was.
  expect(plan.state).toBe("due");
  expect(plan.note).toMatch(/^[A-Za-z0-9 .,:/=_-]+, ranks=[0-9a-f]{12}$/);
});

it("says of a server that still loads how long it has, and calls it no drift", () => {
  const young = { age: 40 };
  const loading = changeContainer(answering(running, "refused"), "spark-1", young);
  expect(plansOf(loading)).toMatchObject({
    deployments: [{ state: "settled", note: "" }],
    warnings: ["spark-1: qwen is loading, 40 s of 3600 s; port 8000 doesn't answer yet"],
  });
  expect(plansOf(changeContainer(loading, "spark-2", { restarts: 5 })).warnings).toEqual([
    "spark-1: qwen is loading, 40 s of 3600 s; port 8000 doesn't answer yet; docker restarted spark-mesh-qwen-1 on spark-2 5 times",
  ]);
  expect(planOf(changeContainer(loading, "spark-1", { age: 3600 })).state).toBe("due");
  expect(planOf(changeContainer(answering(running, "silent"), "spark-1", young)).state).toBe("settled");
});

it("fetches image and model where one host lacks them, and only them", () => {
  const lost = changeDocker(running, "spark-2", (docker) => ({ ...docker, images: [] }));
  const { image, models } = planOf(lost);
  expect(image).toMatchObject({ state: "due", head: "spark-1", targets: ["spark-2", "spark-3"] });
  expect(models[0]).toMatchObject({ state: "settled", note: "", differences: [] });
});

it("has another note after each repair, and the same one until then", () => {
  const note = (given: Case) => planOf(changeContainer(given, "spark-2", { status: "exited" })).note;
  const repaired = changeDocker(running, "spark-2", (docker) => ({
    ...docker,
    records: docker.records.map((record) => ({ ...record, transaction: "20261102T120000-00000002" })),
    containers: docker.containers.map((container) => ({ ...container, id: "9".repeat(64) })),
  }));
  expect(note(running)).toBe(note(running));
  expect(note(repaired)).not.toBe(note(running));
});

it("takes a changed wish for no drift", () => {
  const [deployment] = running.cluster.deployments;
  if (!deployment) throw new Error("no deployment");
  const wished = (change: Partial<typeof deployment>): Case => ({
    ...running,
    cluster: { ...running.cluster, deployments: [{ ...deployment, ...change }] },
  });
  const other = planOf(wished({ overrides: { port: 8001 } }));
  expect(other).toMatchObject({
    state: "due",
    differences: [],
    image: { state: "settled" },
    models: [{ state: "settled" }],
  });
  expect(other.note).toMatch(/^the wish changed, ranks=/);
  const another = planOf(wished({ overrides: { container: "ghcr.io/acme/vllm:2" } }));
  expect(another).toMatchObject({ state: "due", differences: [], image: { state: "due", differences: [] } });
  // How long it is waited for is no part of what runs.
  expect(planOf(wished({ readySeconds: 60 })).state).toBe("settled");
});

it("still sees drift beside a changed wish", () => {
  const given = changeContainer(running, "spark-2", { status: "exited" });
  const cluster = {
    ...given.cluster,
    deployments: given.cluster.deployments.map((one) => ({ ...one, overrides: { port: 8001 } })),
  };
  expect(lines({ ...given, cluster })).toEqual(["spark-2: spark-mesh-qwen-1: state: found exited, wanted running"]);
});

it("starts the ranks anew after a change of a host's network", () => {
  const plan = {
    ...running.plan,
    hosts: running.plan.hosts.map((host) => (host.name === "spark-2" ? { ...host, state: "due" as const } : host)),
  };
  expect(planOf({ ...running, plan })).toMatchObject({
    state: "due",
    differences: [],
    image: { state: "settled" },
    note: expect.stringMatching(/^network of spark-2, ranks=/),
  });
});

it("is as it was where a host is settled and another has nothing of it", () => {
  const given = fresh(recipeOf(1), [
    { name: "a", hosts: ["spark-1"] },
    { name: "b", hosts: ["spark-2"] },
  ]);
  const both = deployed(given);
  const one = changeContainer(both, "spark-2", { status: "exited" });
  expect(plansOf(one).deployments.map(({ state }) => state)).toEqual(["settled", "due"]);
});

it("has everything to do where this run lets the login user ask Docker", () => {
  const config = { ...ring.cluster, system: { ...ring.cluster.system, dockerGroup: true } };
  const denied = changeDocker({ ...ring, cluster: config }, "spark-2", (docker) => ({ ...docker, docker: "denied" }));
  expect(planOf(denied)).toMatchObject({ state: "due", image: { state: "due" }, models: [{ state: "due" }] });
});

it("says nothing certain of a deployment with a host that can't be asked", () => {
  const without = unreachable(running, "spark-3");
  expect(plansOf(without)).toMatchObject({
    deployments: [
      { state: "unknown", note: "", differences: [], image: { state: "unknown" }, models: [{ state: "unknown" }] },
    ],
    blockers: [],
  });
  const blocked = plansOf(changeContainer(without, "spark-2", { status: "exited" }));
  expect(blocked.deployments).toMatchObject([
    { state: "unknown", differences: [{ host: "spark-2", found: "exited" }] },
  ]);
  expect(blocked.blockers).toEqual([
    "spark-3: unreachable (no route to host), and qwen is to be started anew with a rank there; bring it up, or choose other hosts for qwen",
  ]);
  expect(plansOf(unreachable(ring, "spark-3")).blockers).toHaveLength(1);
});

it("measures workers by what was committed where the head can't be asked", () => {
  const given = { ...running, plan: withoutManagement(running) };
  expect(plansOf(unreachable(given, "spark-1"))).toMatchObject({
    deployments: [{ state: "unknown", differences: [] }],
    blockers: [],
  });
});

/** The plan as it is while the head is silent. */
function withoutManagement({ plan, cluster }: Case): Case["plan"] {
  const [head] = cluster.hosts;
  return {
    ...plan,
    hosts: plan.hosts.map(({ managementAddress, ...host }) =>
      host.name === head?.name
        ? { ...host, state: "unknown" as const }
        : { ...host, ...(managementAddress && { managementAddress }) },
    ),
  };
}

it("knows an image by every name that docker shows for it", () => {
  const named = (image: string, shown: string) => {
    const given = deployed(fresh(recipeOf(1).replace("ghcr.io/acme/vllm:1", image)));
    return planOf(
      changeDocker(given, "spark-1", (docker) => ({ ...docker, images: [{ id: IMAGE_ID, names: [shown], size: 1 }] })),
    ).image.state;
  };
  const digest = "1".repeat(64);
  expect(named("docker.io/vllm/vllm-openai", "vllm/vllm-openai:latest")).toBe("settled");
  expect(named("docker.io/library/vllm:2", "vllm:2")).toBe("settled");
  expect(named("localhost:5000/vllm", "localhost:5000/vllm:latest")).toBe("settled");
  // A digest is a tag on hosts.
  expect(named(`ghcr.io/a/b:1@sha256:${digest}`, `ghcr.io/a/b:sha256-${digest}`)).toBe("settled");
  expect(named("ghcr.io/a/b:1", "ghcr.io/a/b:2")).toBe("due");
});

it("compares a model that is a folder by files and bytes, and asks for none that lies in the image", () => {
  const folder = fresh(recipeOf(3).replace(MODEL, "/models/qwen"));
  const given = deployed(
    changeDocker(folder, "spark-1", (docker) => ({
      ...docker,
      models: [{ id: "/models/qwen", files: 9, bytes: 200 * 2 ** 30 }],
    })),
  );
  expect(planOf(given).models[0]).toMatchObject({ id: "/models/qwen", state: "settled" });
  const less = changeDocker(given, "spark-2", (docker) => ({
    ...docker,
    models: docker.models.map((model) => ({ ...model, bytes: 1 })),
  }));
  expect(planOf(less).models[0]?.differences).toHaveLength(1);
  expect(planOf(fresh(recipeOf(1).replace(MODEL, "/workspace/model"))).models).toEqual([]);
});

it("is the same plan in whatever order hosts and things on them are told", () => {
  const given = deployed(
    fresh({ a: recipeOf(3), b: recipeOf(1) }, [
      { name: "a", recipe: "a", overrides: { gpu_memory_utilization: 0.3 } },
      { name: "b", recipe: "b", hosts: ["spark-2"], overrides: { port: 8002, gpu_memory_utilization: 0.3 } },
    ]),
  );
  const drifted = ["spark-1", "spark-2", "spark-3"].reduce(
    (so, host) => changeContainer(so, host, { status: "exited" }),
    given,
  );
  const turned = [...drifted.probes.keys()].reduce(
    (so, host) =>
      changeDocker(so, host, (docker) => ({
        ...docker,
        containers: [...docker.containers].reverse(),
        images: [...docker.images].reverse(),
        models: [...docker.models].reverse(),
        records: [...docker.records].reverse(),
      })),
    drifted,
  );
  const reversed = new Map([...turned.probes].reverse());
  expect(plansOf({ ...turned, probes: reversed })).toEqual(plansOf(drifted));
  expect(plansOf(drifted).deployments.map(({ state }) => state)).toEqual(["due", "due"]);
});

it("takes a host without an answer about Docker for one that can't be asked", () => {
  const probes = change(running.probes, "spark-3", ({ docker: _, ...facts }) => facts);
  expect(planOf({ ...running, probes }).state).toBe("unknown");
});
