import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { standInReference } from "../../lab/hosts/image";
import { Lab } from "../../lab/hosts/lab";
import { type LaunchPlan, planLaunch } from "../../plan/launch/launch";
import { planMesh } from "../../plan/planMesh";
import { parseRecipe } from "../../plan/recipe/recipe";
import { quietly } from "../inside";
import { cluster, freshProbes } from "../plan/hosts";
import { overrides } from "../plan/recipe/recipes";

const name = "test-docker";
const seconds = 3;
const recipe = `
model: Acme/Tiny
container: ${standInReference}
defaults: { pipeline_parallel: 3, gpu_memory_utilization: 0.7, enable_prefix_caching: true }
env: { VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS: ${seconds} }
`;

let lab: Lab;
let plan: LaunchPlan;
let id: string;

function everywhere<T>(work: (host: string) => Promise<T>): Promise<T[]> {
  return Promise.all(lab.hosts.map(({ name: host }) => work(host)));
}

/** Of a ring, at the lab's own addresses. */
function launch(): LaunchPlan {
  const mesh = planMesh(cluster(), freshProbes());
  const addresses = new Map(lab.hosts.map(({ name: host, address }) => [host, address]));
  const hosts = mesh.hosts.map((host) => ({ ...host, managementAddress: addresses.get(host.name) ?? "" }));
  return planLaunch(
    {
      name: "tiny",
      recipe: parseRecipe("tiny.yaml", recipe),
      overrides: overrides({}),
      hosts: lab.hosts.map(({ name: host, address }) => ({ name: host, address, home: "/home/nvidia" })),
      chosen: true,
    },
    { ...mesh, hosts },
  );
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}

/** What the endpoint answers a completion: its text, its status, or that nobody listens. */
async function completion(): Promise<string> {
  const { address, port } = plan.endpoint;
  const body = JSON.stringify({ model: "Acme/Tiny", prompt: "hello" });
  try {
    const response = await fetch(`http://${address}:${port}/v1/completions`, { method: "POST", body });
    const { choices } = (await response.json()) as { choices?: readonly { text: string }[] };
    return choices?.[0]?.text ?? `status ${response.status}`;
  } catch {
    return "refused";
  }
}

const served = "answered by the lab's stand-in for vLLM on spark-1 spark-2 spark-3";
const answers = () => expect.poll(completion, { timeout: 60_000, interval: 500 }).toBe(served);
const started = (host: string, rank: number) =>
  quietly(lab, host, `docker inspect --format '{{.State.Status}} {{.State.StartedAt}}' spark-mesh-tiny-${rank}`);

describe.skipIf(process.getuid?.() !== 0)("Docker on virtual Sparks", () => {
  beforeAll(async () => {
    await Lab.down(name);
    lab = await Lab.up({ name, docker: true, stackFile: false });
    id = await lab.loadImage();
    plan = launch();
  });

  afterAll(async () => {
    await Lab.down(name);
  });

  test("has the same image everywhere, for the user too", async () => {
    const inspect = `runuser -u nvidia -- docker image inspect --format '{{.Id}}' ${standInReference}`;
    expect(new Set(await everywhere((host) => quietly(lab, host, inspect)))).toEqual(new Set([id]));
    expect(await lab.loadImage(["spark-1"])).toBe(id);
  });

  test("has an image with an older NCCL, or none, beside it", async () => {
    const library = "/usr/lib/python3/dist-packages/nvidia/nccl/lib/libnccl.so.2";
    const ask = `import ctypes; v = ctypes.c_int(); ctypes.CDLL('${library}').ncclGetVersion(ctypes.byref(v)); print(v.value)`;
    const answer = (image: string) => lab.exec("spark-1", `docker run --rm --entrypoint python3 ${image} -c "${ask}"`);
    const [old, none] = ["spark-mesh-lab/vllm:old", "spark-mesh-lab/vllm:none"];
    expect(await lab.loadImage(["spark-1"], { reference: old, ncclVersion: 22809 })).not.toBe(id);
    await lab.loadImage(["spark-1"], { reference: none, ncclVersion: false });
    expect((await answer(standInReference)).stdout).toBe("23007\n");
    expect((await answer(old)).stdout).toBe("22809\n");
    expect((await answer(none)).stderr).toContain("cannot open shared object file");
  });

  test("serves with three ranks, as they are planned", async () => {
    const download = `docker run --rm --network host --user 1000:1000 --env HF_HOME=/hf --volume /home/nvidia/.cache/huggingface:/hf --entrypoint hf ${standInReference} download Acme/Tiny`;
    const folder = "install -d -o nvidia -g nvidia /home/nvidia/.cache /home/nvidia/.cache/huggingface";
    await everywhere((host) => quietly(lab, host, `${folder} && ${download} 2>/dev/null`));
    for (const { host, docker } of plan.ranks.toReversed()) {
      await quietly(lab, host, quoted(docker));
    }
    await answers();
    const { address } = lab.hosts[1] ?? {};
    await expect(fetch(`http://${address}:${plan.endpoint.port}/health`)).rejects.toThrow();
    const device = "docker exec spark-mesh-tiny-1 sh -c 'test -c /dev/infiniband/uverbs0 && hostname'";
    expect(await quietly(lab, "spark-2", device)).toBe("spark-2");
  });

  test("has a head that looks healthy while a rank is dead, hangs, and ends", async () => {
    const [head, worker] = await Promise.all([started("spark-1", 0), started("spark-2", 1)]);
    await quietly(lab, "spark-3", "docker kill spark-mesh-tiny-2");
    const { address, port } = plan.endpoint;
    expect((await fetch(`http://${address}:${port}/health`)).status).toBe(200);
    const before = Date.now();
    expect(await completion()).toBe("status 500");
    expect(Date.now() - before).toBeGreaterThanOrEqual(seconds * 1000);
    await expect.poll(() => started("spark-1", 0), { timeout: 20_000 }).not.toBe(head);
    // Docker has started the head again, and nobody has told the other rank.
    expect(await started("spark-2", 1)).toBe(worker);
    expect(await completion()).toBe("refused");
    await Promise.all([
      quietly(lab, "spark-2", "docker restart spark-mesh-tiny-1"),
      quietly(lab, "spark-3", "docker start spark-mesh-tiny-2"),
    ]);
    await answers();
  });

  test("keeps images and containers over a reboot and a loss of power", async () => {
    await lab.kill("spark-2");
    await Promise.all([lab.reboot("spark-1"), lab.boot("spark-2"), lab.reboot("spark-3")]);
    await answers();
  });
});
