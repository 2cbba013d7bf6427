import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { LaunchWish } from "../../../plan/launch/launch";
import { planLaunch } from "../../../plan/launch/launch";
import { planMesh } from "../../../plan/planMesh";
import { parseRecipe } from "../../../plan/recipe/recipe";
import { cluster, freshProbes, onSwitch } from "../hosts";
import { faultsOf, launch, overrides, sparks, withCommand } from "../recipe/recipes";

const ring = planMesh(cluster(), freshProbes());
const pair = planMesh(cluster({}, 2), freshProbes("1/0-2/1", 2));
const four = planMesh(cluster({}, 4), freshProbes(onSwitch(4), 4));

const folder = join(__dirname, "..", "..", "..", "recipes");
const shipped = readdirSync(folder).filter((file) => file.endsWith(".yaml"));

function shippedLaunch(file: string, count: number, mesh?: typeof ring) {
  const recipe = parseRecipe(`recipes/${file}`, readFileSync(join(folder, file), "utf8"));
  const wish = { name: "served", recipe, overrides: overrides({}), hosts: sparks(count), chosen: false };
  return planLaunch(wish, mesh);
}

/** What ranks run, one line each. */
function lines(text: string, change: Partial<LaunchWish> = {}, mesh?: typeof ring): readonly string[] {
  return launch(text, change, mesh).ranks.map(({ host, argv }) => `${host}: ${argv.join(" ")}`);
}

describe("recipes that ship", () => {
  it.each(shipped)("%s runs on as many Sparks as it names, without a warning", (file) => {
    const mesh = { 1: undefined, 2: pair, 3: ring }[shippedLaunch(file, 3, ring).ranks.length];
    const plan = shippedLaunch(file, 3, mesh);
    expect(plan.warnings).toEqual([]);
    expect(plan.ranks.map(({ docker }) => docker)).toMatchSnapshot();
  });

  it("have their drafters among their models", () => {
    const drafters = shipped.flatMap((file) =>
      shippedLaunch(file, 3, ring).models.filter(({ use }) => use === "drafter"),
    );
    expect(drafters.map(({ id }) => id)).toEqual(["z-lab/Qwen3.6-27B-DFlash", "z-lab/Qwen3.6-35B-A3B-DFlash"]);
  });

  it("have the article's values", () => {
    const { ranks, parallel, mods } = shippedLaunch("qwen3.5-397b-a17b-int4-autoround-3x-vllm.yaml", 3, ring);
    expect(parallel).toEqual({ tensor: 1, pipeline: 3, data: 1 });
    expect(mods.map(({ reference }) => reference)).toEqual([
      "mods/fix-qwen3.5-autoround",
      "mods/fix-qwen3.5-chat-template",
    ]);
    expect(ranks.map(({ argv }) => argv.includes("--headless"))).toEqual([false, true, true]);
    for (const { env, argv, docker } of ranks) {
      expect(env).toMatchObject({
        NCCL_NET_PLUGIN: "none",
        NCCL_IB_SUBNET_AWARE_ROUTING: "1",
        NCCL_IB_MERGE_NICS: "0",
        PYTORCH_CUDA_ALLOC_CONF: "expandable_segments:True",
        VLLM_MARLIN_USE_ATOMIC_ADD: "1",
      });
      expect(docker.slice(-argv.length)).toEqual(argv);
      expect(docker).not.toContain("--rm");
    }
  });
});

describe("ranks", () => {
  const command = "vllm serve {model} -tp {tensor_parallel} -pp {pipeline_parallel}";
  const sized = (tensor: number, pipeline: number) =>
    withCommand(command, `{ tensor_parallel: ${tensor}, pipeline_parallel: ${pipeline} }`);

  it("are tensor x pipeline, the head first", () => {
    expect(lines(sized(2, 2), { hosts: sparks(4) }, four)).toMatchInlineSnapshot(`
      [
        "spark-1: vllm serve Qwen/Qwen3-8B -tp 2 -pp 2 --nnodes 4 --node-rank 0 --master-addr 10.0.0.11 --master-port 29501",
        "spark-2: vllm serve Qwen/Qwen3-8B -tp 2 -pp 2 --nnodes 4 --node-rank 1 --master-addr 10.0.0.11 --master-port 29501 --headless",
        "spark-3: vllm serve Qwen/Qwen3-8B -tp 2 -pp 2 --nnodes 4 --node-rank 2 --master-addr 10.0.0.11 --master-port 29501 --headless",
        "spark-4: vllm serve Qwen/Qwen3-8B -tp 2 -pp 2 --nnodes 4 --node-rank 3 --master-addr 10.0.0.11 --master-port 29501 --headless",
      ]
    `);
  });

  it("alone need no peer, no variable of NCCL's and no device", () => {
    const { ranks } = launch(withCommand("vllm serve {model} --distributed-executor-backend ray --headless"));
    expect(ranks).toHaveLength(1);
    expect(ranks[0]?.argv).toEqual(["vllm", "serve", "Qwen/Qwen3-8B"]);
    expect(ranks[0]?.env).toEqual({ HF_HUB_OFFLINE: "1", NCCL_CUMEM_ENABLE: "0", OMP_NUM_THREADS: "4" });
    expect(ranks[0]?.docker).not.toContain("/dev/infiniband");
  });

  it("of replicas share one endpoint, on the head", () => {
    const text = withCommand("vllm serve {model} -dp 2");
    expect(lines(text, { hosts: sparks(2) }, pair)).toMatchInlineSnapshot(`
      [
        "spark-1: vllm serve Qwen/Qwen3-8B -dp 2 --data-parallel-size-local 1 --data-parallel-address 10.0.0.11 --data-parallel-rpc-port 13345",
        "spark-2: vllm serve Qwen/Qwen3-8B -dp 2 --data-parallel-size-local 1 --data-parallel-address 10.0.0.11 --data-parallel-rpc-port 13345 --headless --data-parallel-start-rank 1",
      ]
    `);
    expect(lines(withCommand("vllm serve {model}", "{ data_parallel: 2 }"), { hosts: sparks(2) }, pair)[1]).toContain(
      "--data-parallel-size 2 ",
    );
  });

  it("of replicas of several hosts are one world", () => {
    const text = withCommand("vllm serve {model} -tp 2 -dp 2");
    const plan = launch(text, { hosts: sparks(4) }, four);
    expect(plan.ranks[3]?.argv.join(" ")).toBe(
      "vllm serve Qwen/Qwen3-8B -tp 2 -dp 2 --nnodes 4 --node-rank 3 --master-addr 10.0.0.11 --master-port 29501 --data-parallel-size-local 1 --data-parallel-address 10.0.0.11 --data-parallel-rpc-port 13345 --headless",
    );
    expect(plan.warnings).toEqual([expect.stringContaining("less proven")]);
  });

  it("take what a command says for all of them, and not what is one rank's own", () => {
    const text = withCommand("vllm serve {model} -tp 2 --master-port 29600 --nnodes=5 -r 1 --headless");
    const { ranks, warnings } = launch(text, { hosts: sparks(2) }, pair);
    expect(ranks[0]?.argv.join(" ")).toBe(
      "vllm serve Qwen/Qwen3-8B -tp 2 --master-port 29600 --nnodes 2 --node-rank 0 --master-addr 10.0.0.11",
    );
    expect(warnings.map((line) => line.replace(/^\S+ /, ""))).toEqual([
      "--nnodes=5: not acted on: the launch sets it for every rank",
      "-r: not acted on: the launch sets it for every rank",
      "--headless: not acted on: the launch sets it for every rank",
    ]);
  });

  it("are as many as the hosts that were chosen", () => {
    const chosen = { hosts: sparks(3), chosen: true };
    expect(faultsOf(() => launch(sized(2, 1), chosen, ring))).toEqual([
      "test.yaml:5:3: tensor parallel 2 x pipeline parallel 1 makes 2 ranks, but 3 hosts are chosen; choose 2, or override tensor_parallel or pipeline_parallel",
    ]);
    expect(lines(sized(2, 1), { ...chosen, chosen: false }, ring)).toHaveLength(2);
    expect(lines(sized(2, 1), { ...chosen, overrides: overrides({ tensor_parallel: 3 }) }, ring)).toHaveLength(3);
  });

  it("of a recipe of version 1 for one host don't split a tensor", () => {
    const text = `recipe_version: 1\nname: x\nsolo_only: true\n${withCommand("vllm serve {model} -tp {tensor_parallel}", "{ tensor_parallel: 2 }")}`;
    expect(lines(text)).toEqual(["spark-1: vllm serve Qwen/Qwen3-8B -tp 1"]);
    expect(launch(text).warnings).toEqual([expect.stringContaining("1 is taken")]);
  });
});

describe("Ray", () => {
  const two = "vllm serve {model} -tp 2 --distributed-executor-backend ray";

  it("is what runtime: vllm-ray asks for, on every rank with its own devices", () => {
    const { ranks, warnings } = launch(`runtime: vllm-ray\n${withCommand(two)}`, { hosts: sparks(2) }, pair);
    expect(warnings).toEqual([]);
    expect(ranks.map(({ argv }) => argv.join(" "))).toEqual([
      "vllm serve Qwen/Qwen3-8B -tp 2 --distributed-executor-backend ray",
      "ray start --block --address=10.0.0.11:6379 --node-ip-address 10.0.0.12 --disable-usage-stats",
    ]);
    expect(ranks[0]?.docker.slice(ranks[0].docker.indexOf("vllm-node")).join(" ")).toBe(
      "vllm-node bash /spark-mesh/start.sh --own NCCL_IB_HCA --own RAY_NODE_IP_ADDRESS --own VLLM_HOST_IP -- ray start --head --port 6379 --node-ip-address 10.0.0.11 --disable-usage-stats -- vllm serve Qwen/Qwen3-8B -tp 2 --distributed-executor-backend ray",
    );
    expect(ranks[1]?.docker).not.toContain("/spark-mesh/start.sh");
  });

  it.each([
    ["recipe_version: 2\nruntime: vllm\n", {}, true],
    ["recipe_version: 2\nruntime: vllm-distributed\n", {}, false],
    ["recipe_version: 1\nname: x\n", {}, false],
    ["recipe_version: 1\nname: x\nruntime: vllm\n", {}, false],
    ["recipe_version: 1\nname: x\n", { distributed_executor_backend: "ray" }, true],
    ["recipe_version: 1\nname: x\n", { runtime: "vllm-ray" }, true],
  ])("%j with a ray in the command and %j: %s", (head, values, isRay) => {
    const change = { hosts: sparks(2), overrides: overrides(values) };
    const { ranks, warnings } = launch(head + withCommand(two), change, pair);
    expect(ranks[1]?.argv[0]).toBe(isRay ? "ray" : "vllm");
    expect(ranks[0]?.argv.includes("--distributed-executor-backend")).toBe(isRay);
    expect(warnings).toEqual(isRay ? [] : [expect.stringContaining("dropped: ranks meet without Ray")]);
  });

  it("is nothing to one rank", () => {
    expect(lines(`runtime: vllm-ray\n${withCommand("vllm serve {model}")}`)).toEqual([
      "spark-1: vllm serve Qwen/Qwen3-8B",
    ]);
  });
});

describe("the environment", () => {
  const three = withCommand("vllm serve {model} -pp 3");

  it("is the recipe's before the mesh's, with a warning where it contradicts a ring", () => {
    const env = "env: { NCCL_IB_MERGE_NICS: 1, NCCL_NET_PLUGIN: none, NCCL_DEBUG: INFO, VLLM_HOST_IP: 10.0.0.11 }\n";
    const { ranks, warnings } = launch(env + three, { hosts: sparks(3) }, ring);
    expect(ranks[1]?.env).toMatchObject({ NCCL_IB_MERGE_NICS: "1", NCCL_DEBUG: "INFO", VLLM_HOST_IP: "10.0.0.11" });
    expect(warnings).toEqual([
      'test.yaml:1:28: env.NCCL_IB_MERGE_NICS: found "1", the ring needs 0; the recipe wins, unless the deployment has fabricEnv: mesh',
      "test.yaml:1:86: env.VLLM_HOST_IP: the same on every rank, each of which has its own; the recipe wins, unless the deployment has fabricEnv: mesh",
    ]);
  });

  it("has the devices that face the deployment's peers", () => {
    const two = withCommand("vllm serve {model} -tp 2");
    const hosts = sparks(3).slice(1);
    const { ranks } = launch(two, { hosts }, ring);
    expect(ranks.map(({ host, env }) => [host, env.NCCL_IB_HCA, env.NCCL_NET_PLUGIN])).toEqual([
      ["spark-2", "rocep1s0f0,roceP2p1s0f0", undefined],
      ["spark-3", "rocep1s0f1,roceP2p1s0f1", undefined],
    ]);
  });
});

describe("the container", () => {
  const solo = withCommand("vllm serve {model}");
  const docker = (text: string, change: Partial<LaunchWish> = {}, mesh?: typeof ring) =>
    launch(text, change, mesh).ranks[0]?.docker.join(" ") ?? "";

  it.each(["100g", "100G", "100gb", "100GiB", "0.5t", "102400m", "107374182400b", "1g"])(
    "may have the limit %s",
    (limit) => {
      expect(docker(`executor_config: { memory_limit: ${limit} }\n${solo}`)).toContain(`--memory ${limit} `);
    },
  );

  it("has the options that a recipe asks for", () => {
    const options =
      "executor_config: { restart_policy: always, memory_limit: 110g, ulimit: [memlock=1, nofile=65535], devices: ['/dev/infiniband:/dev/infiniband', /dev/x], cap_add: SYS_PTRACE, labels: spark-mesh.digest=x, ipc: private, shm_size: 10gb, entrypoint: /entry.sh, volumes: ['/data:/data:ro'], user: root }\n";
    const text = docker(options + withCommand("vllm serve {model} -tp 2"), { hosts: sparks(2) }, pair);
    for (const part of [
      "--restart always",
      "--memory 110g",
      "--ulimit stack=67108864 --ulimit memlock=1 --ulimit nofile=65535",
      "--device /dev/infiniband --device /dev/x --cap-add IPC_LOCK --cap-add SYS_PTRACE",
      "--ipc private --shm-size 10gb --network host",
      "--volume /data:/data:ro --label spark-mesh.digest=x --env",
      "--entrypoint /entry.sh --label spark-mesh.deployment=test",
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain("--privileged");
  });

  it("has all rights only where a recipe wants it", () => {
    const text = docker(
      `executor_config: { privileged: true }\n${withCommand("vllm serve {model} -tp 2")}`,
      { hosts: sparks(2) },
      pair,
    );
    expect(text).toContain("--privileged --ulimit memlock=-1");
    expect(text).not.toMatch(/--device|--cap-add/);
  });

  it("has a model's folder, unless a cache or the image has it", () => {
    const model = (path: string) => docker(solo.replace("Qwen/Qwen3-8B", path));
    expect(model("/models/qwen")).toContain("--volume /models/qwen:/models/qwen:ro");
    expect(model("/root/.cache/huggingface/x")).not.toContain(":ro");
  });

  it("says which options have no effect", () => {
    const text = `executor_config: { auto_remove: true, shm_size: 32gb, network: host, user: root }\n${solo}`;
    expect(launch(text).warnings.map((line) => line.replace(/^\S+ executor_config.(\w+):.*/, "$1"))).toEqual([
      "auto_remove",
      "shm_size",
    ]);
  });

  it("refuses options with which something else would run", () => {
    const text = `executor_config: { network: bridge, user: 1000:1000 }\n${solo}`;
    expect(faultsOf(() => launch(text))).toEqual([
      'test.yaml:1:29: executor_config.network: not supported: found "bridge", ranks meet on the host\'s own network; leave it out',
      'test.yaml:1:43: executor_config.user: not supported: found "1000:1000", caches and mods are root\'s; leave it out',
    ]);
  });

  it("has another digest with everything that matters, and nothing else", () => {
    const digest = (text: string, change: Partial<LaunchWish> = {}) => launch(text, change).ranks[0]?.digest;
    const first = digest(solo);
    expect(digest(`# a comment\n${solo}`)).toBe(first);
    const changed = [
      digest(solo.replace("vllm-node", "vllm-node:2")),
      digest(`${solo}env: { A: 1 }\n`),
      digest(`${solo}mods: [fix-a]\n`),
      digest(`${solo}model_revision: abc\n`),
      digest(solo, { overrides: overrides({ port: 1 }) }),
      digest(solo, { known: { mods: { "fix-a": "abc" } } }),
      digest(`executor_config: { privileged: true }\n${solo}`),
    ];
    expect(new Set([first, ...changed]).size).toBe(8);
  });
});

it("warns of a share of memory that a warm node rarely has", () => {
  const text = withCommand("vllm serve {model} --gpu-memory-utilization {g}", "{ g: 0.9 }");
  expect(launch(text).warnings).toEqual([
    "test.yaml:5:47: --gpu-memory-utilization 0.9: above 0.82 it often fails on a warm node",
  ]);
});

it.each(["--api-key sk-a", "--api-key=sk-a", "--hf-token hf_a", "--api_key sk-a sk-b"])(
  "warns of a key among the arguments, and shows none: %s",
  (words) => {
    const { warnings } = launch(withCommand(`vllm serve {model} ${words} --port 8000`));
    expect(warnings).toEqual([
      expect.stringMatching(
        /^test.yaml:5:\d+: a key among the server's arguments: every user of its hosts reads it in ps; give it as VLLM_API_KEY/,
      ),
    ]);
    expect(warnings[0]).not.toMatch(/sk-|hf_/);
  },
);

it("has a key that the stack gives in the environment alone", () => {
  const text = withCommand("VLLM_API_KEY={api_key} vllm serve {model} --port 8000");
  const { ranks, warnings } = launch(text, { overrides: overrides({ api_key: "sk-a" }) });
  expect(ranks[0]?.env).toMatchObject({ VLLM_API_KEY: "sk-a" });
  expect(ranks[0]?.process.join(" ")).not.toContain("sk-a");
  expect(warnings).toEqual([]);
});
