import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { standInReference } from "../../lab/hosts/image";
import { Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { complete } from "../completions";
import { inside } from "../inside";
import { LocalRepository } from "../sources/localRepository";
import { scenarioEngines } from "./engines";
import { succeeds } from "./steps";

const BASE = `recipe_version: "2"
model: acme/small
runtime: vllm
container: ${standInReference}
mods: [mods/mark]
env: { ONE: recipe, TWO: recipe, THREE: recipe }
defaults: { port: 8000 }
command: vllm serve {model} --port {port} --max-model-len {max_model_len}
`;

/** A recipe of a registry, with its mod, served with variables and words of the stack's own. */
describe.each(scenarioEngines())("a recipe of a registry on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let repository: LocalRepository;
  let commit: string;

  beforeAll(async () => {
    repository = new LocalRepository({
      "recipes/base.yaml": BASE,
      "recipes/small/small.yaml": 'include: "@own/base"\ndefaults: { max_model_len: 512 }\n',
      "mods/mark/run.sh": "#!/bin/bash\necho applied >/mark\n",
    });
    commit = repository.commit();
    lab = await Lab.up({
      name: "registry",
      fresh: true,
      stackFile: false,
      docker: true,
      wiring: "pair",
      hosts: ["spark-1", "spark-2"].map((name) => ({ name, renderer: "networkd" })),
    });
    await lab.loadImage(["spark-1"]);
    project = await Project.create(engine, lab, { config: { system: { dockerGroup: true } } });
    project.env.XDG_CACHE_HOME = join(project.dir, "cache");
    declare(["--max-num-seqs", "4"]);
  });

  afterAll(async () => {
    project?.remove();
    await lab?.down();
    repository?.remove();
  });

  const declare = (args: readonly string[], pin = `#${commit}`) =>
    project.reconfigure({
      registries: { own: `${repository.url}${pin}:recipes` },
      env: { TWO: "all", THREE: "all" },
      deployments: [{ name: "small", recipe: "@own/small", args, env: { THREE: "own" }, readySeconds: 180 }],
    });
  const inContainer = (command: string) => inside(lab, "spark-1", `docker exec spark-mesh-small-0 ${command}`);
  const process = () => inside(lab, "spark-1", "docker inspect --format '{{json .Args}}' spark-mesh-small-0");

  it("is a problem without a commit, with the line to write, before anything is touched", async () => {
    declare([], "");
    const { code, output } = await project.preview();
    expect(code).not.toBe(0);
    expect(output).toContain("registries.own: ");
    expect(output).toContain(`pin it: own: ${repository.url}#${commit}:recipes`);
    expect(await inside(lab, "spark-1", "docker ps -aq")).toBe("");
    declare(["--max-num-seqs", "4"]);
  });

  it("is served with its mod, what it includes, and the stack's own", async () => {
    await succeeds(project.up("--skip-preview"));
    expect(await complete(lab.hosts[0], { model: "acme/small", max_tokens: 1 }, 20)).toMatch(/^200 /);
    expect(await inContainer("cat /mark")).toBe("applied");
    expect(await inContainer("printenv ONE TWO THREE")).toBe("recipe\nall\nown");
    expect(await process()).toMatch(/"--port","8000",.*"--max-num-seqs","4"\]$/);
    // What was fetched once is asked of nobody again.
    repository.git("update-ref", "-d", "HEAD");
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("is started anew with other words", async () => {
    declare(["--max-num-seqs", "8"]);
    expect((await project.preview("--expect-no-changes")).code).not.toBe(0);
    await succeeds(project.up("--skip-preview"));
    expect(await process()).toMatch(/"--max-num-seqs","8"\]$/);
    expect(await complete(lab.hosts[0], { model: "acme/small", max_tokens: 1 }, 20)).toMatch(/^200 /);
    await succeeds(project.preview("--expect-no-changes"));
  });

  it("leaves nothing that runs after a destroy", async () => {
    await succeeds(project.destroy("--skip-preview"));
    expect(await inside(lab, "spark-1", "docker ps -aq; ls -d /var/lib/spark-mesh* 2>/dev/null || true")).toBe("");
  });
});
