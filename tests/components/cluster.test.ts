import * as pulumi from "@pulumi/pulumi";
import { beforeAll, beforeEach, expect, it, vi } from "vitest";
import { Cluster } from "../../components/cluster";
import { VllmDeployment } from "../../components/vllmDeployment";
import type { HostArguments } from "../../config/arguments";
import type { ClusterConfig } from "../../config/cluster";
import type { Login, Probe } from "../../facts/hostFacts";
import { emptyDocker } from "../plan/deployments/deployed";
import { change, freshProbes } from "../plan/hosts";
import { COMMAND, record, registered } from "./registered";

/** What the hosts are asked, and what they answer. */
const hosts = vi.hoisted(() => ({
  asked: [] as ClusterConfig[],
  probes: new Map<string, Probe>(),
}));

vi.mock("../../facts/gather", () => ({
  askHosts: async (cluster: ClusterConfig, decideQuestion: () => Promise<unknown>) => {
    hosts.asked.push(cluster);
    await decideQuestion();
    const logins = new Map<string, Login>(
      cluster.hosts.map(({ name, address }) => [
        name,
        { address, port: 22, user: "nvidia", hostKey: `ssh-ed25519 ${name}` },
      ]),
    );
    return { answers: async () => ({ probes: hosts.probes, logins }) };
  },
}));

const SPARKS: readonly HostArguments[] = [1, 2, 3].map((n) => ({ name: `spark-${n}`, address: `10.0.0.1${n}` }));
const QWEN = { name: "qwen", recipe: "gpt-oss-120b-solo-vllm" };

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource: ({ name, inputs }) => ({ id: `${name}-id`, state: { ...inputs, stdout: "said\n" } }),
      call: () => ({}),
    },
    "program",
    "test",
    true,
    "organization",
  );
});

beforeEach(() => {
  registered.length = 0;
  hosts.asked.length = 0;
  hosts.probes = SPARKS.reduce(
    (probes, { name }) => change(probes, name, (facts) => ({ ...facts, docker: emptyDocker() })),
    freshProbes(),
  );
});

const plain = <T>(input: pulumi.Input<T>) =>
  new Promise((resolve) => {
    pulumi.all([input]).apply(([value]) => resolve(value));
  });

it("is a mesh and its deployments, each named after it, with outputs of both", async () => {
  const args = { hosts: SPARKS, trust: false, deployments: [QWEN] };
  const home = new Cluster("home", args, { transformations: [record] });
  expect(await plain(home.topology)).toBe("ring");
  expect(Object.keys((await plain(home.addresses)) as object)).toEqual(["spark-1", "spark-2", "spark-3"]);
  expect(Object.keys((await plain(home.cables)) as object)).toHaveLength(3);
  expect(Object.keys((await plain(home.ncclEnv)) as object)).toHaveLength(3);
  expect(await plain(home.readme)).toContain("ring");
  expect(await plain(home.endpoints)).toEqual({ qwen: "http://10.0.0.11:8000/v1" });
  const byName = new Map(registered.map((one) => [one.name, one]));
  expect(byName.get("home")).toMatchObject({ type: "spark-mesh:index:Cluster", inputs: {} });
  expect(byName.get("home-mesh")?.options.parent).toBe(home);
  expect(byName.get("home-qwen")?.options.parent).toBe(home);
  expect([...byName.keys()].filter((name) => !name.startsWith("home-"))).toEqual(["home"]);
  expect(Object.keys(byName.get("home")?.inputs ?? {})).toEqual([]);
});

it("has its components as nodes, as soon as they are made", async () => {
  const home = new Cluster("home", { hosts: SPARKS, trust: false, deployments: [QWEN] });
  const names = await plain(
    home.nodes.apply(({ mesh, deployments }) => [
      mesh.nodes.sparks.map(({ host }) => host),
      deployments.map(({ deployment }) => deployment),
    ]),
  );
  expect(names).toEqual([["spark-1", "spark-2", "spark-3"], ["qwen"]]);
});

it("stands beside another one in a program: no two resources have one name", async () => {
  const other = new Cluster("lab", { hosts: SPARKS, trust: false, deployments: [QWEN] }, { transformations: [record] });
  const home = new Cluster("home", { hosts: SPARKS, trust: false, deployments: [QWEN] }, { transformations: [record] });
  await plain([home.endpoints, other.endpoints]);
  const names = registered.map(({ type, name }) => `${type} ${name}`);
  expect(names.length).toBeGreaterThan(80);
  expect(new Set(names).size).toBe(names.length);
});

it("takes secrets as outputs, and sends them as secrets to who needs them", async () => {
  const sudoPasswords = pulumi.secret({ "spark-2": pulumi.output("pass two") });
  const args = { hosts: SPARKS, trust: false, sudoPassword: pulumi.secret("pass one"), sudoPasswords };
  const home = new Cluster("home", args, { transformations: [record] });
  await plain(home.topology);
  expect(hosts.asked[0]?.hosts.map(({ sudoPassword }) => sudoPassword)).toEqual(["pass one", "pass two", "pass one"]);
  const stage = registered.find(({ name }) => name === "home-mesh-spark-2-netplan-stage");
  expect(await pulumi.isSecret(stage?.inputs.stdin as pulumi.Output<string>)).toBe(true);
  for (const { type, inputs } of registered.filter((one) => one.type !== COMMAND)) {
    expect(JSON.stringify(inputs), type).not.toContain("pass ");
  }
});

it("plans a deployment that stands by itself with its own, and asks the hosts once", async () => {
  const home = new Cluster("home", { hosts: SPARKS, trust: false, deployments: [QWEN] });
  const wanted = { cluster: home, name: "other", recipe: QWEN.recipe, hosts: ["spark-2"], overrides: { port: 8001 } };
  const other = new VllmDeployment("mine", wanted, { transformations: [record] });
  expect(await plain(other.endpoint)).toBe("http://10.0.0.12:8001/v1");
  expect(await plain(home.endpoints)).toEqual({ qwen: "http://10.0.0.11:8000/v1" });
  expect(hosts.asked.map(({ deployments }) => deployments.map(({ name }) => name))).toEqual([["qwen", "other"]]);
  const names = registered.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["mine", "mine-image", "mine-model", "mine-rank-0", "mine-ready"]));
  const late = () => new VllmDeployment("late", { cluster: home, name: "late", recipe: QWEN.recipe });
  expect(late).toThrow("late: its hosts are being asked already");
  expect(late).toThrow(pulumi.ResourceError);
});
