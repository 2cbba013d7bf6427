import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import * as pulumi from "@pulumi/pulumi";
import { beforeAll, beforeEach, expect, it } from "vitest";
import type { Cluster } from "../../components/cluster";
import { Mesh } from "../../components/mesh";
import { type PlannedDeployment, VllmDeployment } from "../../components/vllmDeployment";
import type { Login } from "../../facts/hostFacts";
import {
  type Case,
  changeContainer,
  DRAFTER,
  deployed,
  drafted,
  fresh,
  planOf,
  recipeOf,
  unreachable,
} from "../plan/deployments/deployed";
import { COMMAND, type Registered, record, registered } from "./registered";

const SETTLED = ["create", "update", "delete", "stdin"];
const TOKEN = "hf_canary";

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource: ({ name, inputs }) => ({ id: `${name}-id`, state: { ...inputs, stdout: "said\n" } }),
      call: () => ({}),
    },
    "spark-mesh",
    "home",
    true,
    "organization",
  );
});

beforeEach(() => {
  registered.length = 0;
});

/** Registers the only deployment of a case, and returns its own resources by name, in their order. */
async function resourcesOf(given: Case, hfToken?: string): Promise<Map<string, Registered>> {
  const logins = new Map<string, Login>(
    given.cluster.hosts.map(({ name, address }) => [
      name,
      { address, port: 22, user: "nvidia", hostKey: "ssh-ed25519 AAAA" },
    ]),
  );
  const mesh = new Mesh("mesh", { cluster: given.cluster, plan: given.plan, logins });
  const plan = planOf(given);
  const options = { transformations: [record] };
  const planned: PlannedDeployment = { mesh, plan, ...(hfToken !== undefined && { hfToken }) };
  const cluster = { deploy: async () => planned } as unknown as Cluster;
  const deployment = new VllmDeployment("qwen", { cluster, name: plan.name, recipe: "" }, options);
  await new Promise((resolve) => deployment.endpoint.apply(resolve));
  return new Map(registered.map((resource) => [resource.name, resource]));
}

/** What a command sends: the document as its host reads it, the sudo password before it, and whether it is a secret. */
async function documentOf(
  resource: Registered | undefined,
): Promise<{ text: string; password: string; secret: boolean }> {
  const stdin = pulumi.output(resource?.inputs.stdin as pulumi.Input<string>);
  const secret = await pulumi.isSecret(stdin);
  const sent = await new Promise<string>((resolve) => pulumi.unsecret(stdin).apply(resolve));
  const [password = "", payload = ""] = sent.trimEnd().split("\n").slice(-2);
  return { text: gunzipSync(Buffer.from(payload, "base64")).toString(), password, secret };
}

const names = (resources: Map<string, Registered>) => [...resources.keys()];
const ignored = (resources: Map<string, Registered>) =>
  [...resources.values()]
    .filter(({ type }) => type === COMMAND)
    .map(({ name, options }) => [name, options.ignoreChanges]);
const COMMANDS = ["qwen-image-fetch", "qwen-model-fetch", "qwen-rank-1", "qwen-rank-2", "qwen-rank-0", "qwen-ready"];

it("has an image, a model, a command a rank with the head last, and a wait", async () => {
  const resources = await resourcesOf(fresh(recipeOf(3)));
  expect(names(resources)).toEqual([
    "qwen",
    "qwen-image",
    "qwen-image-fetch",
    "qwen-model",
    "qwen-model-fetch",
    ...COMMANDS.slice(2),
  ]);
  expect(ignored(resources)).toEqual(COMMANDS.map((name) => [name, []]));
  const texts = COMMANDS.map((name) => [resources.get(name)?.inputs.create, resources.get(name)?.inputs.delete]);
  expect(texts).toEqual([
    ["exec bash -s user image", undefined],
    ["exec bash -s user model", undefined],
    ...[1, 2, 0].map(() => ["exec bash -s root deploy", "exec bash -s root undeploy"]),
    ["exec bash -s user ready", undefined],
  ]);
});

it("sends what builds an image where it is to be built, and only then", async () => {
  const folder = mkdtempSync(join(tmpdir(), "components-build-"));
  const git = (...words: string[]) =>
    execFileSync("git", ["-C", folder, "-c", "user.name=a", "-c", "user.email=a@example.com", ...words]).toString();
  git("init", "--quiet");
  writeFileSync(join(folder, "build-and-copy.sh"), "#!/bin/bash\n");
  git("add", ".");
  git("commit", "--quiet", "-m", "One");
  const commit = git("rev-parse", "HEAD").trim();
  const given = fresh(recipeOf(1, "build_args: [--tf5]\n"));
  const built = {
    ...given,
    recipes: new Map([...given.recipes].map(([name, read]) => [name, { ...read, build: { commit, folder } }])),
  };
  const image = async (of: Case) => {
    const resources = await resourcesOf(of);
    const { text } = await documentOf(resources.get("qwen-image-fetch"));
    registered.length = 0;
    return {
      inputs: resources.get("qwen-image")?.inputs,
      lines: text.split("\n").filter((line) => /^(build|argument|source) /.test(line)),
    };
  };
  const first = await image(built);
  rmSync(folder, { recursive: true });
  expect(first.inputs).toMatchObject({ build: { commit, arguments: ["--tf5"] } });
  expect(first.lines).toEqual([`build ${commit}`, "argument LS10ZjU=", expect.stringMatching(/^source H4sI/)]);
  // What isn't there can't be sent.
  expect((await image(deployed(built))).lines).toEqual(first.lines.slice(0, 2));
});

it("has a model of its own for each that the server needs, one after another, each with its document", async () => {
  const config = `{"model":"${DRAFTER}","revision":"refs/pr/1"}`;
  const resources = await resourcesOf(fresh(drafted(3, config)), TOKEN);
  const drafter = `qwen-model-acme--drafter@refs--pr--1`;
  expect(names(resources).slice(3, 7)).toEqual(["qwen-model", "qwen-model-fetch", drafter, `${drafter}-fetch`]);
  expect(resources.get(drafter)?.inputs).toMatchObject({ model: DRAFTER, revision: "refs/pr/1", use: "drafter" });
  const { text, secret } = await documentOf(resources.get(`${drafter}-fetch`));
  expect(text).toMatch(/^model acme\/drafter$/m);
  expect(secret).toBe(true);
  const waitsFor = async (name: string) => {
    const [before] = [resources.get(name)?.options.dependsOn].flat(2) as pulumi.Resource[];
    return new Promise((resolve) => before?.urn.apply(resolve));
  };
  expect(await waitsFor("qwen-model-fetch")).toMatch(/::qwen-image$/);
  expect(await waitsFor(`${drafter}-fetch`)).toMatch(/::qwen-model$/);
  const last = [resources.get("qwen-rank-1")?.options.dependsOn].flat(2).at(-1) as pulumi.Resource;
  expect(await new Promise((resolve) => last.urn.apply(resolve))).toMatch(/::qwen-model-acme/);
});

it("waits where something is to be done: network, image, model, workers, head, answer", async () => {
  const resources = await resourcesOf(fresh(recipeOf(3)));
  const before = (name: string) => [resources.get(name)?.options.dependsOn].flat(2).length;
  expect(before("qwen-image-fetch")).toBe(1);
  expect(before("qwen-model-fetch")).toBe(1);
  // What it is gone before at a destroy, and the model; the head its workers besides.
  expect(before("qwen-rank-0") - before("qwen-rank-1")).toBe(2);
  expect(before("qwen-ready")).toBe(3);
});

it("waits for nobody and sends nothing where all is as it should be", async () => {
  const resources = await resourcesOf(deployed(fresh(recipeOf(3))));
  expect(ignored(resources)).toEqual(COMMANDS.map((name) => [name, SETTLED]));
  expect([resources.get("qwen-ready")?.options.dependsOn].flat()).toEqual([]);
  expect(resources.get("qwen-rank-1")?.inputs.update).toBe("exec bash -s root deploy");
});

it("starts all ranks anew where one is not as it should be, and leaves image and model alone", async () => {
  const resources = await resourcesOf(changeContainer(deployed(fresh(recipeOf(3))), "spark-2", { status: "exited" }));
  const due = ignored(resources).flatMap(([name, inputs]) => (inputs?.length === 0 ? [name] : []));
  expect(due).toEqual(COMMANDS.slice(2));
  expect(resources.get("qwen-rank-0")?.inputs.update).toMatch(/^exec bash -s root deploy # [A-Za-z0-9 .,:/=_-]+$/);
});

it("keeps what state has where a host can't be asked", async () => {
  const given = unreachable(deployed(fresh(recipeOf(3))), "spark-3");
  const resources = await resourcesOf(given);
  for (const [name, inputs] of ignored(resources).slice(2)) {
    expect(inputs, `${name}`).toEqual([...SETTLED, "connection"]);
  }
});

it("has a token in the model's document alone, and the ranks' and that are secrets", async () => {
  const resources = await resourcesOf(fresh(recipeOf(3)), TOKEN);
  const encoded = Buffer.from(TOKEN).toString("base64");
  for (const name of COMMANDS) {
    const { text, secret } = await documentOf(resources.get(name));
    const isModels = name === "qwen-model-fetch";
    expect([name, secret, text.includes(encoded)]).toEqual([name, isModels || name.includes("-rank-"), isModels]);
    expect(text).not.toContain(TOKEN);
  }
});

it("shows of the environment what is the network's alone, and no key among the arguments", async () => {
  const recipe = `env: { VLLM_API_KEY: sk-env }\n${recipeOf(2).replace("--port", "--api-key sk-word --port")}`;
  const inputs = (await resourcesOf(fresh(recipe))).get("qwen")?.inputs ?? {};
  const [head] = (await inputs.ranks) as { arguments: pulumi.Input<string>[]; environment: Record<string, unknown> }[];
  const secrets = async (values: readonly unknown[] = []) =>
    Promise.all(values.map((value) => pulumi.isSecret(pulumi.output(value))));
  const environment = Object.keys(head?.environment ?? {});
  expect(environment).toEqual(expect.arrayContaining(["NCCL_CUMEM_ENABLE", "VLLM_API_KEY", "VLLM_HOST_IP"]));
  const hidden = await secrets(Object.values(head?.environment ?? {}));
  const network = /^(NCCL_|(GLOO|TP)_SOCKET_IFNAME$|UCX_NET_DEVICES$|OMPI_MCA_|MN_IF_NAME$|VLLM_HOST_IP$|RAY_NODE_IP_)/;
  expect(environment.filter((_, index) => !hidden[index])).toEqual(environment.filter((name) => network.test(name)));
  const words = head?.arguments ?? [];
  expect(await secrets(words)).toEqual(words.map((_, index) => words[index - 1] === "--api-key"));
  expect(JSON.stringify(words.filter((word) => typeof word === "string"))).not.toContain("sk-");
});

it("sends a sudo password to who needs root, and to nobody else", async () => {
  const given = fresh(recipeOf(3));
  const hosts = given.cluster.hosts.map((host) => ({ ...host, sudoPassword: "pass word" }));
  const resources = await resourcesOf({ ...given, cluster: { ...given.cluster, hosts } });
  for (const name of COMMANDS) {
    const { password, secret } = await documentOf(resources.get(name));
    const isRoots = name.includes("-rank-");
    expect([name, password, secret]).toEqual([name, isRoots ? "pass word" : "", isRoots]);
  }
});

it("records what is wished for, property by property", async () => {
  const { inputs } = (await resourcesOf(fresh(recipeOf(2)))).get("qwen") ?? { inputs: {} };
  expect(Object.keys(inputs)).toEqual(["recipe", "image", "models", "endpoint", "ranks"]);
  const recorded = Object.entries(inputs).map(async ([key, value]) => [key, await value]);
  expect(Object.fromEntries(await Promise.all(recorded))).toMatchObject({
    recipe: "test",
    image: "ghcr.io/acme/vllm:1",
    models: [{ use: "model", model: "Qwen/Qwen3-8B" }],
    ranks: [{ rank: 0, host: "spark-1" }, {}],
  });
});
