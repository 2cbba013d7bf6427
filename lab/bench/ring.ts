import { homedir } from "node:os";
import { join } from "node:path";
import { parseClusterConfig } from "../../config/load";
import { gatherFacts } from "../../facts/gather";
import type { Engine } from "../cli";
import { Lab } from "../hosts/lab";
import { must } from "../hosts/process";
import { sshSessions } from "../hosts/sshd-log";
import { checkout, Project } from "../project";
import { inTurns, milliseconds, peakMemoryMiB, ratio, seconds } from "./measure";
import { DEFAULT_LOADER, OUR_LOADER, succeeds } from "./programs";

const RUNS = 7;
const NAME = "bench";
const FILE = "/etc/netplan/40-cx7.yaml";

/** Three virtual Sparks in a ring: SSH sessions, facts, the parts of a settled preview, its memory, and the first `up`. */
export async function benchRing(engine: Engine): Promise<void> {
  console.log(`three virtual Sparks in a ring; medians of ${RUNS} runs in turns`);
  const freshLab = () => Lab.up({ name: NAME, fresh: true, stackFile: false });
  const lab = await freshLab();
  const project = await Project.create(engine, lab);
  const empty = await Project.empty(engine, DEFAULT_LOADER);
  const emptyLoadedAsOurs = await Project.empty(engine, OUR_LOADER);
  try {
    const up = await benchUp(lab, project);
    const facts = await benchFacts(lab, project);
    await benchPreview(project, empty, emptyLoadedAsOurs, facts);
    const texts = await Promise.all(lab.hosts.map(async ({ name }) => (await lab.exec(name, `cat ${FILE}`)).stdout));
    const bare = await benchBareApply(await freshLab(), texts);
    console.log(`first up of a ring / the same files by bare parallel netplan apply: ${ratio(up, bare)}`);
  } finally {
    for (const each of [project, empty, emptyLoadedAsOurs]) {
      each.remove();
    }
    await Lab.down(NAME);
  }
}

/** Milliseconds of the first `up`, without the preview that it shows first; counts SSH sessions on the way. */
async function benchUp(lab: Lab, project: Project): Promise<number> {
  const sessions = async (): Promise<number[]> => Promise.all(lab.hosts.map(({ name }) => sshSessions(lab, name)));
  const most = (from: readonly number[], to: readonly number[]): number =>
    Math.max(...to.map((count, index) => count - (from[index] ?? 0)));
  const fresh = await sessions();
  const up = await milliseconds(() => succeeds(project.up("--skip-preview")));
  const made = await sessions();
  await succeeds(project.preview("--expect-no-changes"));
  const settled = await sessions();
  // A plain `up` asks the hosts once more, for the preview that it shows first.
  console.log(`SSH sessions per host, up of a fresh ring: ${most(fresh, made) + 1} (at most 9)`);
  console.log(`SSH sessions per host, preview of a settled mesh: ${most(made, settled)} (1)`);
  return up;
}

/** Milliseconds that asking all hosts takes. */
async function benchFacts(lab: Lab, project: Project): Promise<number> {
  const shown = await project.run("config", { flags: ["--json", "--show-secrets"] });
  const values = Object.entries(JSON.parse(shown.stdout) as Record<string, { value: string }>);
  const config = Object.fromEntries(values.map(([key, { value }]) => [key, value]));
  const cluster = parseClusterConfig(config, homedir(), Object.keys(config));
  const [facts, plain] = await inTurns(
    RUNS,
    () => gatherFacts(cluster),
    () => Promise.all(lab.hosts.map(({ name }) => must(["ssh", "-F", lab.sshConfig, name, "true"]))),
  );
  console.log(`facts of a settled mesh / three parallel \`ssh host true\`: ${ratio(facts, plain)} (at most 2.0)`);
  return facts;
}

async function benchPreview(
  project: Project,
  empty: Project,
  emptyLoadedAsOurs: Project,
  facts: number,
): Promise<void> {
  const loading =
    (...modules: readonly string[]) =>
    () => {
      const script = modules.map((module) => `require(${JSON.stringify(module)});`).join("");
      return must([process.execPath, "--require", join(checkout, "loader.cjs"), "-e", script]);
    };
  const ours = (...names: readonly string[]) => names.map((name) => join(checkout, name));
  const asked = ours("components/stackArguments", "components/cluster");
  const [preview, theirs, theirsLoadedAsOurs, runner, asking, all] = await inTurns(
    RUNS,
    () => succeeds(project.preview("--expect-no-changes")),
    () => succeeds(empty.preview()),
    () => succeeds(emptyLoadedAsOurs.preview()),
    loading("@pulumi/pulumi/runtime/stack"),
    loading("@pulumi/pulumi/runtime/stack", ...asked),
    loading("@pulumi/pulumi/runtime/stack", ...asked, ...ours("plan/planMesh", "components/mesh")),
  );
  console.log(`no-change preview / an empty program's: ${ratio(preview, theirs)} (at most 1.5)`);
  console.log(`no-change preview / an empty program's, loaded like ours: ${ratio(preview, theirsLoadedAsOurs)}`);
  const load = asking - runner;
  // The rest is loaded while the hosts answer.
  const answers = Math.max(facts, all - asking);
  const parts = {
    "engine and runner": theirsLoadedAsOurs,
    "load until the hosts are asked": load,
    facts: answers,
    resources: preview - theirsLoadedAsOurs - load - answers,
  };
  const listed = Object.entries(parts).map(([part, time]) => `${part} ${seconds(time)}`);
  console.log(`parts of the no-change preview: ${listed.join(", ")}`);
  const [peak, emptyPeak] = [
    await peakMemoryMiB(project.start("preview")),
    await peakMemoryMiB(empty.start("preview")),
  ];
  console.log(
    `peak memory of a preview / an empty program's: ${(peak / emptyPeak).toFixed(2)} (${peak} / ${emptyPeak} MiB)`,
  );
}

/** Milliseconds that three bare SSH sessions take to write and apply the files, with no check and no way back. */
async function benchBareApply(lab: Lab, texts: readonly string[]): Promise<number> {
  return milliseconds(() =>
    Promise.all(
      lab.hosts.map(({ name, sudoPassword }, index) => {
        const sudo = sudoPassword === undefined ? "sudo" : "sudo -S -p ''";
        const command = `${sudo} sh -c 'umask 077; cat >${FILE}; netplan apply'`;
        const stdin = `${sudoPassword === undefined ? "" : `${sudoPassword}\n`}${texts[index]}`;
        return must(["ssh", "-F", lab.sshConfig, name, command], { stdin });
      }),
    ),
  );
}
