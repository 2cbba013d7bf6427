import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { standInReference } from "../../lab/hosts/image";
import { Lab } from "../../lab/hosts/lab";
import { inside } from "../inside";
import {
  answer,
  completion,
  deployAll,
  deployDocument,
  dockerFacts,
  killRank,
  lives,
  must,
  operate,
  prepareHosts,
  readyDocument,
  type Served,
  stack,
  statusOf,
  undeployAll,
  watched,
} from "./deployments";

let lab: Lab;
let before: string[];

beforeAll(async () => {
  lab = await Lab.up({ name: "test-deploy", stackFile: false, fresh: true, docker: true });
  await prepareHosts(lab);
  before = await Promise.all(lab.hosts.map(({ name }) => traces(name)));
});

afterEach(async () => {
  await undeployAll(lab);
  await expectNothing();
});

afterAll(() => lab?.down());

/** All that a deployment could leave on a host. */
function traces(host: string): Promise<string> {
  return inside(
    lab,
    host,
    `docker ps --all --quiet; docker volume ls --quiet; ss -Hltn | grep -E ':(8000|29499|29501) ' || true
     find /var/lib /run /etc/systemd -xdev -name '*spark-mesh*'; systemctl list-units --all --no-legend 'spark-mesh*'
     systemctl list-unit-files --no-legend 'spark-mesh*'; true`,
  );
}

async function expectNothing(): Promise<void> {
  expect(await Promise.all(lab.hosts.map(({ name }) => traces(name)))).toEqual(before);
}

const questions = () => [
  `image ${standInReference}`,
  "image none:such",
  "model - Acme/Tiny",
  "model v2 Acme/None",
  "model - /home/nvidia/.cache/huggingface/hub/models--Acme--Tiny/blobs",
  "port 8000",
  "port 8001",
  `endpoint tiny ${lab.hosts[0]?.address} 8000`,
];

test("three ranks are started, are ready, and are seen; the same again starts them anew, and they meet", async () => {
  const ids = await deployAll(lab);
  expect(await must(lab, 0, "ready", readyDocument(lab))).toBe(`http://${lab.hosts[0]?.address}:8000/v1`);
  expect(await completion(lab)).toBe(answer);

  const { facts, seconds } = await dockerFacts(lab, "spark-1", questions());
  expect(seconds).toBeLessThan(10);
  expect(facts).toMatchObject({
    docker: "ok",
    nvidia: true,
    home: "/home/nvidia",
    rootFree: expect.any(Number),
    homeFree: expect.any(Number),
    memory: expect.any(Number),
    containers: [{ Id: ids[0], State: { Status: "running" } }],
    images: [{ RepoTags: [standInReference] }],
    ports: [
      { port: 8000, listening: true },
      { port: 8001, listening: false },
    ],
    endpoints: [{ deployment: "tiny", state: "answered", detail: "" }],
    records: [{ deployment: "tiny" }],
    watch: "active",
  });
  expect(facts.models).toMatchObject([
    { id: "Acme/Tiny", revision: "-", record: null },
    { id: "Acme/None", revision: "v2", record: null, files: 0, bytes: 0 },
    { id: "/home/nvidia/.cache/huggingface/hub/models--Acme--Tiny/blobs" },
  ]);
  const [tiny, , blobs] = facts.models;
  expect(tiny.files).toBeGreaterThan(1);
  expect(blobs.bytes).toBe(tiny.bytes);
  expect(facts.containers[0].Config.Labels).toMatchObject({
    "spark-mesh.stack": stack,
    "spark-mesh.image": facts.images[0].Id,
    "spark-mesh.rank": "0",
  });
  const record = JSON.parse(facts.records[0].record);
  expect(record).toMatchObject({ version: 1, host: "spark-1", stack, rank: 0, container: "spark-mesh-tiny-0" });
  expect(record.digest).toBe(facts.containers[0].Config.Labels["spark-mesh.digest"]);
  // A worker's host has no endpoint to ask.
  expect((await dockerFacts(lab, "spark-2", questions())).facts.endpoints).toEqual([]);

  const again = await deployAll(lab);
  expect(again.filter((id) => ids.includes(id))).toEqual([]);
  await must(lab, 0, "ready", readyDocument(lab));
  expect(await completion(lab)).toBe(answer);
  // They met in these very lives: nobody has to start anew for the head that came last.
  const settled = await lives(lab);
  await new Promise((resolve) => setTimeout(resolve, 8000));
  expect(await lives(lab), await watched(lab)).toEqual(settled);
});

test("the environment reaches the container byte for byte, and nobody who may not ask Docker reads it", async () => {
  const env = { KEY: "canary-of-the-environment", ODD: " # a=b  é $(id) ", EMPTY: "", LINES: "one\ntwo" };
  await inside(lab, "spark-2", "id stranger 2>/dev/null || useradd --create-home stranger");
  // What any user can read while the rank is started: command lines, and files.
  const reading = inside(
    lab,
    "spark-2",
    'exec runuser -u stranger -- bash -c \'while [[ ! -e /tmp/enough ]]; do for file in /proc/[0-9]*/cmdline; do cat $file; done; done 2>/dev/null | tr "\\\\0" " "\'',
  );
  await must(lab, 1, "deploy", deployDocument(lab, 1, { env }));
  await inside(lab, "spark-2", "touch /tmp/enough");
  const read = await reading;
  await inside(lab, "spark-2", "rm /tmp/enough");
  expect(read).toContain("docker run");
  expect(read).not.toContain(env.KEY);

  const inspected = await inside(
    lab,
    "spark-2",
    "docker container inspect --format '{{json .Config.Env}}' spark-mesh-tiny-1",
  );
  const expected = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  expect(JSON.parse(inspected)).toEqual(expect.arrayContaining(expected));

  const path = "/var/lib/spark-mesh-deployments/tiny/record.json";
  expect(await inside(lab, "spark-2", `stat -c '%a %U:%G' ${path}`)).toBe("640 root:docker");
  const strange = await dockerFacts(lab, "spark-2", questions(), "stranger");
  expect(strange.facts).toMatchObject({ docker: "denied", records: [{ deployment: "tiny", record: false }] });
  const own = await dockerFacts(lab, "spark-2", questions());
  expect(JSON.parse(own.facts.records[0].record)).toMatchObject({ rank: 1 });
});

test.each([0, 2, 5])("ranks that are started anew %d s after one died meet all the same", async (seconds) => {
  await deployAll(lab);
  await must(lab, 0, "ready", readyDocument(lab));
  await killRank(lab, 1);
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  await deployAll(lab);
  await must(lab, 0, "ready", readyDocument(lab));
  expect(await completion(lab), await watched(lab)).toBe(answer);
});

test("another stack's deployment, and a container that we didn't make, are refused by name and left alone", async () => {
  await must(lab, 1, "deploy", deployDocument(lab, 1));
  const other: Served = { stack: "organization/spark-mesh/lab" };
  for (const operation of ["deploy", "undeploy"] as const) {
    const { code, message } = await operate(lab, 1, operation, deployDocument(lab, 1, other));
    expect(code).not.toBe(0);
    expect(message).toMatch(/^spark-2: belongs to stack organization\/spark-mesh\/home, found by stack .*; /);
  }
  expect(await statusOf(lab, 1)).toMatch(/^tiny 1 running \S+ - 0\nend$/);

  const id = await inside(lab, "spark-1", `docker create --name spark-mesh-tiny-0 ${standInReference}`);
  const { code, message } = await operate(lab, 0, "deploy", deployDocument(lab, 0));
  expect(code).not.toBe(0);
  expect(message).toMatch(
    /^spark-1: container spark-mesh-tiny-0: found one that spark-mesh didn't make, wanted none; /,
  );
  await must(lab, 0, "undeploy", deployDocument(lab, 0));
  expect(await inside(lab, "spark-1", "docker rm spark-mesh-tiny-0 && docker ps --all --quiet")).toBe(
    "spark-mesh-tiny-0",
  );
  expect(id).toMatch(/^[0-9a-f]{64}$/);
});

test("a container that ends at its start is a fault with its last words, and nothing is left of it", async () => {
  const { code, stdout, stderr, message } = await operate(
    lab,
    1,
    "deploy",
    deployDocument(lab, 1, { env: { SPARK_MESH_LAB_EXIT_AT_START: 7 } }),
  );
  expect(code).not.toBe(0);
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^spark-2: spark-mesh-tiny-1: .*stand-in for vLLM, rank 1 of 3/m);
  expect(message).toMatch(
    /^spark-2: container spark-mesh-tiny-1: found it ended at its start \(within 2 s: .*told to end at the start\), wanted it running; /,
  );
  await expectNothing();

  const { message: unknown } = await operate(
    lab,
    1,
    "deploy",
    deployDocument(lab, 1).replaceAll(
      `argument ${Buffer.from(standInReference).toString("base64")}`,
      `argument ${Buffer.from("none:such").toString("base64")}`,
    ),
  );
  expect(unknown).toMatch(/^spark-2: image none:such: found none here, wanted it before its container; /);
  await expectNothing();
});

test("a rank that dies over and over ends the wait in seconds, by name", async () => {
  const loading: Served = { env: { SPARK_MESH_LAB_HANG_LOADING: 1 } };
  await deployAll(lab, loading);
  let over = false;
  const waiting = operate(lab, 0, "ready", readyDocument(lab, loading, 300)).finally(() => {
    over = true;
  });
  for (let deaths = 0; deaths < 20 && !over; deaths++) {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    // It may be between two lives.
    await killRank(lab, 2).catch(() => undefined);
  }
  const { code, stdout, stderr, message, seconds } = await waiting;
  expect(code).not.toBe(0);
  expect(stdout).toBe("");
  expect(message).toMatch(/^spark-1: tiny: rank 2 on spark-3: found it ended twice, wanted it running; /);
  expect(stderr).toMatch(/^spark-3: rank 2: .*see docker logs spark-mesh-tiny-2 on spark-3/m);
  expect(seconds).toBeLessThan(60);
});

test("a head that loads on and on is waited for as long as it may, and what it says is shown", async () => {
  const loading: Served = { env: { SPARK_MESH_LAB_HANG_LOADING: 1 } };
  await deployAll(lab, loading);
  expect((await dockerFacts(lab, "spark-1", questions())).facts.endpoints).toMatchObject([{ state: "refused" }]);
  const { code, stderr, message } = await operate(lab, 0, "ready", readyDocument(lab, loading, 8));
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/^spark-1: waiting for tiny: ranks are loading, [5-7] s of 8 s: .*Starting to load model/m);
  expect(message).toMatch(/^spark-1: tiny: rank 0 on spark-1: found no answer within 8 s, wanted a model served at /);
});

test("undeploy takes away what it can where Docker is dead or missing, and says the rest", async () => {
  await Promise.all([0, 1].map((rank) => must(lab, rank, "deploy", deployDocument(lab, rank))));
  await inside(lab, "spark-1", "systemctl stop docker.socket docker.service 2>&1");
  await inside(lab, "spark-2", "mv /usr/bin/docker /usr/bin/docker.away");
  const dead = await operate(lab, 0, "undeploy", deployDocument(lab, 0));
  expect(dead.code).not.toBe(0);
  expect(dead.message).toMatch(
    /^spark-1: docker: found no answer, wanted the containers of tiny removed; all else of it is; /,
  );
  const missing = await operate(lab, 1, "undeploy", deployDocument(lab, 1));
  expect(missing).toMatchObject({ code: 0, message: expect.stringMatching(/^spark-2: docker: found no such command/) });
  for (const host of ["spark-1", "spark-2"]) {
    expect(await inside(lab, host, "find /var/lib /etc/systemd -xdev -name '*spark-mesh*'")).toBe("");
  }

  const [down, none] = await Promise.all(["spark-1", "spark-2"].map((host) => dockerFacts(lab, host, questions())));
  expect([down?.facts.docker, none?.facts.docker]).toEqual(["down", "missing"]);
  for (const state of [down, none]) {
    expect(state?.seconds).toBeLessThan(10);
    expect(state?.facts).toMatchObject({ containers: [], images: [], endpoints: [], records: [], watch: "missing" });
  }
  const { message } = await operate(lab, 0, "deploy", deployDocument(lab, 0));
  expect(message).toMatch(/^spark-1: docker: found no answer \(.*\), wanted a running daemon; /);

  await inside(lab, "spark-1", "systemctl start docker.socket docker.service");
  await inside(lab, "spark-2", "mv /usr/bin/docker.away /usr/bin/docker");
  await inside(lab, "spark-3", "useradd --create-home stranger");
  const denied = await dockerFacts(lab, "spark-3", questions(), "stranger");
  expect(denied.facts).toMatchObject({ docker: "denied", nvidia: true, home: "/home/stranger", containers: [] });
});
