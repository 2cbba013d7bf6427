import type { z } from "zod";
import type { HostConfig, SshConfig } from "./cluster";
import { judge, shown } from "./judge";
import * as schema from "./schema";

type HostEntry = z.infer<typeof schema.host>;
type SshEntry = z.infer<typeof schema.ssh>;

/** A field of an entry that may be anything at all. */
function field(entry: unknown, key: string): unknown {
  return typeof entry === "object" && entry !== null ? (entry as Record<string, unknown>)[key] : undefined;
}

/** The names of the hosts, also of those with faults: what refers to them is judged in the same message. */
export function namesOf(list: readonly unknown[]): string[] {
  return list.map((entry) => field(entry, "name")).filter((name): name is string => typeof name === "string");
}

/** A line for every entry whose `identityOf` an earlier entry has already. */
function judgeUnique(
  faults: string[],
  list: readonly unknown[],
  key: string,
  identityOf: (i: number) => unknown,
): void {
  const owner = new Map<unknown, number>();
  list.forEach((entry, index) => {
    const value = identityOf(index);
    if (value === undefined) return;
    const first = owner.get(value);
    if (first === undefined) {
      owner.set(value, index);
      return;
    }
    const written = field(entry, key);
    const found = written === undefined ? `${value} (the default: the position)` : shownPlain(written);
    faults.push(`hosts[${index}].${key}: ${found} is already used by hosts[${first}]; every host needs its own`);
  });
}

function shownPlain(value: unknown): string {
  return /^[\w.:%-]+$/.test(String(value)) ? String(value) : shown(value);
}

/** `~` and `~/...` with the home directory in place of `~`. */
function expanded(path: string, home: string): string {
  return path === "~" || path.startsWith("~/") ? home + path.slice(1) : path;
}

/**
 * The hosts in rank order, each with what `ssh` says for all and with its sudo password.
 *
 * @param ssh The value of `ssh`; undefined where it isn't given.
 */
export function judgeHosts(
  faults: string[],
  list: readonly unknown[],
  ssh: unknown,
  home: string,
  passwordOf: (host: string) => string | undefined,
): HostConfig[] {
  const common: SshEntry = judge(faults, schema.ssh, ssh ?? {}, "ssh", { keys: Object.keys(schema.ssh.shape) }) ?? {};
  const entries = list.map((entry, index) =>
    judge(faults, schema.host, entry, `hosts[${index}]`, { keys: Object.keys(schema.host.shape) }),
  );

  judgeUnique(faults, list, "name", (i) => field(list[i], "name"));
  judgeUnique(faults, list, "address", (i) => {
    const address = field(list[i], "address");
    // Two ports of one address are two machines behind a port forwarding.
    const port = field(list[i], "port") ?? common.port ?? 22;
    return typeof address === "string" ? `${address.toLowerCase()} ${port}` : undefined;
  });
  judgeUnique(faults, list, "number", (i) => field(list[i], "number") ?? i + 1);

  return entries.flatMap((entry, index) => {
    if (entry === undefined) return [];
    const number = entry.number ?? index + 1;
    if (number > 244) faults.push(`hosts[${index}].number: ${number} (the default: the position); allowed: 1 to 244`);
    const login = sshOf(entry, common, home);
    if (login.auth === "key" && login.identityFile === undefined) {
      faults.push(`hosts[${index}].identityFile: missing; ssh.auth is key, which needs one here or in ssh`);
    }
    const sudoPassword = passwordOf(entry.name);
    return [
      {
        name: entry.name,
        address: entry.address,
        number,
        ssh: login,
        ...(entry.managementInterface !== undefined && { managementInterface: entry.managementInterface }),
        ...(sudoPassword !== undefined && { sudoPassword }),
      },
    ];
  });
}

function sshOf(entry: HostEntry, common: SshEntry, home: string): SshConfig {
  const user = entry.user ?? common.user;
  const port = entry.port ?? common.port;
  const identityFile = entry.identityFile ?? common.identityFile;
  const hostKey = entry.hostKey ?? common.hostKey;
  const auth = common.auth ?? (identityFile === undefined ? "agent" : "key");
  return {
    auth,
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port }),
    // An agent's login reads no key file, so none is carried along.
    ...(auth === "key" && identityFile !== undefined && { identityFile: expanded(identityFile, home) }),
    ...(common.proxyJump !== undefined && { proxyJump: common.proxyJump }),
    ...(hostKey !== undefined && { hostKey }),
  };
}
