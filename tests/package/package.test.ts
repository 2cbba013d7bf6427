import { execFile } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { playHosts } from "../../lab/bench/playedHosts";
import { labEngine } from "../../lab/cli";

/** The npm package as a stranger takes it: packed, in a project with nothing else in it. */

const checkout = join(__dirname, "../..");
const MINUTES = 60_000;

/** The played hosts were made by the stack `test` of this project. */
const PULUMI =
  'name: spark-mesh\nmain: index.js\nruntime: { name: nodejs, options: { typescript: false, nodeargs: "--no-deprecation" } }\n';

const PROGRAM = `const pulumi = require("@pulumi/pulumi");
const { Cluster } = require("spark-mesh");
const clusters = require("./clusters.json");
const [home, lab] = Object.entries(clusters).map(([name, args]) => new Cluster(name, args));
class Own extends pulumi.ComponentResource {
  constructor(name, options) {
    super("stranger:index:Own", name, {}, options);
    this.registerOutputs();
  }
}
new Own("own", { dependsOn: [home] });
module.exports = { topologies: [home.topology, lab.topology] };
`;
let project: string;
let tarball: string;

const at = (...parts: string[]) => join(project, "node_modules/spark-mesh", ...parts);
const bin = (name: string) => join(checkout, "node_modules/.bin", name);

/** Waits without holding up the test runner: a compiler takes a minute on a busy machine. */
function run(command: string, args: readonly string[], cwd: string, env = process.env) {
  return new Promise<{ readonly status: number; readonly said: string }>((resolve) => {
    execFile(command, args, { cwd, env, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ status, said: `${stdout}${stderr}` });
    });
  });
}

/** Uses what types there are. */
const USE = `import * as pulumi from "@pulumi/pulumi";
import {
  Cluster,
  type ClusterArgs,
  type ClusterNodes,
  type DeploymentArguments,
  type HostArguments,
  type Spark,
} from "spark-mesh";
export function make(hosts: readonly HostArguments[], deployments: readonly DeploymentArguments[]): Cluster {
  const args: ClusterArgs = { hosts, deployments, sudoPasswords: pulumi.secret({ "spark-1": "x" }) };
  const made = new Cluster("made", args);
  made.nodes.apply((nodes: ClusterNodes) => nodes.mesh.nodes.sparks.map((spark: Spark) => spark.host));
  return made;
}
`;

/** Writes the template's program and those that the library's page shows, each a block, and returns their files. */
function writeShown(): readonly string[] {
  const page = readFileSync(join(checkout, "docs/library.md"), "utf8");
  copyFileSync(join(checkout, "templates/cluster/index.ts"), join(project, "template.ts"));
  const shown = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, program = ""], index) => {
    writeFileSync(join(project, `shown${index}.ts`), program);
    return `shown${index}.ts`;
  });
  return ["template.ts", ...shown];
}

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), "spark-mesh-stranger-"));
  const packed = await run("npm", ["pack", "--pack-destination", project], checkout);
  expect(packed.status, packed.said).toBe(0);
  tarball = join(project, readdirSync(project).find((name) => name.endsWith(".tgz")) ?? "");
  mkdirSync(at(), { recursive: true });
  expect((await run("tar", ["xzf", tarball, "--strip-components=1", "-C", at()], project)).status).toBe(0);
  // What npm would install beside it, from where it is already.
  const { dependencies } = JSON.parse(readFileSync(at("package.json"), "utf8"));
  for (const name of [...Object.keys(dependencies), "@types/node"]) {
    mkdirSync(dirname(join(project, "node_modules", name)), { recursive: true });
    symlinkSync(join(checkout, "node_modules", name), join(project, "node_modules", name));
  }
  writeFileSync(join(project, "package.json"), '{ "name": "stranger", "private": true }\n');
  for (const file of ["use.ts", "use.mts", "use.cts"]) writeFileSync(join(project, file), USE);
}, 10 * MINUTES);

afterAll(() => rmSync(project, { recursive: true, force: true }));

it.each([
  ["node10", "--module commonjs --moduleResolution node10 --ignoreDeprecations 6.0 use.ts"],
  ["node16 from CommonJS", "--module node16 use.cts"],
  ["node16 from ESM", "--module node16 use.mts"],
  ["a bundler", "--module esnext --moduleResolution bundler use.ts"],
])(
  "has types under %s, strict and with every declaration checked",
  async (_resolution, options) => {
    const common = ["--strict", "--noEmit", "--skipLibCheck", "false", "--target", "es2022", "--types", "node"];
    expect(await run(bin("tsc"), [...common, ...options.split(" ")], project)).toEqual({ status: 0, said: "" });
  },
  5 * MINUTES,
);

it(
  "has a page whose programs are right",
  async () => {
    const shown = writeShown();
    expect(shown.length).toBeGreaterThan(2);
    const options = "--strict --noEmit --target es2022 --types node --module commonjs --moduleResolution bundler";
    expect(await run(bin("tsc"), [...options.split(" "), ...shown], project)).toEqual({ status: 0, said: "" });
  },
  5 * MINUTES,
);

it.each([
  ["an ESM program", "use.mjs", 'import { Cluster, VllmDeployment } from "spark-mesh";'],
  ["a CommonJS program", "use.cjs", 'const { Cluster, VllmDeployment } = require("spark-mesh");'],
])("runs in %s", async (_what, file, load) => {
  writeFileSync(join(project, file), `${load}\nconsole.log(typeof Cluster, VllmDeployment.name);\n`);
  expect(await run(process.execPath, [file], project)).toEqual({ status: 0, said: "function VllmDeployment\n" });
});

it(
  "makes two clusters beside a resource of the program's own, which waits for one of them",
  async () => {
    const [home, lab] = [await playHosts(2), await playHosts(3)];
    const folder = join(project, "program");
    try {
      mkdirSync(folder);
      writeFileSync(join(folder, "Pulumi.yaml"), PULUMI);
      writeFileSync(join(folder, "index.js"), PROGRAM);
      writeFileSync(join(folder, "clusters.json"), JSON.stringify({ home: home.config, lab: lab.config }));
      const env = { ...process.env, PULUMI_BACKEND_URL: `file://${folder}`, PULUMI_CONFIG_PASSPHRASE: "x" };
      const [node = "", ...engine] = labEngine().command;
      const pulumi = async (...words: string[]) => {
        const { status, said } = await run(node, [...engine, ...words, "--stack", "test"], folder, env);
        expect(status, said).toBe(0);
        return said;
      };
      await run(node, [...engine, "stack", "init", "test"], folder, env);
      const made = await pulumi("up", "--yes", "--skip-preview");
      for (const name of ["home", "home-mesh-spark-2-netplan-commit", "lab-mesh-spark-3-netplan-commit", "own"]) {
        expect(made).toMatch(new RegExp(` \\+ \\S+ ${name} created$`, "m"));
      }
      expect(made.indexOf("Own own creating")).toBeGreaterThan(
        made.indexOf("home-mesh-spark-2-netplan-commit created"),
      );
      await pulumi("preview", "--expect-no-changes");
      expect(await pulumi("stack", "output", "topologies")).toContain('["switch","switch"]');
    } finally {
      for (const hosts of [home, lab]) hosts.close();
    }
  },
  5 * MINUTES,
);

it(
  "has nothing for publint and attw to say",
  async () => {
    expect(await run(bin("publint"), ["run", "--strict", tarball], project)).toMatchObject({ status: 0 });
    expect(await run(bin("attw"), ["--quiet", tarball], project)).toMatchObject({ status: 0 });
  },
  5 * MINUTES,
);

it("has the command, with recipes and the editor's schema", async () => {
  const shown = await run(
    process.execPath,
    [at("bin/spark-mesh.cjs"), "recipe", "show", "qwen3-coder-next-fp8-2x-vllm"],
    project,
  );
  expect(shown.said).toContain(": 2 ranks, ");
  expect(shown.status).toBe(0);
  expect(JSON.parse(readFileSync(at("config/stack.schema.json"), "utf8"))).toHaveProperty("properties.config");
});

it("brings what runs on a Spark, and nothing of the lab", () => {
  expect(readdirSync(at("dist/scripts"))).toContain("stage.sh");
  expect(readdirSync(at("dist/host/spark_mesh_host"))).toContain("__main__.py");
  expect(existsSync(at("lab"))).toBe(false);
  expect(existsSync(at("dist/lab"))).toBe(false);
});

it("is what the template depends on", () => {
  const { dependencies } = JSON.parse(readFileSync(join(checkout, "templates/cluster/package.json"), "utf8"));
  const own = JSON.parse(readFileSync(at("package.json"), "utf8"));
  expect(dependencies["spark-mesh"]).toBe(`^${own.version}`);
  expect(dependencies["@pulumi/pulumi"]).toBe(`^${own.dependencies["@pulumi/pulumi"]}`);
});

it("has every file that README and docs link to", () => {
  const pages = ["README.md", ...readdirSync(at("docs")).map((page) => `docs/${page}`), "recipes/README.md"];
  const links = pages.flatMap((page) =>
    [...readFileSync(at(page), "utf8").matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, link = ""]) => link)
      .filter((link) => !/^[a-z]+:/.test(link))
      .map((link) => normalize(join(dirname(page), link))),
  );
  expect(links.length).toBeGreaterThan(5);
  expect([...new Set(links)].filter((path) => !existsSync(at(path)))).toEqual([]);
});
