import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exampleMesh } from "../../cli/exampleMesh";
import { ncclEnv } from "../../plan/nccl";
import { LocalRepository } from "../sources/localRepository";
import { sparkMeshHere } from "./command";

const ARTICLE = "qwen3.5-397b-a17b-int4-autoround-3x-vllm";
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "spark-mesh-recipe-"));
});

afterAll(() => rmSync(folder, { recursive: true }));

const run = (...words: string[]) => sparkMeshHere(["recipe", ...words]);

describe("show", () => {
  it("prints one JSON document, by name", async () => {
    const { stdout, stderr, status } = await run(
      "show",
      ARTICLE,
      "--hosts",
      "3",
      "--topology",
      "ring",
      "--json",
      "--set",
      "port=8001",
      "--set",
      "served_model_name=a=b",
    );
    expect([stderr, status]).toEqual(["", 0]);
    const shown = JSON.parse(stdout);
    expect(Object.keys(shown)).toEqual(["name", "ranks", "warnings"]);
    expect([shown.name, shown.warnings]).toEqual([ARTICLE, []]);
    expect(shown.ranks.map(({ rank }: { rank: number }) => rank)).toEqual([0, 1, 2]);
    const [head] = shown.ranks;
    expect(Object.keys(head)).toEqual(["rank", "image", "env", "argv", "docker"]);
    expect(head.docker.slice(0, 2)).toEqual(["docker", "run"]);
    expect(head.argv).toEqual(expect.arrayContaining(["--port", "8001", "--served-model-name", "a=b"]));
    expect(head.env).toMatchObject({ NCCL_SOCKET_IFNAME: "enP7s7", VLLM_HOST_IP: "10.0.0.11" });
  });

  it("prints what a person would type, by path", async () => {
    const { stdout, status } = await run("show", "recipes/qwen3-coder-next-fp8-2x-vllm.yaml");
    expect(status).toBe(0);
    expect(stdout).toContain(": 2 ranks, tensor parallel 2 x pipeline parallel 1\n");
    expect(stdout).toContain("rank 1 on spark-2\n  docker run \\\n    --detach \\\n");
    expect(stdout).toContain("    --entrypoint '' \\\n");
  });

  it("says faults on stderr with file, line and column", async () => {
    const path = join(folder, "bad.yaml");
    writeFileSync(path, "model: Qwen/Qwen3-8B\nruntime: sglang\ncontainer: c\n");
    expect(await run("show", path)).toMatchObject({
      stdout: "",
      stderr: `1 fault in the recipe bad:\n  ${path}:2:10: runtime: sglang is not supported yet; supported: vllm, vllm-distributed, vllm-ray\n`,
      status: 1,
    });
    expect(await run("show", "qwen3.5-397b-a17b-int4-autoround")).toMatchObject({
      stderr: expect.stringContaining(`(did you mean ${ARTICLE}?)`),
      status: 1,
    });
    expect(await run("show", ARTICLE, "--hosts", "2")).toMatchObject({
      stderr: expect.stringContaining("makes 3 ranks, one on each host, but there are 2 hosts"),
      status: 1,
    });
    expect(await run("show", join(folder, "none.yaml"))).toMatchObject({
      stderr: expect.stringContaining("none.yaml: can't be read (ENOENT: no such file or directory)"),
      status: 1,
    });
  });
});

describe("list and search", () => {
  const cwd = process.cwd();
  const repository = new LocalRepository({
    "recipes/a/one.yaml":
      'recipe_version: "2"\nmodel: acme/one\ncontainer: x/y:1\nmin_nodes: 2\ndefaults: { tensor_parallel: 2 }\nmetadata: { description: "One\u001b[2J" }\n',
    "recipes/b/one.yaml": "include: base\n",
    "recipes/bad.yaml": "model: [\n",
  });

  beforeAll(() => {
    process.chdir(folder);
    const registry = `{ own: "${repository.url}#${repository.commit()}:recipes", off: "${repository.url}" }`;
    writeFileSync("Pulumi.home.yaml", `config:\n  spark-mesh:registries: ${registry}\n`);
  });

  afterAll(() => {
    process.chdir(cwd);
    repository.remove();
  });

  it("has what ships and what the stack's registries have", async () => {
    const { stdout, status } = await run("list", "--json");
    const { recipes, problems } = JSON.parse(stdout);
    const of = (name: string) => recipes.find((recipe: { name: string }) => recipe.name === name);
    expect(of(ARTICLE)).toMatchObject({
      sparks: "3",
      runtime: "vllm",
      model: "Intel/Qwen3.5-397B-A17B-int4-AutoRound",
    });
    expect(of("@own/a/one")).toMatchObject({ model: "acme/one", sparks: "2+" });
    expect(of("@own/b/one").problem).toContain("base: no such recipe beside @own/b/one.yaml");
    expect(of("@own/bad").problem).toContain("@own/bad.yaml:");
    expect([status, problems]).toEqual([1, [expect.stringContaining("registries.off: ")]]);
  });

  it("finds what has all words, in any case", async () => {
    const { stdout } = await run("search", "ACME", "vllm");
    expect(stdout).toMatch(/^RECIPE +SPARKS +RUNTIME +MODEL\n@own\/a\/one +2\+ +vllm +acme\/one +One.*\[2J\n$/);
    expect(stdout).not.toContain("\u001b");
    expect(await run("search", "nothing-is-called-so", "--json")).toMatchObject({
      stdout: expect.stringContaining("[]"),
    });
  });

  it("are shown by their names", async () => {
    const { stdout, status } = await run("show", "@own/a/one", "--json");
    expect([status, JSON.parse(stdout).name]).toEqual([0, "one"]);
    expect(await run("show", "@own/a/one", "--stack", "none")).toMatchObject({ status: 2 });
  });
});

it("prints the format of recipes as a JSON schema", async () => {
  const { stdout, status } = await run("schema");
  expect(status).toBe(0);
  expect(JSON.parse(stdout).properties).toHaveProperty("executor_config");
});

describe("example Sparks", () => {
  it.each([
    [2, undefined, "direct"],
    [3, undefined, "ring"],
    [4, undefined, "switch"],
    [5, "ring", "ring"],
    [2, "switch", "switch"],
  ] as const)("%i as %s are a mesh", (count, topology, found) => {
    const { mesh, hosts } = exampleMesh(count, topology);
    expect(mesh?.topology).toBe(found);
    expect(Object.keys(mesh ? ncclEnv(mesh) : {})).toEqual(hosts.map(({ name }) => name));
  });

  it("can't be a ring of two", () => {
    expect(() => exampleMesh(2, "ring")).toThrow("ring topology requires exactly 3 hosts, found 2");
    expect(exampleMesh(1).mesh).toBeUndefined();
  });
});
