import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { standInReference } from "../../lab/hosts/image";
import { Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { complete } from "../completions";
import { inside } from "../inside";
import { scenarioEngines } from "./engines";
import { succeeds } from "./steps";

const HOSTS = ["spark-1", "spark-2"] as const;
const HUB = "/home/nvidia/.cache/huggingface/hub";
const DRAFTER = `${HUB}/models--acme--drafter`;

/** A served model with a drafter, a tokenizer and an adapter from other repositories; the stand-in fails without them. */
const recipe = (drafter: string, environment = "{}"): string => `recipe_version: "2"
model: acme/small
runtime: vllm
container: ${standInReference}
min_nodes: 2
env: ${environment}
defaults:
  gpu_memory_utilization: 0.4
  speculative_config: '${drafter}'
command: |
  vllm serve {model} --tensor-parallel-size 2 --gpu-memory-utilization {gpu_memory_utilization} \\
    --speculative-config '{speculative_config}' --tokenizer acme/tokens --lora-modules one=acme/adapter
`;
const drafterAt = (revision: string) => `{"method":"dflash","model":"acme/drafter","revision":"${revision}"}`;

/** What a server reads beside its model, on the lab's stand-ins for the hub and for vLLM. */
describe.each(scenarioEngines())("a drafter and its like on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "spark-mesh-recipe-"));
    lab = await Lab.up({
      name: "drafter",
      fresh: true,
      stackFile: false,
      docker: true,
      wiring: "pair",
      hosts: HOSTS.map((name) => ({ name, renderer: "networkd" })),
    });
    await lab.loadImage(["spark-1"]);
    project = await Project.create(engine, lab, { config: { system: { dockerGroup: true } } });
    project.reconfigure({
      deployments: [{ name: "small", recipe: join(folder, "small.yaml"), readySeconds: 180 }],
    });
    writeFileSync(join(folder, "small.yaml"), recipe(drafterAt("v1")));
  });

  afterAll(async () => {
    project?.remove();
    await lab?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const completes = async () =>
    expect(await complete(lab.hosts[0], { model: "acme/small", max_tokens: 1 }, 20)).toMatch(/^200 /);
  const ids = async (): Promise<readonly string[]> =>
    Promise.all(HOSTS.map((host) => inside(lab, host, "docker ps --no-trunc --format '{{.Names}} {{.ID}}'")));
  /** Digests of all that a host has of a snapshot. */
  const contents = async (host: string, revision: string): Promise<string> =>
    inside(
      lab,
      host,
      `cd ${DRAFTER} && cd snapshots/$(cat refs/${revision}) && sha256sum $(find . ! -type d | sort) && ls ../../.spark-mesh*`,
    );

  it("is refused at preview where nobody can tell what it is, before anything is touched", async () => {
    writeFileSync(join(folder, "small.yaml"), recipe('{"method":"eagle3","num_speculative_tokens":2}'));
    const { code, output } = await project.up("--skip-preview");
    expect(code).not.toBe(0);
    expect(output).toMatch(/small\.yaml:\d+:\d+: --speculative-config: found the method eagle3 and no model/);
    writeFileSync(join(folder, "small.yaml"), recipe(drafterAt("v1"), "{ NCCL_IB_HCA: rocep9s0f0 }"));
    expect((await project.preview()).output).toMatch(
      /env\.NCCL_IB_HCA: found "rocep9s0f0", which has no cable on spark-2/,
    );
    expect(await inside(lab, "spark-1", `ls ${HUB} 2>/dev/null || true; docker ps -aq`)).toBe("");
    writeFileSync(join(folder, "small.yaml"), recipe(drafterAt("v1")));
  });

  it("is fetched on the head, copied, and served with", async () => {
    await succeeds(project.up("--skip-preview"));
    await completes();
    const head = await contents("spark-1", "v1");
    expect(head).toMatch(/model-00003-of-00003\.safetensors/);
    expect(head).toContain("../../.spark-mesh-v1.json");
    expect(await contents("spark-2", "v1")).toBe(head);
    const others = "models--acme--adapter models--acme--drafter models--acme--small models--acme--tokens";
    expect((await inside(lab, "spark-2", `cd ${HUB} && echo models--*`)).trim()).toBe(others);
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("is said when it isn't whole on a host, and mended there; then its ranks start anew", async () => {
    const [before, wanted] = [await ids(), await contents("spark-1", "v1")];
    await inside(lab, "spark-2", `cd ${DRAFTER}/snapshots/* && rm model-00002-of-00003.safetensors`);
    expect(await succeeds(project.preview())).toMatch(
      /spark-2: acme\/drafter: files: found 5 files with \d+ bytes, wanted 6 files with \d+ bytes/,
    );
    await succeeds(project.up("--skip-preview"));
    expect(await contents("spark-2", "v1")).toBe(wanted);
    const after = await ids();
    expect(after.map((id, rank) => id === before[rank])).toEqual([false, false]);
    await completes();
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("is fetched from a host that has it where the head lost it", async () => {
    const wanted = await contents("spark-2", "v1");
    await inside(lab, "spark-1", `rm -rf ${DRAFTER}`);
    expect(await succeeds(project.preview())).toMatch(/spark-1: acme\/drafter: files: found missing, wanted 6 files/);
    await succeeds(project.up("--skip-preview"));
    expect(await contents("spark-1", "v1")).toBe(wanted);
    await completes();
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("is another one at another revision, beside the one of before", async () => {
    const first = await contents("spark-2", "v1");
    writeFileSync(join(folder, "small.yaml"), recipe(drafterAt("v2")));
    await succeeds(project.up("--skip-preview"));
    expect(await contents("spark-2", "v2")).not.toBe(first);
    expect(await contents("spark-2", "v2")).toBe(await contents("spark-1", "v2"));
    await completes();
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("stays where it is after a destroy, and nothing runs", async () => {
    await succeeds(project.destroy("--skip-preview"));
    for (const host of HOSTS) {
      expect(await inside(lab, host, "docker ps -aq; ls -d /var/lib/spark-mesh* 2>/dev/null || true"), host).toBe("");
      expect(await contents(host, "v2"), host).toContain("safetensors");
    }
  });
});
