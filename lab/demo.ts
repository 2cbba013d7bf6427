/** `npm run demo`: the project's own program on three virtual Sparks, from nothing to a mesh and back. */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { findEngine } from "./cli";
import { Lab } from "./hosts/lab";
import { Project, type Step } from "./project";

const USAGE = `npm run demo [-- --serve] [-- --keep] [-- --verbose]
  Boots three virtual Sparks cabled as a ring, and runs preview, up, drift, repair and destroy on them.
  --serve    a model across the three besides, by a stand-in for vLLM: there is no GPU
  --keep     leave the mesh running, and say how to go on by hand
  --verbose  show everything that the engine prints`;

/** The demo's lab and its stack. */
const NAME = "demo";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      serve: { type: "boolean" },
      keep: { type: "boolean" },
      verbose: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const engine = findEngine();
  console.log(`engine: ${engine.about}`);
  const started = Date.now();
  announce("three virtual Sparks boot, cabled 1/0-2/1, 2/0-3/1, 3/0-1/1");
  const { serve = false, keep = false, verbose = false } = values;
  const say = (line: string): void => console.log(`  ${line}`);
  const lab = await Lab.up({ name: NAME, fresh: true, stackFile: false, docker: serve, say });
  const project = await Project.inCheckout(engine, lab, { stack: NAME });
  try {
    await play(lab, project, verbose);
    if (serve) await playServing(lab, project, verbose);
    if (!keep) await putBack(lab, project, verbose);
    console.log(`\ndone in ${Math.round((Date.now() - started) / 1000)} s`);
    if (keep) {
      console.log(howToGoOn(project));
    }
  } finally {
    if (!keep) {
      await lab.down();
      project.remove();
    }
  }
}

/** Announces a step of the engine's, runs it, and shows what came of it. */
function actor(verbose: boolean): (what: string, running: () => Promise<Step>) => Promise<void> {
  return async (what, running) => {
    announce(what);
    tell(await running(), verbose);
  };
}

async function play(lab: Lab, project: Project, verbose: boolean): Promise<void> {
  const act = actor(verbose);
  await act("preview: what the Sparks are, against what they should be", () => project.preview());
  await act("up: stage, verify and commit on all three, with a rollback armed", () => project.up("--skip-preview"));
  await act("preview: nothing to do", () => project.preview("--expect-no-changes"));
  announce("spark-1 logs in to spark-2 by its name: with its own key, unasked, over their cable");
  const login = await lab.exec(
    "spark-1",
    "runuser -l nvidia -c 'ssh -o BatchMode=yes spark-2 printenv SSH_CONNECTION'",
  );
  const [from, , to] = login.stdout.split(" ");
  if (login.code !== 0 || from === undefined || to === undefined) {
    throw new Error(`spark-1: ssh spark-2: ${login.stderr.trim()}`);
  }
  console.log(`  from ${from} to ${to}`);
  announce("somebody sets the MTU of spark-1's enp1s0f0np0 to 1500, and deletes an address of spark-2");
  await lab.exec("spark-1", "ip link set enp1s0f0np0 mtu 1500");
  await lab.exec("spark-2", "ip addr del 192.168.197.12/24 dev enp1s0f0np0");
  await act("preview says exactly that", () => project.preview());
  await act("up repairs it", () => project.up("--skip-preview"));
  await act("preview: nothing to do", () => project.preview("--expect-no-changes"));
}

/** A model across the three Sparks: its image and files on one of them at first, a rank on each in the end. */
async function playServing(lab: Lab, project: Project, verbose: boolean): Promise<void> {
  const act = actor(verbose);
  const head = lab.hosts[0]?.name ?? "";
  announce(`an image comes to ${head}: a stand-in for vLLM`);
  await lab.loadImage([head]);
  const recipe = join(__dirname, "vllm", "recipe.yaml");
  project.reconfigure({ system: { dockerGroup: true }, deployments: [{ name: "demo", recipe }] });
  await act("up: image and model go round, three ranks start and meet", () => project.up("--skip-preview"));
  await act("preview: nothing to do", () => project.preview("--expect-no-changes"));
  const endpoints = await project.output<Record<string, string>>("endpoints");
  announce(`a request to ${endpoints.demo}`);
  const answer = await fetch(`${endpoints.demo}/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "spark-mesh-lab/three-ranks", prompt: "Hello", max_tokens: 8 }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(`${endpoints.demo}: ${answer.status} ${text}`);
  }
  console.log(`  ${text.trim()}`);
}

async function putBack(lab: Lab, project: Project, verbose: boolean): Promise<void> {
  await actor(verbose)("destroy puts everything back", () => project.destroy("--skip-preview"));
  for (const { name } of lab.hosts) {
    const left = await lab.exec(
      name,
      "ls -d /etc/netplan/40-cx7.yaml /var/lib/spark-mesh* /home/nvidia/.ssh/spark-mesh 2>/dev/null",
    );
    if (left.stdout !== "") {
      throw new Error(`${name}: left behind: ${left.stdout.trim()}`);
    }
  }
}

function announce(step: string): void {
  console.log(`\n==> ${step}`);
}

/** Shows a step's warnings and its summary, or everything; a failed one ends the demo with all that it said. */
function tell({ code, output }: Step, verbose: boolean): void {
  if (code !== 0) {
    throw new Error(output);
  }
  // The engine says a warning beside its resource, and again at the end.
  const worthTelling = /warning: .*|^\s*[+~-] ?\d+ .*|^\s*\d+ unchanged/;
  const told = output.split("\n").flatMap((line) => (verbose ? line : (worthTelling.exec(line)?.[0] ?? [])));
  for (const line of new Set(told)) {
    console.log(`  ${line.trim()}`);
  }
}

function howToGoOn({ engine, env, stack }: Project): string {
  const command = engine.kind === "cli" ? "npx pulumi" : engine.command.join(" ");
  const lines = [
    ...Object.entries(env).map(([key, value]) => `export ${key}=${value}`),
    `${command} preview --stack ${stack}`,
    `npm run lab -- ssh spark-2 --name ${NAME}`,
    `npm run lab -- unplug 1/0 --name ${NAME}`,
    `${command} destroy --stack ${stack}`,
    `npm run lab -- down --name ${NAME}`,
  ];
  return ["\nThe mesh is up. To go on by hand, in this folder:", ...lines.map((line) => `    ${line}`)].join("\n");
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
