import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readRecipes } from "../../components/recipes";
import type { ClusterConfig } from "../../config/cluster";
import { buildOf } from "../../plan/deployments/builds";
import { launchesOf } from "../../plan/deployments/launches";
import { recipeOf } from "../plan/deployments/deployed";
import { cluster } from "../plan/hosts";
import { LocalRepository } from "../sources/localRepository";

const folder = mkdtempSync(join(tmpdir(), "components-recipes-"));
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}
const deploying = (...recipes: readonly string[]): ClusterConfig =>
  cluster({
    deployments: recipes.map((recipe, index) => ({ name: `d${index}`, recipe, overrides: {}, readySeconds: 3600 })),
  });

it("reads each deployment's recipe, with its mods", () => {
  mkdirSync(join(folder, "mods/fix-a"), { recursive: true });
  writeFileSync(join(folder, "mods/fix-a/run.sh"), "#!/bin/sh\n");
  const file = written("a.yaml", recipeOf(1, "mods: [mods/fix-a]\n"));
  const recipes = readRecipes(deploying(file, file, "gpt-oss-120b-solo-vllm"));
  expect([...recipes.keys()]).toEqual(["d0", "d1", "d2"]);
  expect(recipes.get("d1")).toMatchObject({
    recipe: { name: "a" },
    mods: { "fix-a": [{ path: "run.sh", mode: "644" }] },
  });
});

it("has mods from where the deployment says, and says where there is none", () => {
  mkdirSync(join(folder, "elsewhere/mods/fix-b"), { recursive: true });
  writeFileSync(join(folder, "elsewhere/mods/fix-b/run.sh"), "#!/bin/sh\n", { mode: 0o755 });
  const recipe = written("b.yaml", recipeOf(1, "mods: [mods/fix-b]\n"));
  const from = (mods: string): ClusterConfig =>
    cluster({ deployments: [{ name: "d0", recipe, overrides: {}, readySeconds: 3600, mods }] });
  expect(readRecipes(from(join(folder, "elsewhere"))).get("d0")?.mods["fix-b"]?.[0]?.mode).toBe("755");
  expect(() => readRecipes(from("/no/such"))).toThrow("d0: mods: /no/such: no such folder");
});

it("says of a deployment's build what is wrong with it", () => {
  const recipe = written("c.yaml", recipeOf(1));
  const from = (build: string): ClusterConfig =>
    cluster({ deployments: [{ name: "d0", recipe, overrides: {}, readySeconds: 3600, build }] });
  expect(() => readRecipes(from("/no/such"))).toThrow(
    'd0: build: found "/no/such"; allowed: URL#COMMIT of a git repository',
  );
  expect(() => readRecipes(from("https://example.com/builder#main"))).toThrow(
    "pin it: https://example.com/builder#COMMIT",
  );
});

it("says everything that is wrong with all of them, the deployment first", () => {
  const bad = written("bad.yaml", "model: [x]\n");
  const lacking = written("lacking.yaml", recipeOf(1, "mods: [mods/none, '@eugr/mods/x']\n"));
  expect(() => readRecipes(deploying("gpt-oss-solo", bad, lacking))).toThrow(
    new RegExp(
      [
        "^4 faults in the deployments:",
        "  d0: gpt-oss-solo: no such recipe in recipes/; there: .*",
        `  d1: ${bad}:1:8: model: found a list; .*`,
        `  d2: ${lacking}:6:8: mods\\[0\\]: mods/none: no such folder .*`,
        `  d2: ${lacking}:6:19: mods\\[1\\]: @eugr: no such registry; .*$`,
      ].join("\n"),
    ),
  );
});

describe("the article's recipe, without a word of mods or build", () => {
  const ARTICLE = "qwen3.5-397b-a17b-int4-autoround-3x-vllm";
  const text = readFileSync(join(__dirname, "../../recipes", `${ARTICLE}.yaml`), "utf8");
  const mods = { "mods/fix-qwen3.5-autoround/run.sh": "a\n", "mods/fix-qwen3.5-chat-template/run.sh": "b\n" };
  const builder = { "build-and-copy.sh": "#!/bin/bash\n" };
  const docker = new LocalRepository({
    ...mods,
    ...builder,
    "recipes/3x-spark-cluster/article.yaml": text,
    "recipes/built.yaml": recipeOf(1, "mods: [mods/fix-qwen3.5-autoround]\n").replace(
      /container: .*/,
      "container: vllm-node",
    ),
  });
  const registry = new LocalRepository({ [`experimental-recipes/mesh/${ARTICLE}.yaml`]: text });
  const source = `${docker.url}#${docker.commit()}`;
  const registries = {
    eugr: `${source}:recipes`,
    experimental: `${registry.url}#${registry.commit()}:experimental-recipes`,
  };
  afterAll(() => {
    registry.remove();
    docker.remove();
  });

  it.each([`${source}:recipes/3x-spark-cluster/article.yaml`, `@experimental/${ARTICLE}`, ARTICLE])("%s", (wanted) => {
    const found = readRecipes({ ...deploying(wanted), registries }).get("d0");
    expect(Object.values(found?.mods ?? {}).map(([file]) => file?.path)).toEqual(["run.sh", "run.sh"]);
  });

  it("has what its repository builds built, unless a registry has it", () => {
    const built = (wanted: string, overrides: Readonly<Record<string, string>> = {}) => {
      const [deployment] = deploying(wanted).deployments;
      const config = cluster({ registries, deployments: deployment ? [{ ...deployment, overrides }] : [] });
      const recipes = readRecipes(config);
      const [launch] = launchesOf(config, recipes, (name) => ({ name, address: "10.0.0.1", home: "/home/a" }));
      const recipe = recipes.get("d0");
      return launch && recipe && buildOf(launch, recipe)?.commit;
    };
    expect(built(`${source}:recipes/built.yaml`)).toBe(source.split("#")[1]);
    expect(built("@eugr/built")).toBe(source.split("#")[1]);
    expect(built("@eugr/built", { container: "ghcr.io/acme/vllm:1" })).toBeUndefined();
    expect(built("@eugr/article")).toBeUndefined();
  });

  it("needs its registries pinned", () => {
    expect(() => readRecipes({ ...deploying(ARTICLE), registries: { eugr: `${docker.url}:recipes` } })).toThrow(
      /^1 fault in the deployments:\n {2}registries.eugr: /,
    );
  });
});
