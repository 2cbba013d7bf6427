import { join } from "node:path";
import type { Engine } from "../cli";
import { Lab } from "../hosts/lab";
import { Project } from "../project";
import { inTurns, ratio } from "./measure";
import { succeeds } from "./programs";

const RUNS = 7;
const PLAIN = "bench";
const SERVING = "bench-2";

/** The no-change preview of two rings of three virtual Sparks that differ in one thing: a model is served across the one. */
export async function benchServing(engine: Engine): Promise<void> {
  console.log(`two rings of three virtual Sparks; medians of ${RUNS} runs in turns`);
  const projects: Project[] = [];
  try {
    for (const name of [PLAIN, SERVING]) {
      const lab = await Lab.up({ name, fresh: true, stackFile: false, docker: true });
      const project = await Project.create(engine, lab, { config: { system: { dockerGroup: true } } });
      projects.push(project);
      if (name === SERVING) {
        await lab.loadImage(["spark-1"]);
        project.reconfigure({ deployments: [{ name: "demo", recipe: join(__dirname, "..", "vllm", "recipe.yaml") }] });
      }
      await succeeds(project.up("--skip-preview"));
    }
    const [plain, serving] = await inTurns(RUNS, ...projects.map((project) => () => quiet(project)));
    console.log(
      `no-change preview with a deployment of three ranks / without: ${ratio(serving ?? 0, plain ?? 0)} (at most 1.1)`,
    );
  } finally {
    for (const project of projects) {
      project.remove();
    }
    await Lab.down(PLAIN);
    await Lab.down(SERVING);
  }
}

function quiet(project: Project): Promise<void> {
  return succeeds(project.preview("--expect-no-changes"));
}
