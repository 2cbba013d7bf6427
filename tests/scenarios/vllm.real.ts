import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { makeTinyLlama, realVllmImage, realVllmPlace, realVllmShares } from "../../lab/hosts/real-vllm";
import { Project } from "../../lab/project";
import { complete, untilServed } from "../completions";
import { livesOf, signalContainer } from "../containers";
import { inside } from "../inside";
import { scenarioEngines } from "./engines";
import { succeeds } from "./steps";

const HOSTS = ["spark-1", "spark-2", "spark-3"] as const;
const MODEL = "/home/nvidia/tiny-llama";

/** Compiling for a CPU takes longer than the model; without CUDA graphs, and never --enforce-eager, which hangs with -pp. */
const RECIPE = `recipe_version: "2"
model: ${MODEL}
runtime: vllm
container: ${realVllmImage.reference}
env:
  PYTHONPATH: ${realVllmPlace}
  OMP_NUM_THREADS: 1
  VLLM_CPU_KVCACHE_SPACE: 1
  VLLM_CPU_OMP_THREADS_BIND: nobind
  VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS: 60
executor_config:
  volumes: ["${realVllmPlace}:${realVllmPlace}:ro"]
command: ${realVllmPlace}/bin/vllm serve {model} --port 8000 -tp 1 -pp 3 --max-model-len 256 --max-num-seqs 4 -cc.mode=2 -cc.backend=eager
`;

/** What the stand-in is held to: three ranks of the real vLLM, on the processors of virtual Sparks. */
describe.each(scenarioEngines())("the real vLLM across a ring on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "spark-mesh-recipe-"));
    writeFileSync(join(folder, "tiny.yaml"), RECIPE);
    const shares = await realVllmShares(console.log);
    lab = await Lab.up({ name: "real-vllm", fresh: true, stackFile: false, docker: true, shares });
    await lab.loadImage(["spark-1"], realVllmImage, console.log);
    await makeTinyLlama(lab, "spark-1", MODEL);
    project = await Project.create(engine, lab, {
      config: {
        system: { dockerGroup: true },
        deployments: [{ name: "tiny", recipe: join(folder, "tiny.yaml"), readySeconds: 600 }],
      },
    });
  });

  afterAll(async () => {
    project?.remove();
    await lab?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = () => complete(lab.hosts[0], { model: MODEL, max_tokens: 4, ignore_eos: true });
  const lives = () => livesOf(lab, "tiny");
  /** Until every rank lives another life than then, and a completion is answered. */
  const untilServedAgain = (before: readonly string[], seconds: number) =>
    untilServed(
      async () => {
        for (const [rank, life] of (await lives()).entries()) expect(life).not.toBe(before[rank]);
        return ask();
      },
      seconds,
      2,
    );

  it("answers a completion after one up, each rank with its part of the model", async () => {
    await succeeds(project.up("--skip-preview"));
    const answer = await ask();
    expect(answer).toMatch(/^200 /);
    expect(JSON.parse(answer.slice(4)).usage.completion_tokens).toBe(4);
    for (const [rank, host] of HOSTS.entries()) {
      expect(await inside(lab, host, `docker logs spark-mesh-tiny-${rank} 2>&1`)).toMatch(
        new RegExp(`rank ${rank} in world size 3 is assigned as DP rank 0, PP rank ${rank}`),
      );
    }
  });

  it("has nothing to do then", async () => {
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("is served again by itself after a rank was killed", async () => {
    const before = await lives();
    await signalContainer(lab, "spark-2", "spark-mesh-tiny-1");
    await untilServedAgain(before, 600);
  });

  it("is served again by itself after a host rebooted", async () => {
    const before = await lives();
    await lab.reboot("spark-3");
    await untilServedAgain(before, 600);
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("leaves nothing that runs after a destroy", async () => {
    await succeeds(project.destroy("--skip-preview"));
    for (const host of HOSTS) {
      expect(await inside(lab, host, "docker ps -aq; pgrep -il vllm || true"), host).toBe("");
      expect(await inside(lab, host, "ls -d /var/lib/spark-mesh* /run/spark-mesh* 2>/dev/null || true"), host).toBe("");
    }
  });
});
