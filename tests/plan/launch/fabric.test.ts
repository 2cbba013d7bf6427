import { describe, expect, it } from "vitest";
import type { LaunchWish } from "../../../plan/launch/launch";
import { planMesh } from "../../../plan/planMesh";
import { deployed, fresh, planOf, plansOf, recipeOf } from "../deployments/deployed";
import { cluster, freshProbes } from "../hosts";
import { faultsOf, launch, sparks, withCommand } from "../recipe/recipes";

const ring = planMesh(cluster(), freshProbes());
/** Port 0 of the first to port 1 of the second. */
const pair = planMesh(cluster({}, 2), freshProbes("1/0-2/1", 2));
const two = withCommand("vllm serve {model} -tp 2");
const three = withCommand("vllm serve {model} -pp 3");
const env = (text: string, command = two) => `env: { ${text} }\n${command}`;
const onPair = (text: string, change: Partial<LaunchWish> = {}, command = two) =>
  launch(env(text, command), { hosts: sparks(2), ...change }, pair);
const WINS = "; the recipe wins, unless the deployment has fabricEnv: mesh";

describe("another person's devices", () => {
  it("are a warning for each rank where the mesh needs others", () => {
    const onRing = (text: string) => launch(env(text, three), { hosts: sparks(3) }, ring).warnings;
    expect(onRing("NCCL_IB_HCA: 'rocep1s0f0,roceP2p1s0f0'")).toEqual(
      ["spark-1", "spark-2", "spark-3"].map(
        (host) =>
          `test.yaml:1:21: env.NCCL_IB_HCA: found "rocep1s0f0,roceP2p1s0f0", ${host} needs rocep1s0f0,roceP2p1s0f0,rocep1s0f1,roceP2p1s0f1${WINS}`,
      ),
    );
    // Before the command, too.
    const command = "export NCCL_IB_HCA=rocep1s0f0\nvllm serve {model} -pp 3";
    const { warnings } = launch(withCommand(command), { hosts: sparks(3) }, ring);
    expect(warnings).toHaveLength(3);
    expect(warnings[0]).toMatch(/^test.yaml:4:10: env.NCCL_IB_HCA: found "rocep1s0f0", spark-1 needs /);
  });

  it("are none where NCCL takes the same of them on a host", () => {
    const same = ["'roceP2p1s0f0,rocep1s0f0'", "'rocep1s0f0:1,roceP2p1s0f0:1'", "'=rocep1s0f0,roceP2p1s0f0'", "'roce'"];
    for (const value of same) {
      const { warnings } = launch(env(`NCCL_IB_HCA: ${value}`), { hosts: sparks(2) }, twins());
      expect([value, warnings]).toEqual([value, []]);
    }
    expect(launch(env("NCCL_IB_HCA: '^mlx5'"), { hosts: sparks(2) }, twins()).warnings).toEqual([]);
    expect(launch(env("NCCL_IB_HCA: '^roceP2p1s0f0'"), { hosts: sparks(2) }, twins()).warnings).toHaveLength(2);
    expect(launch(env("NCCL_IB_HCA: 'rocep1s0f0'"), { hosts: sparks(2) }, twins()).warnings).toHaveLength(2);
  });

  it("are a problem on each host where they have no cable", () => {
    expect(faultsOf(() => onPair("NCCL_IB_HCA: 'rocep1s0f0,roceP2p1s0f0'"))).toEqual(
      ["rocep1s0f0", "roceP2p1s0f0"].map(
        (device) =>
          `test.yaml:1:21: env.NCCL_IB_HCA: found "${device}", which has no cable on spark-2, wanted one of rocep1s0f1, roceP2p1s0f1; leave NCCL_IB_HCA out, or give the deployment fabricEnv: mesh`,
      ),
    );
    expect(faultsOf(() => onPair("NCCL_IB_HCA: mlx5_0"))).toHaveLength(2);
    // An exact name is no beginning of another.
    expect(onPair("NCCL_IB_HCA: roce").warnings).toEqual([]);
    expect(faultsOf(() => onPair("NCCL_IB_HCA: '=roce'"))).toHaveLength(2);
  });
});

describe("another person's interfaces", () => {
  const names = [
    "NCCL_SOCKET_IFNAME",
    "GLOO_SOCKET_IFNAME",
    "TP_SOCKET_IFNAME",
    "UCX_NET_DEVICES",
    "OMPI_MCA_btl_tcp_if_include",
    "MN_IF_NAME",
  ];

  it.each(names)("are a problem without a cable, and a warning with one: %s", (name) => {
    expect(faultsOf(() => onPair(`${name}: enp1s0f0np0`))).toEqual([
      expect.stringMatching(
        new RegExp(`env.${name}: found "enp1s0f0np0", which has no cable on spark-2, wanted one of`),
      ),
    ]);
    expect(onPair(`${name}: eth9`).warnings).toEqual(
      ["spark-1", "spark-2"].map((host) => expect.stringContaining(`found "eth9", ${host} needs enP7s7${WINS}`)),
    );
    expect(onPair(`${name}: enP7s7`).warnings).toEqual([]);
  });

  it("are a problem where a host that was asked has none of that name", () => {
    const hosts = sparks(2).map((host) => ({ ...host, netdevs: ["lo", "enP7s7", "wlP9s9"] }));
    expect(faultsOf(() => onPair("GLOO_SOCKET_IFNAME: eth9", { hosts }))).toHaveLength(2);
    expect(onPair("GLOO_SOCKET_IFNAME: wlP9s9", { hosts }).warnings).toHaveLength(2);
    // NCCL alone takes a beginning for a name.
    expect(onPair("NCCL_SOCKET_IFNAME: wl", { hosts }).warnings).toHaveLength(2);
    expect(faultsOf(() => onPair("GLOO_SOCKET_IFNAME: wl", { hosts }))).toHaveLength(2);
  });

  it("are those that the hosts told of", () => {
    const given = (name: string) => fresh(env(`GLOO_SOCKET_IFNAME: ${name}`, "").concat(recipeOf(3)));
    expect(() => planOf(given("eth9"))).toThrow(/found "eth9", which has no cable on spark-1/);
    expect(plansOf(given("lo")).warnings.filter((line) => line.includes('found "lo"'))).toHaveLength(3);
  });

  it("are nothing to one rank, or while the hosts weren't asked", () => {
    const solo = withCommand("vllm serve {model}");
    expect(launch(env("GLOO_SOCKET_IFNAME: eth9, NCCL_IB_GID_INDEX: 3", solo), {}, pair).warnings).toEqual([]);
    expect(launch(env("GLOO_SOCKET_IFNAME: enp1s0f0np0"), { hosts: sparks(2) }).warnings).toEqual([]);
  });
});

it("warns for each rank of a GID index", () => {
  expect(onPair("NCCL_IB_GID_INDEX: 3").warnings).toEqual(
    ["spark-1", "spark-2"].map(
      (host) =>
        `test.yaml:1:27: env.NCCL_IB_GID_INDEX: found "3", ${host} needs none: it differs by host, and moves${WINS}`,
    ),
  );
});

describe("fabricEnv: mesh", () => {
  const foreign =
    "NCCL_IB_HCA: rocep1s0f0, NCCL_SOCKET_IFNAME: eth9, NCCL_IB_GID_INDEX: 3, NCCL_IB_MERGE_NICS: 1, VLLM_HOST_IP: 10.9.9.9, NCCL_DEBUG: INFO";

  it("lets the mesh win, without a word, and leaves the recipe what is its own", () => {
    const change = { hosts: sparks(3), fabricEnv: "mesh" as const };
    const command = "export GLOO_SOCKET_IFNAME=eth8\nvllm serve {model} -pp 3";
    const { ranks, warnings } = launch(env(foreign, withCommand(command)), change, ring);
    expect(warnings).toEqual([]);
    const [, second] = ranks;
    expect(second?.env).toMatchObject({
      NCCL_IB_HCA: "rocep1s0f0,roceP2p1s0f0,rocep1s0f1,roceP2p1s0f1",
      NCCL_SOCKET_IFNAME: "enP7s7",
      GLOO_SOCKET_IFNAME: "enP7s7",
      NCCL_IB_MERGE_NICS: "0",
      VLLM_HOST_IP: "10.0.0.12",
      NCCL_DEBUG: "INFO",
    });
    expect(second?.env).not.toHaveProperty("NCCL_IB_GID_INDEX");
  });

  it("is a deployment's to say", () => {
    const text = env("NCCL_IB_HCA: mlx5_0", "").concat(recipeOf(3));
    expect(() => planOf(fresh(text))).toThrow(/found "mlx5_0", which has no cable on spark-1/);
    const plan = planOf(deployed(fresh(text, [{ fabricEnv: "mesh" }])));
    expect(plan.launch.ranks[0]?.env.NCCL_IB_HCA).toMatch(/^rocep1s0f0,/);
    expect(plan.state).toBe("settled");
  });

  it("leaves nothing of other cabling to one rank", () => {
    const solo = withCommand("vllm serve {model}");
    const { ranks } = launch(env("GLOO_SOCKET_IFNAME: eth9, A: b", solo), { fabricEnv: "mesh" }, pair);
    expect(ranks[0]?.env).toMatchObject({ A: "b" });
    expect(ranks[0]?.env).not.toHaveProperty("GLOO_SOCKET_IFNAME");
  });
});

describe("another cache than the containers'", () => {
  const solo = (text: string, command = "vllm serve {model}") => launch(env(text, withCommand(command)));

  it.each([
    "HF_HOME: /root/.cache/huggingface",
    "HF_HOME: /cache/huggingface/",
    "HF_HOME: ~/.cache/huggingface",
    "HF_HUB_CACHE: /cache/huggingface/hub, HF_HOME: /elsewhere",
    "XDG_CACHE_HOME: /root/.cache",
    "HOME: /root",
    "VLLM_USE_MODELSCOPE: 'False'",
  ])("is none: %s", (text) => {
    expect(solo(text).warnings).toEqual([]);
  });

  it.each([
    [
      "HF_HOME: /models",
      /^test.yaml:1:17: env.HF_HOME: found "\/models", which has the models in \/models\/hub, wanted/,
    ],
    ["HF_HUB_CACHE: /models/hub", /env.HF_HUB_CACHE: .* in \/models\/hub,/],
    [
      "HUGGINGFACE_HUB_CACHE: /root/.cache/huggingface",
      /env.HUGGINGFACE_HUB_CACHE: .* in \/root\/.cache\/huggingface,/,
    ],
    ["XDG_CACHE_HOME: /tmp/cache", /env.XDG_CACHE_HOME: .* in \/tmp\/cache\/huggingface\/hub,/],
    ["HOME: /home/me", /env.HOME: .* in \/home\/me\/.cache\/huggingface\/hub,/],
    ["VLLM_USE_MODELSCOPE: 'True'", /env.VLLM_USE_MODELSCOPE: found True, wanted none/],
  ])("is a problem: %s", (text, said) => {
    expect(faultsOf(() => solo(text))).toEqual([expect.stringMatching(said)]);
  });

  it("is a problem before the command, and as a folder for a drafter's weights", () => {
    expect(faultsOf(() => solo("A: b", "export HF_HOME=/x\nvllm serve {model}"))).toEqual([
      expect.stringMatching(/^test.yaml:5:10: env.HF_HOME: found "\/x"/),
    ]);
    const folder = "vllm serve {model} --download-dir /x";
    expect(solo("A: b", folder).warnings).toEqual([]);
    expect(faultsOf(() => solo("A: b", `${folder} --spec-model a/b`))).toEqual([
      expect.stringMatching(/--download-dir: found \/x, wanted .*, where a\/b is/),
    ]);
  });

  it("is nothing to a model that is a folder", () => {
    const text = env("HF_HOME: /x", withCommand("vllm serve {model}")).replace("Qwen/Qwen3-8B", "/models/qwen");
    expect(launch(text).warnings).toEqual([]);
  });

  it.each(["/root/.cache/huggingface", "/cache/huggingface/hub", "/root/.cache/huggingface/hub/models--a--b/"])(
    "is a problem as a volume over it: %s",
    (target) => {
      const text = `executor_config: { volumes: ['/data:/data', '/x:${target}'] }\n${withCommand("vllm serve {model}")}`;
      expect(faultsOf(() => launch(text))).toEqual([
        expect.stringMatching(/^test.yaml:1:45: executor_config.volumes\[1\]: found \/x:.*, which hides the models in/),
      ]);
    },
  );
});

/** Two hosts with port 0 of each on a switch. */
function twins() {
  return planMesh(cluster({}, 2), freshProbes("1/0-switch-a 2/0-switch-a", 2));
}
