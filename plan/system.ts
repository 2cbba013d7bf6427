import type { SystemConfig } from "../config/cluster";
import type { SeenFile } from "../facts/record";
import {
  type EarlyoomFacts,
  earlyoomFile,
  isDeclared,
  logindFile,
  type SystemFacts,
  type SystemRecord,
  sudoersFile,
} from "../facts/system";
import { differencesAbout, type Finding } from "./difference";
import { hashOf, standingFindings } from "./differences";
import { digestOfSystem } from "./digest";
import { valueCheck } from "./document";
import { systemNoteOf } from "./note";
import type { Difference, HostPlan, SystemPlan } from "./plan";
import { missingProgram } from "./program";
import { EARLYOOM_ARGUMENTS, SUDO_OPERATIONS, SUDO_SCRIPTS } from "./systemSpec";
import { type HostLine, type HostView, isReached, type ReachedHost } from "./views";

/**
 * The hosts with what is declared of their systems; as they are where nothing is.
 *
 * @param program digest of the host program that would be installed.
 */
export function withSystem(
  hosts: readonly HostPlan[],
  views: readonly HostView[],
  wish: SystemConfig,
  program: string,
): readonly HostPlan[] {
  if (!isDeclared(wish)) return hosts;
  return hosts.map((host) => {
    const view = views.find(({ config }) => config.name === host.name);
    return view ? { ...host, system: planSystem(view, wish, program) } : host;
  });
}

function planSystem(view: HostView, wish: SystemConfig, program: string): SystemPlan {
  if (!isReached(view)) {
    const state = view.kind === "abandoned" ? "abandoned" : "unknown";
    return { wish, digest: digestOf(wish, ""), state, differences: [], note: "" };
  }
  const { facts } = view;
  const { user, record } = facts.system;
  const digest = digestOf(wish, user);
  const differences = systemDifferences(view.config.name, wish, digest, facts.system);
  // Where the program that did it is gone, the same comes again, or this release's does it anew.
  const kept = record !== undefined && (record.program === program || !missingProgram(facts, record.program));
  const settled = record?.digest === digest && differences.length === 0 && kept;
  return {
    wish,
    user,
    digest,
    state: settled ? "settled" : "due",
    differences,
    note: settled ? "" : systemNoteOf(facts, differences),
    ...(record && { committed: { spec: record.spec, program: record.program } }),
  };
}

/** Without a word of earlyoom where it is off: what earlier releases made stays as they called it. */
function digestOf({ earlyoom, ...wish }: SystemConfig, user: string): string {
  const operations = wish.sudoers ? [...SUDO_OPERATIONS, ...SUDO_SCRIPTS] : [];
  return digestOfSystem({ ...wish, user, operations, ...(earlyoom && { earlyoom: EARLYOOM_ARGUMENTS }) });
}

/**
 * What somebody changed since the last run. What wasn't declared then is no drift; nor is anything on a host where
 * nothing was.
 */
function systemDifferences(
  host: string,
  wish: SystemConfig,
  digest: string,
  { user, inDocker, sudoers, logind, keepsIpc, earlyoom, record }: SystemFacts,
): readonly Difference[] {
  if (!record) return [];
  const committed = (path: string) => record.files.find((file) => file.path === path);
  const drift: Difference[] = [];
  if (wish.dockerGroup && record.digest === digest && inDocker === false) {
    drift.push(...differencesAbout(host, "group docker", [{ property: user, found: "no member", wanted: "member" }]));
  }
  const sudoersBefore = committed(sudoersFile);
  if (wish.sudoers && sudoersBefore) {
    // Root was asked where nobody else could look, and sudo refused: what the file is for, it doesn't do.
    const findings = sudoers
      ? fileFindings(sudoers === "absent" ? undefined : sudoers, sudoersBefore, "440")
      : [{ property: "file", found: "without effect", wanted: "sudo without a password" }];
    drift.push(...differencesAbout(host, sudoersFile, findings));
  }
  const logindBefore = committed(logindFile);
  if (!wish.removeIpc && logindBefore) {
    drift.push(...differencesAbout(host, logindFile, fileFindings(logind, logindBefore, "644")));
    if (keepsIpc === false) {
      drift.push(...differencesAbout(host, "logind", [{ property: "RemoveIPC", found: "yes", wanted: "no" }]));
    }
  }
  const earlyoomBefore = committed(earlyoomFile);
  if (wish.earlyoom && earlyoomBefore) {
    drift.push(
      ...differencesAbout(host, earlyoomFile, fileFindings(earlyoom?.dropIn, earlyoomBefore, "644")),
      ...differencesAbout(host, "earlyoom.service", unitFindings(earlyoom)),
    );
  }
  return drift;
}

/** Of a unit that was asked about. */
function unitFindings({ active = "active", enabled = "enabled" }: EarlyoomFacts = {}): readonly Finding[] {
  const findings = [
    { property: "state", found: active, wanted: "active" },
    { property: "at boot", found: enabled, wanted: "enabled" },
  ];
  return findings.filter(({ found, wanted }) => found !== wanted);
}

function fileFindings(
  file: SeenFile | undefined,
  committed: SystemRecord["files"][number],
  mode: string,
): readonly Finding[] {
  if (!file) return [{ property: "file", found: "missing", wanted: "present" }];
  const changed = hashOf(file, committed) !== committed.sha256;
  const text = { property: "text", found: "changed since the last run", wanted: "as it was written" };
  return [...(changed ? [text] : []), ...standingFindings(file, mode)];
}

/** What is declared and can't be on this host. */
export function systemFaults({ config: { name: host }, facts }: ReachedHost, wish: SystemConfig): readonly HostLine[] {
  if (!isDeclared(wish)) return [];
  const lines: string[] = [];
  valueCheck(host, lines)("user", "login user", facts.system.user);
  if (wish.dockerGroup && facts.system.inDocker === undefined) {
    lines.push(`${host}: there is no group docker; install Docker, or take dockerGroup out of spark-mesh:system`);
  }
  if (wish.earlyoom && !facts.system.earlyoom) {
    lines.push(
      `${host}: earlyoom: found not installed, wanted installed; sudo apt install earlyoom, or take earlyoom out of spark-mesh:system`,
    );
  }
  return lines.map((line) => ({ host, line }));
}
