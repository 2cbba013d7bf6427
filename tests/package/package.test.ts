import { execFile } from "node:child_process";
import {
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

/** The npm package as a stranger takes it: packed, in a project with nothing else in it. */

const checkout = join(__dirname, "../..");
const MINUTES = 60_000;
let project: string;
let tarball: string;

const at = (...parts: string[]) => join(project, "node_modules/spark-mesh", ...parts);
const bin = (name: string) => join(checkout, "node_modules/.bin", name);

/** Waits without holding up the test runner: a compiler takes a minute on a busy machine. */
function run(command: string, args: readonly string[], cwd: string) {
  return new Promise<{ readonly status: number; readonly said: string }>((resolve) => {
    execFile(command, args, { cwd, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ status, said: `${stdout}${stderr}` });
    });
  });
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
  const program = `import { Faults, gatherFacts, type HostConfig, Mesh, type MeshArgs, parseClusterConfig, planMesh } from "spark-mesh";
export async function program(hosts: readonly Pick<HostConfig, "name" | "address">[]): Promise<Mesh> {
  const cluster = parseClusterConfig({ "spark-mesh:hosts": JSON.stringify(hosts) }, "/home/me", []);
  const { probes, logins } = await gatherFacts(cluster);
  const args: MeshArgs = { cluster, plan: planMesh(cluster, probes, logins), logins };
  return new Mesh("mine", args);
}
console.log(Faults.name);
`;
  for (const file of ["use.ts", "use.mts", "use.cts"]) writeFileSync(join(project, file), program);
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

it.each([
  ["an ESM program", "use.mjs", 'import { Faults, Mesh } from "spark-mesh";'],
  ["a CommonJS program", "use.cjs", 'const { Faults, Mesh } = require("spark-mesh");'],
])("runs in %s", async (_what, file, load) => {
  writeFileSync(join(project, file), `${load}\nconsole.log(typeof Mesh, Faults.name);\n`);
  expect(await run(process.execPath, [file], project)).toEqual({ status: 0, said: "function Faults\n" });
});

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
