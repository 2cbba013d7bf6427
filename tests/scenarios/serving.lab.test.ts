import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { complete, untilServed } from "../completions";
import { livesOf, signalContainer, signalText } from "../containers";
import { inside } from "../inside";
import { scenarioEngines } from "./engines";
import { until } from "./observe";
import { succeeds } from "./steps";

const HOSTS = ["spark-1", "spark-2", "spark-3"] as const;
const IMAGE = "ghcr.io/spark-arena/dgx-vllm-eugr-nightly-tf5:latest";
const RECIPE = "qwen3.5-397b-a17b-int4-autoround-3x-vllm";

interface Drift {
  readonly what: string;
  readonly host: string;
  /** Run as root inside the host. */
  readonly breakage: string;
  /** Somewhere in the preview's warnings. */
  readonly says: RegExp;
}

/** Another server under the same name and labels, as somebody tries something out. */
const BY_HAND = `
  label() { docker inspect -f "{{index .Config.Labels \\"spark-mesh.$1\\"}}" spark-mesh-qwen-1; }
  digest=$(label digest) stack=$(label stack)
  docker rm -f spark-mesh-qwen-1
  docker run --detach --name spark-mesh-qwen-1 --label spark-mesh.deployment=qwen --label spark-mesh.rank=1 \\
    --label "spark-mesh.stack=$stack" --label "spark-mesh.digest=$digest" ${IMAGE} sleep 1000`;

/** The head, once it is old enough to have warmed up. */
const HANGING = `
  started=$(date -d "$(docker inspect -f '{{.State.StartedAt}}' spark-mesh-qwen-0)" +%s)
  until [ $(($(date +%s) - started)) -gt 62 ]; do sleep 1; done
  ${signalText("spark-mesh-qwen-0", "STOP")}`;

/** A worker that finds no model any more, once it has died. */
const WITHOUT_MODEL = `
  mv /home/nvidia/.cache/huggingface/hub /home/nvidia/.cache/huggingface/away
  ${signalText("spark-mesh-qwen-2")}
  sleep 15`;

const DRIFTS: readonly Drift[] = [
  {
    what: "a container that is gone",
    host: "spark-3",
    breakage: "docker rm -f spark-mesh-qwen-2",
    says: /spark-3: spark-mesh-qwen-2: state: found missing, wanted running/,
  },
  {
    what: "a container that was stopped",
    host: "spark-2",
    breakage: "docker stop -t 1 spark-mesh-qwen-1",
    says: /spark-2: spark-mesh-qwen-1: state: found exited, wanted running/,
  },
  {
    what: "a watch that was stopped",
    host: "spark-1",
    breakage: "systemctl disable --now spark-mesh-ranks.service",
    says: /spark-1: watch: state: found inactive, wanted active/,
  },
  {
    what: "a container made anew by hand",
    host: "spark-2",
    breakage: BY_HAND,
    says: /spark-2: spark-mesh-qwen-1: argument 1: found sleep, wanted bash/,
  },
  {
    what: "a tag that names another image",
    host: "spark-3",
    breakage: `docker commit spark-mesh-qwen-2 ${IMAGE}`,
    says: /spark-3: \S+: image: found sha256:[0-9a-f]{12}, wanted sha256:[0-9a-f]{12}/,
  },
  {
    what: "a server that hangs",
    host: "spark-1",
    breakage: HANGING,
    says: /spark-1: endpoint qwen: answer: found silent, wanted a completion/,
  },
  {
    what: "a rank that can't come back",
    host: "spark-3",
    breakage: WITHOUT_MODEL,
    // Whichever of the ranks is caught between two lives.
    says: /spark-\d: (spark-mesh-qwen-\d: state: found \w+, wanted running|endpoint qwen: answer: found \w+, wanted a completion)/,
  },
];

/** The recipe of the article, on the lab's stand-in for vLLM. */
describe.each(scenarioEngines())("a model served across a ring on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let mods: { readonly folder: string; readonly commit: string };

  beforeAll(async () => {
    mods = modsRepository();
    lab = await Lab.up({ name: "serving", fresh: true, stackFile: false, docker: true });
    await lab.loadImage(["spark-1"], { reference: IMAGE, env: { VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS: "5" } });
    project = await Project.create(engine, lab, {
      config: {
        system: { dockerGroup: true },
        deployments: [
          { name: "qwen", recipe: RECIPE, readySeconds: 180, mods: `file://${mods.folder}#${mods.commit}` },
        ],
      },
    });
  });

  afterAll(async () => {
    project?.remove();
    await lab?.down();
    rmSync(mods.folder, { recursive: true, force: true });
  });

  const containers = async (): Promise<readonly string[]> =>
    Promise.all(HOSTS.map((host) => inside(lab, host, "docker ps --no-trunc --format '{{.Names}} {{.ID}}'")));
  const ask = () => complete(lab.hosts[0], { model: "Intel/Qwen3.5-397B-A17B-int4-AutoRound", max_tokens: 1 }, 10);

  /** The watch may have ranks meet once more after they were served: it never acts twice within 10 s. */
  const untilCalm = async (seconds: number): Promise<void> => {
    const deadline = Date.now() + seconds * 1000;
    for (let before = await livesOf(lab, "qwen"); ; ) {
      await sleep(15_000);
      const now = await livesOf(lab, "qwen");
      const isCalm = now.every((life, rank) => life === before[rank] && life.includes(" running "));
      if (isCalm && (await ask().catch(String)).startsWith("200 ")) return;
      if (Date.now() > deadline) throw new Error(`no calm within ${seconds} s: ${now.join(", ")}`);
      before = now;
    }
  };

  it("is served after one up, and nothing is to do then", async () => {
    await succeeds(project.up("--skip-preview"));
    expect(await ask()).toMatch(/^200 /);
    expect(await project.output("endpoints")).toEqual({ qwen: `http://${lab.hosts[0]?.address}:8000/v1` });
    await succeeds(project.preview("--expect-no-changes"));
  });

  // The lab engine's state is encrypted as a whole.
  it.runIf(engine.kind === "cli")("has no value of a rank's environment in the state of the real CLI", async () => {
    const { deployment } = JSON.parse(await project.exported());
    const of = (urn: RegExp) => deployment.resources.filter((one: { urn: string }) => urn.test(one.urn));
    const [wish] = of(/:VllmDeployment::cluster-qwen$/);
    const sealed = expect.objectContaining({ ciphertext: expect.any(String) });
    for (const { environment } of wish.inputs.ranks) {
      expect(environment).toMatchObject({ NCCL_NET: "IB", VLLM_MARLIN_USE_ATOMIC_ADD: sealed });
    }
    const commands = of(/::cluster-qwen-rank-\d$/);
    expect(commands).toHaveLength(3);
    for (const { inputs, outputs } of commands) {
      expect([inputs.stdin, outputs.stdin]).toEqual([sealed, sealed]);
    }
  });

  it("runs a rank on each host: pipeline parallel 3, two of them headless, in a ring", async () => {
    for (const [rank, host] of HOSTS.entries()) {
      const [container] = JSON.parse(await inside(lab, host, `docker container inspect spark-mesh-qwen-${rank}`));
      const words: string[] = container.Args;
      expect(words).toEqual(expect.arrayContaining(["-pp", "3", "-tp", "1", "--nnodes", "--node-rank", `${rank}`]));
      expect(words.includes("--headless")).toBe(rank > 0);
      expect(container.Config.Env).toEqual(
        expect.arrayContaining(["NCCL_NET_PLUGIN=none", "NCCL_IB_SUBNET_AWARE_ROUTING=1", "NCCL_IB_MERGE_NICS=0"]),
      );
      expect(container.HostConfig.Privileged).toBe(false);
    }
  });

  it("touches no container where nothing changed", async () => {
    const before = await containers();
    await succeeds(project.up("--skip-preview"));
    expect(await containers()).toEqual(before);
  });

  it.each(DRIFTS)("$what: said at a preview, mended, and quiet", async ({ host, breakage, says }) => {
    await inside(lab, host, breakage);
    expect(await succeeds(project.preview())).toMatch(says);
    await succeeds(project.up("--skip-preview"));
    expect(await ask()).toMatch(/^200 /);
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("is served again by itself after a rank was killed, and after a host rebooted", async () => {
    await signalContainer(lab, "spark-2", "spark-mesh-qwen-1");
    await sleep(1000);
    await untilServed(ask, 60);
    await lab.reboot("spark-3");
    await until(lab, ["spark-3"], "docker inspect -f '{{.State.Running}}' spark-mesh-qwen-2 | grep -q true", 60);
    await sleep(3000);
    await untilServed(ask, 90);
    await untilCalm(120);
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("is made anew alone where a flag changes", async () => {
    const netplan = await inside(lab, "spark-1", "stat -c '%i %Z' /etc/netplan/40-cx7.yaml");
    project.reconfigure({
      deployments: [
        {
          name: "qwen",
          recipe: RECIPE,
          readySeconds: 180,
          mods: `file://${mods.folder}#${mods.commit}`,
          overrides: { max_num_seqs: 4 },
        },
      ],
    });
    await succeeds(project.up("--skip-preview"));
    expect(await inside(lab, "spark-1", "docker inspect -f '{{json .Args}}' spark-mesh-qwen-0")).toContain(
      '"--max-num-seqs","4"',
    );
    expect(await inside(lab, "spark-1", "stat -c '%i %Z' /etc/netplan/40-cx7.yaml")).toBe(netplan);
    expect(await ask()).toMatch(/^200 /);
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("leaves nothing that runs, and nothing of its own, after a destroy", async () => {
    await succeeds(project.destroy("--skip-preview"));
    for (const host of HOSTS) {
      expect(
        await inside(
          lab,
          host,
          "docker ps -aq; ls -d /var/lib/spark-mesh* /run/spark-mesh* /etc/netplan/40-cx7.yaml 2>/dev/null; systemctl list-units --all --plain --no-legend '*spark-mesh*'; find /etc/systemd -name '*spark-mesh*'",
        ),
        host,
      ).toBe("");
    }
  });
});

/** What the article's recipe names, in a repository as their authors have it. */
function modsRepository(): { readonly folder: string; readonly commit: string } {
  const folder = mkdtempSync(join(tmpdir(), "spark-mesh-mods-"));
  const put = (name: string, text: string): void => {
    mkdirSync(join(folder, "mods", name), { recursive: true });
    writeFileSync(join(folder, "mods", name, "run.sh"), text, { mode: 0o755 });
  };
  put("fix-qwen3.5-autoround", "#!/bin/bash\necho 'RoPE parameters are as they should be'\n");
  put("fix-qwen3.5-chat-template", '#!/bin/bash\necho "{{ messages }}" >"$WORKSPACE_DIR/unsloth.jinja"\n');
  const git = (...words: string[]): string =>
    execFileSync("git", ["-C", folder, "-c", "user.name=test", "-c", "user.email=test@example.com", ...words], {
      encoding: "utf8",
    });
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "-m", "Mods");
  return { folder, commit: git("rev-parse", "HEAD").trim() };
}
