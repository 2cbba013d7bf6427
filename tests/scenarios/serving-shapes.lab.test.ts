import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { standInReference } from "../../lab/hosts/image";
import { Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { complete, untilServed } from "../completions";
import { signalContainer } from "../containers";
import { inside } from "../inside";
import { scenarioEngines } from "./engines";
import { until } from "./observe";
import { succeeds } from "./steps";

const HOSTS = ["spark-1", "spark-2", "spark-3", "spark-4"] as const;

const RECIPE = `recipe_version: "2"
model: acme/small
runtime: vllm
container: ${standInReference}
defaults: { port: 8000, tensor_parallel: 1, pipeline_parallel: 1, gpu_memory_utilization: 0.4 }
command: |
  vllm serve {model} --port {port} -tp {tensor_parallel} -pp {pipeline_parallel}
  --gpu-memory-utilization {gpu_memory_utilization}
`.replace(/\n {2}--gpu/, " \\\n  --gpu");

/** The same with its ranks in a Ray cluster. */
const RAY_RECIPE = RECIPE.replace("runtime: vllm", "runtime: vllm-ray");

interface Wish {
  readonly name: string;
  /** Default: the recipe without Ray. */
  readonly recipe?: "ray";
  readonly hosts: readonly string[];
  readonly overrides?: Readonly<Record<string, number>>;
}

/** Four Sparks on a switch, and on them deployments of every shape. */
describe.each(scenarioEngines())("deployments on a switch on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "spark-mesh-recipe-"));
    writeFileSync(join(folder, "small.yaml"), RECIPE);
    writeFileSync(join(folder, "ray.yaml"), RAY_RECIPE);
    lab = await Lab.up({
      name: "shapes",
      fresh: true,
      stackFile: false,
      docker: true,
      wiring: "switch",
      hosts: HOSTS.map((name) => ({ name, renderer: "networkd" })),
    });
    await lab.loadImage(["spark-1", "spark-3", "spark-4"]);
    project = await Project.create(engine, lab, { config: { system: { dockerGroup: true } } });
  });

  afterAll(async () => {
    project?.remove();
    await lab?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const serve = async (...deployments: readonly Wish[]): Promise<void> => {
    project.reconfigure({
      deployments: deployments.map(({ recipe = "small", ...wish }) => ({
        ...wish,
        recipe: join(folder, `${recipe}.yaml`),
        readySeconds: 180,
      })),
    });
    await succeeds(project.up("--skip-preview"));
  };
  const running = async (): Promise<Record<string, string[]>> => {
    const named = HOSTS.map(async (host) => {
      const names = await inside(lab, host, "docker ps --format '{{.Names}}'");
      return [host, names.split("\n").filter(Boolean).sort()] as const;
    });
    return Object.fromEntries(await Promise.all(named));
  };
  const ids = (host: string) => inside(lab, host, "docker ps --no-trunc --format '{{.ID}}'");
  const ask = (host: string, port = 8000): Promise<string> => {
    const { address = "" } = lab.hosts.find(({ name }) => name === host) ?? {};
    return complete({ address, port }, { model: "acme/small", max_tokens: 1 });
  };
  const completes = async (...where: Parameters<typeof ask>) => expect(await ask(...where)).toMatch(/^200 /);
  const pair: Wish = { name: "pair", hosts: ["spark-1", "spark-2"], overrides: { tensor_parallel: 2 } };
  const solo: Wish = { name: "solo", hosts: ["spark-4"] };
  const beside: Wish = { name: "beside", hosts: ["spark-1"], overrides: { port: 8002 } };

  it("serves a pair, a solo one, and one beside another on the same host", async () => {
    await serve(pair, solo, beside);
    expect(await running()).toEqual({
      "spark-1": ["spark-mesh-beside-0", "spark-mesh-pair-0"],
      "spark-2": ["spark-mesh-pair-1"],
      "spark-3": [],
      "spark-4": ["spark-mesh-solo-0"],
    });
    await completes("spark-1");
    await completes("spark-1", 8002);
    await completes("spark-4");
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("refuses what can't be side by side, before anything is touched", async () => {
    const before = await ids("spark-1");
    project.reconfigure({
      deployments: [pair, { ...beside, overrides: {} }].map((wish) => ({
        ...wish,
        recipe: join(folder, "small.yaml"),
      })),
    });
    const { code, output } = await project.up("--skip-preview");
    expect(code).not.toBe(0);
    expect(output).toContain("spark-1: port 8000 is wanted by pair and beside; override port of one of them");
    expect(await ids("spark-1")).toBe(before);
  });

  // The lab engine has no --target.
  if (engine.kind === "cli") {
    it("ends one alone where it alone is destroyed", async () => {
      await serve(pair, solo, beside);
      const before = await ids("spark-1");
      await succeeds(project.destroy("--skip-preview", "--target=**::cluster-solo*"));
      expect((await running())["spark-4"]).toEqual([]);
      expect(await ids("spark-1")).toBe(before);
      await completes("spark-1");
    });
  }

  it("serves tensor parallel 2 x pipeline parallel 2 on all four; what is no longer declared is gone", async () => {
    await serve({ name: "four", hosts: [...HOSTS], overrides: { tensor_parallel: 2, pipeline_parallel: 2 } });
    expect(await running()).toEqual(Object.fromEntries(HOSTS.map((host, rank) => [host, [`spark-mesh-four-${rank}`]])));
    await completes("spark-1");
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("starts its ranks anew where the network of one of its hosts is mended", async () => {
    const before = await ids("spark-3");
    await inside(lab, "spark-2", "ip link set enp1s0f0np0 mtu 1500");
    expect(await succeeds(project.preview())).toContain("spark-2: enp1s0f0np0: mtu: found 1500, wanted 9000");
    await succeeds(project.up("--skip-preview"));
    expect(await ids("spark-3")).not.toBe(before);
    await completes("spark-1");
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("serves two replicas", async () => {
    await serve({ name: "two", hosts: ["spark-3", "spark-4"], overrides: { data_parallel: 2 } });
    await completes("spark-3");
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("serves a pair over Ray, and again by itself after a rank was killed", async () => {
    await serve({ name: "ray", recipe: "ray", hosts: ["spark-2", "spark-3"], overrides: { pipeline_parallel: 2 } });
    expect(await inside(lab, "spark-3", "docker inspect -f '{{json .Args}}' spark-mesh-ray-1")).toContain(
      '"start","--block","--address=',
    );
    await completes("spark-2");
    await succeeds(project.preview("--expect-no-changes"));
    const before = await ids("spark-2");
    await signalContainer(lab, "spark-3", "spark-mesh-ray-1");
    await until(
      lab,
      ["spark-2"],
      "journalctl --quiet --output=cat --unit spark-mesh-ranks.service | grep -q 'ray: rank 0 starts anew: '",
      60,
    );
    // Not its /health: a head that is about to stop still looks healthy.
    await untilServed(() => ask("spark-2"), 120);
    expect(await ids("spark-2")).toBe(before);
    await succeeds(project.preview("--expect-no-changes"));
  });
});
