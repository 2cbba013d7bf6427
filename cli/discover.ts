/** `npm run discover`: what is cabled to what, and the stack config that says so. */

import { existsSync, readFileSync } from "node:fs";
import { gatherFacts } from "../facts/gather";
import { writeDockerEnv } from "../interchange/dockerEnvOut";
import { writeSparkrunCluster } from "../interchange/sparkrun";
import { endName } from "../plan/cabling/wires";
import { planMesh } from "../plan/planMesh";
import { adoptedConfig, type FoundConfig, foundConfig, surveyMesh, withFound } from "../plan/survey";
import { DISCOVER_HELP, type DiscoverOptions, parseDiscover } from "./arguments";
import { type NamedCluster, namedCluster, stackFilePath } from "./cluster";
import { askSecret, runCommand } from "./commandLine";
import { replaceFile } from "./replaceFile";
import { renderSurvey } from "./report";
import { type StackConfigBlock, writeStackFile } from "./stackFile";

async function main(): Promise<void> {
  const options = parseDiscover(process.argv.slice(2));
  if (options === "help") {
    process.stdout.write(DISCOVER_HELP);
    return;
  }
  const named = namedCluster(options, options.askSudo ? await askSecret("sudo password of the Sparks: ") : undefined);
  const { cluster } = named;
  process.stderr.write(`asking ${cluster.hosts.map(({ name }) => name).join(", ")} ...\n`);
  const { probes, logins } = await gatherFacts(cluster);
  if (options.to !== undefined) {
    const mesh = { plan: planMesh(cluster, probes, logins), hosts: cluster.hosts, logins };
    const { text, notes } =
      options.to === "env" ? writeDockerEnv(mesh) : writeSparkrunCluster(options.stack ?? "", mesh);
    process.stdout.write(text);
    for (const line of notes) process.stderr.write(`note: ${line}\n`);
    return;
  }
  const survey = surveyMesh(cluster, probes);
  const found = options.adopt ? adoptedConfig(cluster, probes) : foundConfig(survey);
  // What would be written is judged as it will be read: some faults end with it.
  const then = options.write ? surveyMesh(withFound(cluster, found), probes) : survey;
  const written = options.write && then.faults.length === 0 ? write(options, named, found) : undefined;
  const final = written === undefined ? survey : then;

  if (options.json) {
    const report = { ...final, ...(options.adopt && { adoption: found }), ...(written && { written }) };
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  } else {
    process.stdout.write(renderSurvey(final));
    for (const line of [...named.notes, ...found.notes]) process.stdout.write(`note: ${line}\n`);
    process.stdout.write(ending(options, then.faults, written, blockOf(named, found)));
  }
  process.exitCode = final.faults.length > 0 ? 1 : 0;
}

/** What came of the stack config, after the survey. */
function ending(
  { write: wanted, adopt }: DiscoverOptions,
  faults: readonly string[],
  written: string | undefined,
  block: StackConfigBlock,
): string {
  if (written !== undefined) return `\nwrote ${written}\n`;
  if (!wanted) return adopt ? `\nwith --stack NAME --write:\n\n${writeStackFile("", block, "stdout")}` : "";
  return `\nwrote nothing; this is in the way:\n${faults.map((line) => `  ${line}\n`).join("")}`;
}

function blockOf(named: NamedCluster, { cables, network }: FoundConfig): StackConfigBlock {
  return {
    hosts: named.hosts,
    ssh: named.ssh,
    cables: cables.map(({ from, to, ...addressing }) => ({ from: endName(from), to: endName(to), ...addressing })),
    network,
  };
}

/** Writes what was found into the stack's file and returns its path. */
function write(options: DiscoverOptions, named: NamedCluster, found: FoundConfig): string {
  const path = stackFilePath(options.stack ?? "");
  const before = existsSync(path) ? readFileSync(path, "utf8") : "";
  const after = writeStackFile(before, blockOf(named, found), path);
  if (after !== before) replaceFile(path, after, 0o644);
  return path;
}

runCommand(main);
