import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Login } from "./hostFacts";

/** How long a host may take to answer at all, in seconds. */
export const connectSeconds = 5;

/** A login whose host key may be yet to be learned. */
export type UnpinnedLogin = Omit<Login, "hostKey"> & Partial<Pick<Login, "hostKey">>;

/**
 * What makes OpenSSH do as apply's client does: no configuration, one pinned key, one credential, no questions. The
 * log level stays as it is: at a lower one ssh doesn't say why it gave up. Without a pinned key ssh keeps the one that
 * it is shown, and proves nothing to a host that is not known yet.
 */
function options(login: UnpinnedLogin, name: string, knownHosts: string, identityFile: string | undefined): string[] {
  const credential =
    identityFile === undefined
      ? ["IdentityFile=none"]
      : [`IdentityFile=${configQuoted(identityFile)}`, "IdentitiesOnly=yes", "IdentityAgent=none"];
  const settings = [
    "BatchMode=yes",
    ...(login.hostKey === undefined
      ? ["PreferredAuthentications=none", "StrictHostKeyChecking=accept-new", "HashKnownHosts=no", "CheckHostIP=no"]
      : ["PreferredAuthentications=publickey", "StrictHostKeyChecking=yes"]),
    `UserKnownHostsFile=${configQuoted(knownHosts)}`,
    "GlobalKnownHostsFile=/dev/null",
    `HostKeyAlias=${name}`,
    "HostKeyAlgorithms=ssh-ed25519",
    "UpdateHostKeys=no",
    "ControlMaster=no",
    "ControlPath=none",
    `ConnectTimeout=${connectSeconds}`,
    "ServerAliveInterval=5",
    "ServerAliveCountMax=2",
    `User=${login.user}`,
    `Port=${login.port}`,
    ...credential,
  ];
  return ["-F", "none", "-T", "-x", "-a", ...settings.flatMap((setting) => ["-o", setting])];
}

/** ssh reads % as the start of a token, and white space as the end of a value that isn't quoted. */
const configQuoted = (path: string) => `"${path.replace(/["\\]/g, "\\$&").replaceAll("%", "%%")}"`;
/** A word that a shell takes as it is. */
export const shellQuoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/**
 * Writes the pins and returns ssh's arguments up to the command.
 *
 * @param name under which the host's key is pinned, or kept where it is to be learned.
 * @param folder of this run's own.
 */
export async function sshArguments(
  login: UnpinnedLogin,
  name: string,
  folder: string,
  identityFile?: string,
): Promise<string[]> {
  const knownHosts = pinsFile(folder, name);
  const jumpName = `${name}.jump`;
  const pins = [
    ...(login.hostKey === undefined ? [] : [`${name} ${login.hostKey}`]),
    ...(login.jump ? [`${jumpName} ${login.jump.hostKey}`] : []),
  ];
  await writeFile(knownHosts, pins.map((pin) => `${pin}\n`).join(""));
  const args = options(login, name, knownHosts, identityFile);
  if (login.jump) {
    // -J would start an ssh of its own that pins nothing and may ask at the terminal.
    const jump = [...options(login.jump, jumpName, knownHosts, identityFile), "-W", `[${login.address}]:${login.port}`];
    const words = ["ssh", ...[...jump, "--", login.jump.address].map(shellQuoted)].join(" ");
    args.push("-o", `ProxyCommand=${`${words} 2>${shellQuoted(jumpLog(folder, name))}`.replaceAll("%", "%%")}`);
  }
  return [...args, "--", login.address];
}

const pinsFile = (folder: string, name: string) => join(folder, `${name}.known_hosts`);
const jumpLog = (folder: string, name: string) => join(folder, `${name}.jump.log`);

/** The ed25519 key that ssh kept of a host without a pinned one. */
export async function keptKey(folder: string, name: string): Promise<string | undefined> {
  const lines = (await textOf(pinsFile(folder, name))).split("\n");
  return lines.find((line) => line.startsWith(`${name} ssh-ed25519 `))?.slice(name.length + 1);
}

/** What the ssh to the jump host said. */
export function jumpSaid(folder: string, name: string): Promise<string> {
  return textOf(jumpLog(folder, name));
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return "";
  }
}
