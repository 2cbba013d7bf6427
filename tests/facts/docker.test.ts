import { expect, it } from "vitest";
import { Faults } from "../../config/faults";
import { readDockerFacts, renderDockerQuestion } from "../../facts/docker";

const DIGEST = "d".repeat(64);
const record = {
  version: 1,
  host: "spark-1",
  stack: "organization/spark-mesh/home",
  transaction: "20261101T120000-00000001",
  deployment: "qwen",
  rank: 0,
  container: "spark-mesh-qwen-0",
  digest: DIGEST,
  payload: "H4sI",
};

/** As docker shows a container, less what nobody reads. */
const container = {
  Id: "f".repeat(64),
  Created: "2026-11-01T11:59:59.1Z",
  Path: "vllm",
  Args: ["serve", "Qwen/Qwen3-8B", "--chat-template", "a b\n"],
  State: { Status: "running", Running: true, ExitCode: 0, StartedAt: "2026-11-01T12:00:00.123456789Z" },
  Image: "sha256:1",
  Name: "/spark-mesh-qwen-0",
  RestartCount: 2,
  HostConfig: { Binds: null },
  Config: {
    Env: ["A=1", "B==x=y", "EMPTY=", "TWO=a\nb", "BARE"],
    Entrypoint: null,
    Labels: { "spark-mesh.deployment": "qwen" },
  },
};

const raw = {
  sparkMeshFacts: 1,
  docker: "ok",
  version: "26.1.5",
  nvidia: true,
  rootFree: 1000,
  home: "/home/nvidia",
  homeFree: 2000,
  memory: 3000,
  now: Date.parse("2026-11-01T12:01:00Z") / 1000,
  containers: [container],
  images: [
    { Id: "sha256:1", RepoTags: ["vllm-node:latest"], RepoDigests: ["vllm-node@sha256:2"], Size: 7, Os: "linux" },
  ],
  models: [
    {
      id: "a/b",
      revision: "-",
      record: '{\n"version": 1,\n"commit": "c1",\n"files": 2,\n"bytes": 9\n}\n',
      files: 2,
      bytes: 9,
    },
    { id: "a/b", revision: "v2", record: null, files: 0, bytes: 0 },
  ],
  ports: [
    { port: 8000, listening: true },
    { port: 29501, listening: false },
  ],
  endpoints: [{ deployment: "qwen", state: "error", detail: "HTTP status 500" }],
  records: [{ deployment: "qwen", record: JSON.stringify(record) }],
  watch: "active",
};

const read = (change: object = {}, now = 0) => readDockerFacts("spark-1", JSON.stringify({ ...raw, ...change }), now);

it("reads what docker shows", () => {
  expect(read()).toEqual({
    docker: "ok",
    nvidia: true,
    rootFree: 1000,
    home: "/home/nvidia",
    homeFree: 2000,
    memory: 3000,
    containers: [
      {
        name: "spark-mesh-qwen-0",
        id: "f".repeat(64),
        image: "sha256:1",
        labels: { "spark-mesh.deployment": "qwen" },
        process: ["vllm", "serve", "Qwen/Qwen3-8B", "--chat-template", "a b\n"],
        env: { A: "1", B: "=x=y", EMPTY: "", TWO: "a\nb", BARE: "" },
        status: "running",
        startedAt: "2026-11-01T12:00:00.123456789Z",
        age: 60,
        restarts: 2,
      },
    ],
    images: [{ id: "sha256:1", names: ["vllm-node:latest", "vllm-node@sha256:2"], size: 7 }],
    models: [
      { id: "a/b", files: 2, bytes: 9, recorded: { commit: "c1", files: 2, bytes: 9 } },
      { id: "a/b", revision: "v2", files: 0, bytes: 0 },
    ],
    listening: [8000],
    endpoints: [{ deployment: "qwen", state: "error", detail: "HTTP status 500" }],
    records: [record],
    unwritable: [],
    watch: "active",
  });
});

it("reads what an image was built from, and takes a label that isn't ours for none", () => {
  const build = { commit: "c".repeat(40), arguments: ["--tf5", ""] };
  const buildIn = (Labels: object | null) =>
    read({ images: [{ Id: "sha256:1", RepoTags: [], RepoDigests: [], Size: 7, Config: { Labels } }] }).images[0]?.build;
  expect(buildIn({ "spark-mesh.build": JSON.stringify(build) })).toEqual(build);
  for (const text of ["", "{", '{"commit":"main","arguments":[]}', `{"commit":"${"c".repeat(40)}"}`]) {
    expect(buildIn({ "spark-mesh.build": text })).toBeUndefined();
  }
  expect(buildIn(null)).toBeUndefined();
});

it("takes a Docker that says nothing for what it is", () => {
  const nothing = { containers: [], images: [], models: [], ports: [], endpoints: [], records: [], watch: "missing" };
  expect(read({ ...nothing, docker: "denied", nvidia: null, rootFree: null, homeFree: null })).toEqual({
    docker: "denied",
    nvidia: false,
    home: "/home/nvidia",
    memory: 3000,
    ...{ containers: [], images: [], models: [], listening: [], endpoints: [], records: [], unwritable: [] },
    watch: "missing",
  });
  // Nobody who may not ask Docker may read a record, which has what Docker would tell.
  expect(read({ docker: "denied", records: [{ deployment: "qwen", record: false }] }).records).toEqual([]);
  const bare = { ...container, Args: null, RestartCount: null, Config: { Env: null, Labels: null } };
  expect(read({ containers: [bare] }).containers[0]).toMatchObject({
    process: ["vllm"],
    env: {},
    labels: {},
    restarts: 0,
  });
});

it("tells a container's age by the host's clock, else by ours, and none from what never started", () => {
  const aged = (change: object, StartedAt: string, now = 0) =>
    read({ containers: [{ ...container, State: { Status: "running", StartedAt } }], ...change }, now).containers[0]
      ?.age;
  expect(aged({ now: undefined }, "2026-11-01T12:00:00Z", Date.parse("2026-11-01T12:00:30Z") / 1000)).toBe(30);
  expect(aged({}, "2026-11-01T12:05:00Z")).toBe(0);
  expect(aged({}, "no time")).toBe(0);
});

it("takes a model's record that is damaged for none", () => {
  for (const text of ["", "{", '{"version":2,"commit":"c","files":1,"bytes":1}', '{"version":1}']) {
    expect(read({ models: [{ id: "a/b", revision: "-", record: text, files: 1, bytes: 1 }] }).models).toEqual([
      { id: "a/b", files: 1, bytes: 1 },
    ]);
  }
});

it.each([
  [{ sparkMeshFacts: 2 }, "spark-1: its facts have version 2; this release reads version 1"],
  [{ docker: "maybe" }, /^spark-1: its facts have a wrong docker: /],
  [{ containers: [{ ...container, State: {} }] }, /^spark-1: its facts have a wrong containers\.0\.State\.Status: /],
  [
    { records: [{ deployment: "qwen", record: "{" }] },
    /^spark-1: \/var\/lib\/spark-mesh-deployments\/qwen\/record\.json is damaged \(no JSON\); move it away/,
  ],
  [
    { records: [{ deployment: "qwen", record: JSON.stringify({ ...record, version: 2 }) }] },
    /record\.json has version 2, and this release knows version 1/,
  ],
  [{ records: [{ deployment: "qwen", record: false }] }, /can't be read by the login user/],
])("refuses %j", (change, line) => {
  const lines = (() => {
    try {
      read(change);
    } catch (error) {
      if (error instanceof Faults) return error.lines;
      throw error;
    }
    return [];
  })();
  expect(lines).toEqual([typeof line === "string" ? line : expect.stringMatching(line)]);
});

it("renders no word that would be two, or another line", () => {
  const question = { images: [], models: [], ports: [], endpoints: [] };
  expect(renderDockerQuestion(question)).toBe("docker_begin\nend\n");
  for (const word of ["", "a b", "a\nport 1", "a\u0085b", "a\tb"]) {
    expect(() => renderDockerQuestion({ ...question, images: [word] })).toThrow("in a question about Docker");
    expect(() => renderDockerQuestion({ ...question, models: [{ id: word }] })).toThrow("in a question about Docker");
  }
});
