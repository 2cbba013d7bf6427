import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exampleMesh } from "../../cli/exampleMesh";
import { parseRecipeOptions, RECIPE_HELP } from "../../cli/recipeArguments";
import { Faults } from "../../config/faults";
import { ncclEnv } from "../../plan/nccl";

const checkout = join(__dirname, "..", "..");
const ARTICLE = "qwen3.5-397b-a17b-int4-autoround-3x-vllm";
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "spark-mesh-recipe-"));
});

afterAll(() => rmSync(folder, { recursive: true }));

function run(...args: string[]) {
  const words = ["--require", "./loader.cjs", "cli/recipe.ts", ...args];
  return spawnSync(process.execPath, words, { cwd: checkout, encoding: "utf8" });
}

describe("show", () => {
  it("prints one JSON document, by name", () => {
    const { stdout, stderr, status } = run(
      "show",
      ARTICLE,
      "--hosts",
      "3",
      "--topology",
      "ring",
      "--json",
      "--set",
      "port=8001",
    );
    expect([stderr, status]).toEqual(["", 0]);
    const shown = JSON.parse(stdout);
    expect(Object.keys(shown)).toEqual(["name", "ranks", "warnings"]);
    expect([shown.name, shown.warnings]).toEqual([ARTICLE, []]);
    expect(shown.ranks.map(({ rank }: { rank: number }) => rank)).toEqual([0, 1, 2]);
    const [head] = shown.ranks;
    expect(Object.keys(head)).toEqual(["rank", "image", "env", "argv", "docker"]);
    expect(head.docker.slice(0, 2)).toEqual(["docker", "run"]);
    expect(head.argv).toEqual(expect.arrayContaining(["--port", "8001"]));
    expect(head.env).toMatchObject({ NCCL_SOCKET_IFNAME: "enP7s7", VLLM_HOST_IP: "10.0.0.11" });
  });

  it("prints what a person would type, by path", () => {
    const { stdout, status } = run("show", "recipes/qwen3-coder-next-fp8-2x-vllm.yaml");
    expect(status).toBe(0);
    expect(stdout).toContain(": 2 ranks, tensor parallel 2 x pipeline parallel 1\n");
    expect(stdout).toContain("rank 1 on spark-2\n  docker run \\\n    --detach \\\n");
    expect(stdout).toContain("    --entrypoint '' \\\n");
  });

  it("says faults on stderr with file, line and column", () => {
    const path = join(folder, "bad.yaml");
    writeFileSync(path, "model: Qwen/Qwen3-8B\nruntime: sglang\ncontainer: c\n");
    expect(run("show", path)).toMatchObject({
      stdout: "",
      stderr: `1 fault in the recipe bad:\n  ${path}:2:10: runtime: sglang is not supported yet; supported: vllm, vllm-distributed, vllm-ray\n`,
      status: 1,
    });
    expect(run("show", "qwen3.5-397b-a17b-int4-autoround")).toMatchObject({
      stderr: expect.stringContaining(`(did you mean ${ARTICLE}?)`),
      status: 1,
    });
    expect(run("show", ARTICLE, "--hosts", "2")).toMatchObject({
      stderr: expect.stringContaining("makes 3 ranks, one on each host, but there are 2 hosts"),
      status: 1,
    });
    expect(run("show", join(folder, "none.yaml"))).toMatchObject({
      stderr: expect.stringContaining("none.yaml: can't be read (ENOENT: no such file or directory)"),
      status: 1,
    });
  });
});

it("prints the format of recipes as a JSON schema", () => {
  const { stdout, status } = run("schema");
  expect(status).toBe(0);
  expect(JSON.parse(stdout).properties).toHaveProperty("executor_config");
});

describe("the command line", () => {
  it("has overrides, with true and false", () => {
    expect(
      parseRecipeOptions(["show", "x", "--set", "a=b=c", "--set", "d=true", "--set", "e=false", "--set", "f="]),
    ).toEqual({
      command: "show",
      recipe: "x",
      set: { a: "b=c", d: true, e: false, f: "" },
      json: false,
    });
    expect(parseRecipeOptions(["-h"])).toBe("help");
  });

  it.each([
    [[], "no command; allowed: show, schema"],
    [["run", "x"], 'found "run"; allowed: show, schema'],
    [["show"], "needed: a recipe's name or path"],
    [["show", "x", "y"], 'found "y" too many'],
    [["schema", "x"], 'found "x" too many'],
    [["show", "x", "--hosts", "0"], '--hosts: found "0"'],
    [["show", "x", "--topology", "star"], '--topology: found "star"; allowed: direct, ring, switch'],
    [["show", "x", "--set", "port"], '--set: found "port"; allowed: KEY=VALUE'],
    [["show", "--nonsense"], "--nonsense"],
  ])("is refused: %j", (args, why) => {
    expect(() => parseRecipeOptions(args)).toThrow(Faults);
    expect(() => parseRecipeOptions(args)).toThrow(why);
  });

  it("has every option in its help", () => {
    for (const option of ["hosts", "topology", "set", "json", "help"]) expect(RECIPE_HELP).toContain(`--${option}`);
  });
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
