/** `spark-mesh trust`: the host keys of Sparks, shown, compared and pinned; and a new mesh key, asked for. */

import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Command, Option } from "@commander-js/extra-typings";
import { unknownHost } from "../config/cables";
import { Faults } from "../config/faults";
import { fingerprint } from "../facts/hostKey";
import { placeOf, trustWords } from "../facts/hostKeyFaults";
import { offeredKey } from "../facts/offeredKey";
import { askYes } from "./ask";
import { authorizeAll } from "./authorize";
import { namedCluster, onlyStack, stackFilePath } from "./cluster";
import { changedFault, type JudgedHost, judgeKey, type NamedHost, renderKey, type ShownHost } from "./hostKeys";
import { pinInKnownHosts } from "./knownHosts";
import { misused } from "./misuse";
import { exitFor, print, printJson, tell } from "./output";
import { replaceFile } from "./replaceFile";
import { rotate } from "./rotate";
import { pinInStackFile } from "./stackFile";

interface TrustOptions {
  readonly stack?: string | undefined;
  readonly identity?: string | undefined;
  readonly yes?: true | undefined;
  readonly replace?: true | undefined;
  readonly rotate?: true | undefined;
  readonly authorize?: true | undefined;
  readonly json?: true | undefined;
}

export function trustCommand() {
  return new Command("trust")
    .summary("show the host keys of Sparks, ask, and pin them")
    .description(
      "Shows the SSH host keys of Sparks, asks, and pins them: in ~/.ssh/known_hosts, or in a stack's file. " +
        "Nothing on a host is changed but by --rotate and --authorize.",
    )
    .argument("[HOST...]", "[user@]address[:port], a name, or an alias; with --stack a host's name, by default all")
    .addOption(
      new Option("--stack <NAME>", "the hosts of Pulumi.NAME.yaml: pinned there as their hostKey").conflicts(
        "identity",
      ),
    )
    .addOption(
      new Option("--replace", "pin the key that is shown also where another one is pinned; asks, too").conflicts(
        "rotate",
      ),
    )
    .option("-y, --yes", "ask nothing: the keys that are shown are the right ones")
    .option("--identity <FILE>", "log in to a jump host with this private key (default: the keys in ssh-agent)")
    .addOption(
      new Option(
        "--authorize",
        "then let your SSH key in where a host refuses it, with the login user's password, asked once for all",
      ).conflicts("rotate"),
    )
    .option("--rotate", "ask HOST for a new mesh key, which the next `pulumi up` makes and puts everywhere")
    .option("--json", "one JSON document on stdout")
    .action(trust);
}

async function trust(names: readonly string[], given: TrustOptions): Promise<void> {
  if (names.length === 0 && (given.rotate || given.stack === undefined))
    throw misused(`found no hosts; name them${given.rotate ? "" : ", or give --stack"}`);
  const options = given.rotate ? { ...given, stack: given.stack ?? onlyStack() } : given;
  const hosts = namedHosts(names, options);
  const folder = await mkdtemp(join(tmpdir(), "spark-mesh-"));
  try {
    const { problems, ...report } = options.rotate
      ? await rotate(hosts, folder, options.json === true)
      : options.authorize
        ? await pinAndAuthorize(names, hosts, folder, options)
        : await pinAll(hosts, folder, options);
    if (options.json) printJson({ ...report, problems });
    for (const line of problems) tell(`${line}\n`);
    exitFor(problems);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The stack's hosts that are named, by default all that are not abandoned; else the hosts at the places named. */
function namedHosts(names: readonly string[], { stack, identity }: TrustOptions): readonly NamedHost[] {
  if (stack === undefined) {
    const { cluster } = namedCluster({ hosts: names, identity });
    return cluster.hosts.map((host) => ({ host, label: placeOf(host), words: trustWords(host, undefined) }));
  }
  const { cluster } = namedCluster({ hosts: [], stack });
  const all = cluster.hosts.map(({ name }) => name);
  const unknown = names.filter((name) => !all.includes(name));
  if (unknown.length > 0) {
    throw misused(...unknown.map((name) => unknownHost(basename(stackFilePath(stack)), name, all)));
  }
  const chosen = names.length > 0 ? names : all.filter((name) => !cluster.abandon.includes(name));
  return cluster.hosts
    .filter(({ name }) => chosen.includes(name))
    .map((host) => ({ host, label: host.name, words: trustWords(host, stack) }));
}

/** What came of a host, for machines. */
interface PinnedHost {
  readonly host: string;
  readonly state: JudgedHost["state"];
  /** `ssh-ed25519 AAAA...` */
  readonly key?: string;
  readonly fingerprint?: string;
  readonly pinned: readonly { readonly fingerprint: string; readonly place: string }[];
  /** The file that the key was written to. */
  readonly wrote?: string;
}

/** Asks all hosts for their keys at once, and then, one after the other, what is to be done with them. */
async function pinAll(hosts: readonly NamedHost[], folder: string, options: TrustOptions) {
  const file = options.stack === undefined ? undefined : stackFilePath(options.stack);
  const judged = await Promise.all(
    hosts.map(async (named) =>
      judgeKey(named, await offeredKey(named.host, folder), file === undefined ? undefined : basename(file)),
    ),
  );
  const problems: string[] = [];
  const report: PinnedHost[] = [];
  for (const host of judged) {
    const { wrote, lines } = await settle(host, file, options);
    problems.push(...lines);
    report.push({ ...summaryOf(host), ...(wrote !== undefined && { wrote }) });
  }
  return { hosts: report, problems };
}

/** Pins the keys of hosts, and lets ours in on those whose key is pinned now. */
async function pinAndAuthorize(
  names: readonly string[],
  hosts: readonly NamedHost[],
  folder: string,
  options: TrustOptions,
) {
  const { problems, ...report } = await pinAll(hosts, folder, options);
  const unpinned = new Set(
    report.hosts.filter(({ state, wrote }) => state !== "pinned" && wrote === undefined).map(({ host }) => host),
  );
  // What was written is read anew, with the pins in it.
  const pinned = namedHosts(names, options).filter(({ label }) => !unpinned.has(label));
  const { logins, problems: refusals } = await authorizeAll(pinned, folder, options);
  return { ...report, logins, problems: [...problems, ...refusals] };
}

function summaryOf(host: JudgedHost): PinnedHost {
  if (host.state === "fault") return { host: host.label, state: host.state, pinned: [] };
  const { label, state, offer, pins } = host;
  const pinned = pins.map(({ key, place }) => ({ fingerprint: fingerprint(key), place }));
  return { host: label, state, key: offer.key, fingerprint: fingerprint(offer.key), pinned };
}

/** Shows a host, asks where something is to be done, and does it. */
async function settle(
  host: JudgedHost,
  stackFile: string | undefined,
  { yes, replace, json }: TrustOptions,
): Promise<{ readonly wrote?: string; readonly lines: readonly string[] }> {
  if (host.state === "fault") return { lines: host.faults };
  const { label, state, offer } = host;
  const show = json ? tell : print;
  show(renderKey(host));
  if (state === "pinned") return { lines: [] };
  if (state === "changed" && !replace) return { lines: [changedFault(host)] };
  if (!yes && !process.stdin.isTTY) {
    const line = `${label}: not pinned: found no terminal to ask at, wanted an answer; compare ${fingerprint(offer.key)} with the machine's own, then add --yes`;
    return { lines: [line] };
  }
  const place = stackFile === undefined ? (offer.target.ownKnownHostsFiles[0] ?? "") : basename(stackFile);
  const question = `${label}: pin ${fingerprint(offer.key)} in ${place}${state === "changed" ? " in place of the old key" : ""}?`;
  if (!yes && !(await askYes(question))) {
    return { lines: [`${label}: not pinned: found another answer, wanted yes; compare the keys and run this again`] };
  }
  try {
    const wrote = await pin(host, stackFile);
    show(`  wrote    ${wrote}\n`);
    return { wrote, lines: [] };
  } catch (error) {
    if (!(error instanceof Faults)) throw error;
    return { lines: error.lines.map((line) => `${label}: ${error.subject}: ${line}`) };
  }
}

/** Writes a key where pins are kept, and returns the file's path. */
async function pin({ host, state, offer: { key, target } }: ShownHost, stackFile: string | undefined): Promise<string> {
  if (stackFile === undefined) return pinInKnownHosts(target, key, state === "changed");
  const text = pinInStackFile(readFileSync(stackFile, "utf8"), host.name, key, stackFile);
  replaceFile(stackFile, text, 0o644);
  return stackFile;
}
