/** `spark-mesh init`: from the addresses of some Sparks to a stack that `pulumi up` takes. */

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { Command } from "@commander-js/extra-typings";
import type { ClusterConfig } from "../config/cluster";
import { Faults } from "../config/faults";
import { trustWords } from "../facts/hostKeyFaults";
import { offeredKey } from "../facts/offeredKey";
import { shellQuoted } from "../facts/sshArguments";
import { adoptedConfig, type FoundConfig, foundConfig, surveyMesh, withFound } from "../plan/survey";
import { askYes } from "./ask";
import { namedCluster, stackFilePath } from "./cluster";
import { blockOf } from "./discover";
import { backendUrl, projectName } from "./engine";
import { changedFault, judgeKey, renderKey } from "./hostKeys";
import { type Look, lookAt } from "./look";
import { misused } from "./misuse";
import { exitFor, print, printJson, tell } from "./output";
import { packageFolder } from "./package";
import { type KeptPassphrase, keepPassphrase } from "./passphrase";
import { replaceFile } from "./replaceFile";
import { renderSurvey } from "./report";
import { stackFileHead, writeStackFile } from "./stackFile";

interface InitOptions {
  readonly stack: string;
  readonly identity?: string | undefined;
  readonly passphraseFile?: string | undefined;
  readonly yes?: true | undefined;
  readonly json?: true | undefined;
}

export function initCommand() {
  return new Command("init")
    .summary("write a stack for some Sparks: its file, and its passphrase's")
    .description(
      "Asks the Sparks what they are, asks you what they can't say, and writes Pulumi.NAME.yaml and the file of its " +
        "passphrase. Nothing on a host is changed.",
    )
    .argument("<HOST...>", "[user@]address[:port], a name, or an alias in ~/.ssh/config; the first is the head")
    .option("--stack <NAME>", "the stack's name", "home")
    .option("--identity <FILE>", "log in with this private key (default: the keys in ssh-agent)")
    .option(
      "--passphrase-file <FILE>",
      "where the passphrase is, or is to be (default: $PULUMI_CONFIG_PASSPHRASE_FILE, else ~/.config/spark-mesh-passphrase)",
    )
    .option("-y, --yes", "ask nothing: the host keys that are shown are the right ones, what the Sparks have is kept")
    .option("--json", "one JSON document on stdout")
    .action(init);
}

async function init(hosts: readonly string[], options: InitOptions): Promise<void> {
  const stackFile = stackFilePath(options.stack);
  refuseFolder(stackFile, options.stack);
  const named = namedCluster({ hosts, identity: options.identity });
  const decide = decider(options);
  const pins = await pinKeys(named.cluster, decide);
  tell(`asking ${named.cluster.hosts.map(({ name }) => name).join(", ")} ...\n`);
  const cluster = withPins(named.cluster, pins);
  const look = await lookAt(cluster);
  if (look.unreached.length > 0 || !look.survey.hosts.every(({ state }) => state === "reached")) {
    throw new Faults("the hosts", look.problems);
  }
  const found = await choose(cluster, look, decide);
  const final = surveyMesh(withFound(cluster, found), look.probes);

  const entries = named.hosts.map((host) => ({ ...host, ...hostKeyOf(pins, host.name) }));
  const block = blockOf({ ...named, hosts: entries }, found);
  const { cables, ...rest } = block;
  const head = stackFileHead(relative(".", join(packageFolder, "config", "stack.schema.json")));
  const text = writeStackFile(head, found.cables.length > 0 ? block : rest, stackFile);
  const passphrase = keepPassphrase(options.passphraseFile);
  replaceFile(stackFile, text, 0o644);

  const wrote = [basename(stackFile), ...(passphrase.state === "made" ? [passphrase.path] : [])];
  const next = nextSteps(options.stack, passphrase, look);
  const problems = final.faults;
  if (options.json) {
    const { topology, hosts: seen, warnings } = final;
    printJson({ stack: options.stack, wrote, topology, hosts: seen, problems, warnings, next });
  } else {
    print(renderSurvey({ ...look, survey: final, problems, warnings: final.warnings }));
    print(`\n${wrote.map((path) => `wrote ${path}\n`).join("")}${aboutPassphrase(passphrase)}`);
    print(
      `\n${problems.length > 0 ? "once that is put right" : "next"}:\n\n${next.map((line) => `    ${line}\n`).join("")}`,
    );
  }
  exitFor(problems);
}

/** @throws Faults where the folder has no program, or has such a stack already */
function refuseFolder(stackFile: string, stack: string): void {
  if (projectName() === undefined) {
    throw new Faults("this folder", [
      "Pulumi.yaml: found none; run this in the folder of the program, e.g. a clone of spark-mesh",
    ]);
  }
  if (existsSync(stackFile)) {
    throw new Faults("this folder", [
      `${basename(stackFile)}: is there already; add hosts to it by \`npx spark-mesh discover HOST... --stack ${stack} --write\`, or choose another --stack`,
    ]);
  }
}

/** Answers a question: with yes where that is the command line's answer to all. */
type Decide = (question: string) => Promise<boolean>;

function decider({ yes }: InitOptions): Decide {
  return async (question) => {
    if (yes) return true;
    if (!process.stdin.isTTY) throw misused(`found no terminal to ask at: ${question}; --yes answers yes to all`);
    return askYes(question);
  };
}

/** Host keys that were shown and are to be pinned in the stack's file, by host; those that are pinned already have none. */
async function pinKeys({ hosts }: ClusterConfig, decide: Decide): Promise<ReadonlyMap<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "spark-mesh-"));
  try {
    const judged = await Promise.all(
      hosts.map(async (host) => {
        const named = { host, label: host.name, words: trustWords(host, undefined) };
        return judgeKey(named, await offeredKey(host, folder), undefined);
      }),
    );
    const problems = judged.flatMap((host) =>
      host.state === "fault" ? host.faults : host.state === "changed" ? [changedFault(host)] : [],
    );
    if (problems.length > 0) throw new Faults("the hosts", problems);
    const pins = new Map<string, string>();
    for (const host of judged) {
      if (host.state !== "new") continue;
      tell(renderKey(host));
      if (!(await decide(`${host.label}: is that the machine's own key, and to be pinned?`))) {
        throw new Faults("the answers", [`${host.label}: its key was not to be pinned; nothing was written`]);
      }
      pins.set(host.label, host.offer.key);
    }
    return pins;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function hostKeyOf(pins: ReadonlyMap<string, string>, host: unknown): { readonly hostKey?: string } {
  const hostKey = pins.get(String(host));
  return hostKey === undefined ? {} : { hostKey };
}

function withPins(cluster: ClusterConfig, pins: ReadonlyMap<string, string>): ClusterConfig {
  const hosts = cluster.hosts.map((host) => ({ ...host, ssh: { ...host.ssh, ...hostKeyOf(pins, host.name) } }));
  return { ...cluster, hosts };
}

/** What of the Sparks goes into the file: what they are configured with is kept, and cables that must be declared are. */
async function choose(cluster: ClusterConfig, { probes, survey }: Look, decide: Decide): Promise<FoundConfig> {
  const adopted = adoptedConfig(cluster, probes);
  const present = adopted.cables.flatMap(({ subnets, addresses }) => [
    ...(subnets ?? []),
    ...Object.values(addresses ?? {}).flat(),
  ]);
  if (present.length > 0) {
    for (const line of adopted.notes) tell(`note: ${line}\n`);
    if (await decide(`The cables are configured with ${present.join(", ")}: keep that?`)) return adopted;
  }
  const found = foundConfig(survey);
  const declared = surveyMesh(withFound(cluster, found), probes);
  // A ring of four, for one, is taken where it is declared.
  if (survey.faults.length > declared.faults.length) {
    for (const line of survey.faults) tell(`${line}\n`);
    if (await decide(`Declare the cables that were found, as a ${declared.topology}?`)) return found;
  }
  return { cables: [], network: {}, notes: [] };
}

/** Lines to copy, in order. */
function nextSteps(stack: string, passphrase: KeptPassphrase, { probes }: Look): readonly string[] {
  const asking = [...probes].flatMap(([host, probe]) =>
    probe.kind === "facts" && probe.facts.sudo === "refused" ? [host] : [],
  );
  const all = asking.length === probes.size;
  return [
    ...(passphrase.state === "given" ? [] : [`export PULUMI_CONFIG_PASSPHRASE_FILE=${quotedPath(passphrase.path)}`]),
    ...(backendUrl() === undefined ? ["npx pulumi login --local"] : []),
    `npx pulumi stack init ${stack}`,
    ...(all ? ["npx pulumi config set --secret spark-mesh:sudoPassword"] : []),
    ...(all ? [] : asking.map((host) => `npx pulumi config set --secret --path 'spark-mesh:sudoPasswords["${host}"]'`)),
    "npx pulumi up",
  ];
}

function quotedPath(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : shellQuoted(path);
}

function aboutPassphrase(passphrase: KeptPassphrase): string {
  if (passphrase.state === "given") return "the passphrase is $PULUMI_CONFIG_PASSPHRASE\n";
  const what = passphrase.state === "made" ? "made" : "found";
  return `the passphrase was ${what} in ${passphrase.path}; keep a copy of it: without it the state can't be read again\n`;
}
