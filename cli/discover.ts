/** `spark-mesh discover`: what is cabled to what, and the stack config that says so. */

import { existsSync, readFileSync } from "node:fs";
import { Command, Option } from "@commander-js/extra-typings";
import type { ClusterConfig } from "../config/cluster";
import { gatherFacts } from "../facts/gather";
import { writeDockerEnv } from "../interchange/dockerEnvOut";
import { writeSparkrunCluster } from "../interchange/sparkrun";
import { endName } from "../plan/cabling/wires";
import { planMesh } from "../plan/planMesh";
import { adoptedConfig, type FoundConfig, foundConfig, surveyMesh, withFound } from "../plan/survey";
import { askSecret } from "./ask";
import { type NamedCluster, namedCluster, stackFilePath } from "./cluster";
import { type Look, lookAt } from "./look";
import { misused } from "./misuse";
import { exitFor, print, printJson, tell } from "./output";
import { replaceFile } from "./replaceFile";
import { renderSurvey } from "./report";
import { type StackConfigBlock, writeStackFile } from "./stackFile";

interface DiscoverOptions {
  readonly stack?: string | undefined;
  readonly from?: string | undefined;
  readonly identity?: string | undefined;
  readonly to?: "sparkrun" | "env" | undefined;
  readonly adopt?: true | undefined;
  readonly write?: true | undefined;
  readonly json?: true | undefined;
  readonly askSudo?: true | undefined;
}

export function discoverCommand() {
  return new Command("discover")
    .summary("show what is cabled to what, from the hosts themselves")
    .description("Shows what is cabled to what, from the hosts themselves. Nothing on a host is changed.")
    .argument("[HOST...]", "[user@]address[:port], a name, or an alias in ~/.ssh/config; the first is the head")
    .option("--stack <NAME>", "the hosts of Pulumi.NAME.yaml; with HOST or --from: the file that --write writes")
    .option("--from <FILE>", "the hosts of another tool's file: sparkrun's cluster YAML, or spark-vllm-docker's .env")
    .option("--adopt", "take the addresses, MTU and file that the hosts have now into the stack config")
    .option("--write", "write hosts: and cables: into Pulumi.NAME.yaml; its comments and order stay")
    .option("--identity <FILE>", "log in with this private key (default: the keys in ssh-agent)")
    .option("--ask-sudo", "ask for the sudo password, to read netplan's files where sudo wants one")
    .addOption(
      new Option("--to <FORMAT>", "print a mesh that was made for another tool: its cluster's YAML, or its .env")
        .choices(["sparkrun", "env"] as const)
        .conflicts(["from", "adopt", "write", "json"]),
    )
    .option("--json", "one JSON document on stdout")
    .action(discover);
}

async function discover(hosts: readonly string[], options: DiscoverOptions): Promise<void> {
  refuseMisuse(hosts, options);
  const named = namedCluster(
    { ...options, hosts },
    options.askSudo ? await askSecret("sudo password of the Sparks: ") : undefined,
  );
  tell(`asking ${named.cluster.hosts.map(({ name }) => name).join(", ")} ...\n`);
  if (options.to !== undefined) return exportMesh(named.cluster, options.to);

  const look = await lookAt(named.cluster);
  const { probes, survey } = look;
  const found = options.adopt ? adoptedConfig(named.cluster, probes) : foundConfig(survey);
  // What would be written is validated as it will be read: some problems end with it.
  const then = options.write ? surveyMesh(withFound(named.cluster, found), probes) : survey;
  const written = options.write && then.faults.length === 0 ? write(options, named, found) : undefined;
  const final: Look = written === undefined ? look : { ...look, survey: then, problems: look.unreached };

  const { faults: _, ...seen } = final.survey;
  if (options.json) {
    const { problems, warnings } = final;
    printJson({ ...seen, problems, warnings, ...(options.adopt && { adoption: found }), ...(written && { written }) });
  } else {
    print(renderSurvey(final));
    for (const line of [...named.notes, ...found.notes]) print(`note: ${line}\n`);
    print(ending(options, then.faults, written, blockOf(named, found)));
  }
  exitFor(final.problems);
}

/** @throws Faults with the mistake in the command line */
function refuseMisuse(hosts: readonly string[], { stack, from, to, write }: DiscoverOptions): void {
  const lines: string[] = [];
  if (hosts.length === 0 && from === undefined && stack === undefined)
    lines.push("found no hosts; name them, or give --stack or --from");
  if (hosts.length > 0 && from !== undefined) lines.push("found hosts and --from; wanted one of them");
  if (write && stack === undefined) lines.push("--write needs --stack NAME, the file to write");
  if (to !== undefined && (stack === undefined || hosts.length > 0)) lines.push("--to needs --stack NAME alone");
  if (lines.length > 0) throw misused(...lines);
}

/** Prints a mesh that was made as another tool's file. */
async function exportMesh(cluster: ClusterConfig, to: "sparkrun" | "env"): Promise<void> {
  const { probes, logins } = await gatherFacts(cluster);
  const mesh = { plan: planMesh(cluster, probes, logins), hosts: cluster.hosts, logins };
  const { text, notes } = to === "env" ? writeDockerEnv(mesh) : writeSparkrunCluster(cluster.stack ?? "", mesh);
  print(text);
  for (const line of notes) tell(`note: ${line}\n`);
}

/** What came of the stack config, after the survey. */
function ending(
  { write: wanted, adopt }: DiscoverOptions,
  problems: readonly string[],
  written: string | undefined,
  block: StackConfigBlock,
): string {
  if (written !== undefined) return `\nwrote ${written}\n`;
  if (!wanted) return adopt ? `\nwith --stack NAME --write:\n\n${writeStackFile("", block, "stdout")}` : "";
  return `\nwrote nothing; this is in the way:\n${problems.map((line) => `  ${line}\n`).join("")}`;
}

/** What was found of hosts, as it goes into a stack's file. */
export function blockOf(named: NamedCluster, { cables, network }: FoundConfig): StackConfigBlock {
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
