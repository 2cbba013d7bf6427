import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { playHosts } from "../../lab/bench/playedHosts";
import { labEngine } from "../../lab/cli";
import { Project } from "../../lab/project";

/** What a person sees of problems: the whole program on an engine, with an ssh that is none. */
let project: Project;
let program: string;

const SPARK = { name: "spark-1", address: "192.0.2.1" };

beforeAll(async () => {
  project = await Project.create(labEngine(), { hosts: [] }, { config: { ssh: undefined } });
  program = readFileSync(join(project.dir, "index.ts"), "utf8");
  const bin = join(project.dir, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "ssh"), `#!/bin/sh\n: >${asked()}\necho no such option >&2\nexit 255\n`);
  chmodSync(join(bin, "ssh"), 0o755);
  project.env.PATH = `${bin}:${process.env.PATH}`;
});

afterAll(() => project.remove());

beforeEach(() => {
  project.reconfigure({ hosts: [SPARK], network: undefined, hfToken: undefined });
  writeFileSync(join(project.dir, "index.ts"), program);
});

const asked = () => join(project.dir, "asked");

function write(lines: string): void {
  const imports =
    'import * as pulumi from "@pulumi/pulumi";\nimport { Cluster, VllmDeployment } from "./components";\n';
  writeFileSync(join(project.dir, "index.ts"), `${imports}${lines}`);
}

it("tells all that is wrong with a stack's config at once, without a stack, and asks no host", async () => {
  project.reconfigure({ hosts: [{ ...SPARK, number: 0 }], network: { mtu: 9 }, hfToken: "canary" });
  expect((await project.preview()).output).toMatch(
    /error: 3 faults in the stack config:\n +hfToken: .*\n +hosts\[0\]\.number: .*\n +network\.mtu: .*\nResources:\n +\+ 1 to create\nerror: preview failed\n$/,
  );
  expect(existsSync(asked())).toBe(false);
});

it("tells what is wrong with hosts of their cluster, without a stack", async () => {
  const { output } = await project.up("--skip-preview");
  expect(output).toMatch(
    / {2}spark-mesh:index:Cluster \(cluster\):\n +error: 1 fault in the hosts:\n +spark-1: .*no such option.*\nResources:/,
  );
  expect(output).not.toMatch(/\.ts:\d|at |node:/);
  expect(existsSync(asked())).toBe(true);
});

it("refuses at up, before anything is made, what needs a host that can't be reached", async () => {
  const hosts = await playHosts(3);
  const folder = await Project.create(labEngine(), { hosts: [] }, { config: hosts.config });
  try {
    const [one, two, gone] = hosts.cluster.hosts.map(({ name, address, ssh: { port, user, hostKey } }) => {
      return { name, address, port, user, hostKey };
    });
    folder.reconfigure({ hosts: [one, two, { ...gone, port: 1 }], network: { mtu: 1500 } });
    const preview = await folder.preview();
    expect(preview.code, preview.output).toBe(0);
    expect(preview.output).toContain("`up` would stop before the first change");
    const { code, output } = await folder.up("--skip-preview");
    expect(code).toBe(1);
    expect(output).toMatch(
      / {2}spark-mesh:index:Cluster \(cluster\):\n +error: 1 fault in the change:\n +spark-3: unreachable .*\nResources:/,
    );
    expect(output).not.toContain("index:Mesh");
  } finally {
    hosts.close();
    folder.remove();
  }
});

it("tells what a program says wrong, of each cluster, once, and makes nothing of them", async () => {
  write(`
    const hosts = [${JSON.stringify(SPARK)}];
    const unknown = pulumi.output(pulumi.unknown as string);
    const home = new Cluster("home", { hosts, sudoPassword: unknown, hfToken: "", network: { mtu: 9 } });
    const chat = new VllmDeployment("chat", { cluster: home, name: "chat", recipe: "-" });
    const secret = pulumi.secret("nvidia") as unknown as string;
    const lab = new Cluster("lab", { hosts: [{ ...hosts[0], user: secret }], trust: unknown } as never);
    export const outputs = [home.topology, home.endpoints, chat.endpoint, lab.readme];
  `);
  const { code, output } = await project.preview();
  expect(code).toBe(1);
  const [, home = "", lab = ""] = output.split(/^ {2}spark-mesh:index:Cluster \((?:home|lab)\):$/m);
  expect(home).toMatch(
    /^\n +error: 4 faults in the arguments of home:\n +sudoPassword: not known at preview; .*\n +network\.mtu: .*\n +deployments\[0\]\.recipe: .*\n +hfToken: .*\n$/,
  );
  expect(lab).toMatch(
    /^\n +error: 2 faults in the arguments of lab:\n +hosts\[0\]\.user: a secret; .*\n +trust: not known at preview; .*\nResources:\n/,
  );
  expect(output).not.toMatch(/index:(Mesh|VllmDeployment)/);
  expect(output).not.toContain("Warning");
});
