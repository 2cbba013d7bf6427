import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Login } from "./hostFacts";

/** How long one host may take in all, in seconds; a connection may take `connectSeconds` of it. */
const overallSeconds = 45;
/** How long a host may take to answer at all, in seconds. */
export const connectSeconds = 5;
/** No host has this much to say about itself. */
const maxAnswerBytes = 16 << 20;

/** A session that ended before it answered. */
export class SessionEnded extends Error {
  constructor(
    /** ssh's exit status, 255 for its own failures; undefined where it was ended. */
    readonly code: number | undefined,
    /** What ssh and the remote shell said. */
    readonly stderr: string,
    /** What the ssh to the jump host said. */
    readonly jumpStderr: string,
    /** Why we ended it ourselves. */
    readonly ended?: string,
  ) {
    super("the session ended");
  }
}

/** An SSH session whose remote shell reads commands from us. It ends when it is closed, or after 45 seconds. */
export interface Session {
  /**
   * Sends text, at once, and waits for the next line that starts with `prefix`.
   *
   * @throws SessionEnded where the host can't be reached, doesn't let us in, or falls silent
   */
  ask(text: string): Promise<string>;
  /** The remote shell ends with its input, and ssh with the shell: nobody need wait for them. */
  close(): void;
}

const prefix = '{"sparkMeshFacts":';

/**
 * What makes OpenSSH do as apply's client does: no configuration, one pinned key, one credential, no questions. The
 * log level stays as it is: at a lower one ssh doesn't say why it gave up.
 */
function options(login: Login, name: string, knownHosts: string, identityFile: string | undefined): string[] {
  const credential =
    identityFile === undefined
      ? ["IdentityFile=none"]
      : [`IdentityFile=${configQuoted(identityFile)}`, "IdentitiesOnly=yes", "IdentityAgent=none"];
  const settings = [
    "BatchMode=yes",
    "PreferredAuthentications=publickey",
    "StrictHostKeyChecking=yes",
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
const shellQuoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** Writes the pins and returns ssh's arguments up to the command. */
async function sshArguments(login: Login, name: string, folder: string, identityFile?: string): Promise<string[]> {
  const knownHosts = join(folder, `${name}.known_hosts`);
  const jumpName = `${name}.jump`;
  const pins = [`${name} ${login.hostKey}`, ...(login.jump ? [`${jumpName} ${login.jump.hostKey}`] : [])];
  await writeFile(knownHosts, `${pins.join("\n")}\n`);
  const args = options(login, name, knownHosts, identityFile);
  if (login.jump) {
    // -J would start an ssh of its own that pins nothing and may ask at the terminal.
    const jump = [...options(login.jump, jumpName, knownHosts, identityFile), "-W", `[${login.address}]:${login.port}`];
    const words = ["ssh", ...[...jump, "--", login.jump.address].map(shellQuoted)].join(" ");
    args.push("-o", `ProxyCommand=${`${words} 2>${shellQuoted(jumpLog(folder, name))}`.replaceAll("%", "%%")}`);
  }
  return [...args, "--", login.address];
}

const jumpLog = (folder: string, name: string) => join(folder, `${name}.jump.log`);

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return "";
  }
}

/**
 * Starts one SSH session to a host, without waiting for it to be let in.
 *
 * @param name The host's name in the config, under which its key is pinned.
 * @param folder A folder of this run's own, for the pins.
 */
export async function openSession(
  host: { readonly name: string; readonly login: Login; readonly identityFile?: string },
  folder: string,
): Promise<Session> {
  const args = await sshArguments(host.login, host.name, folder, host.identityFile);
  const ssh = spawn("ssh", [...args, "exec bash -s"], { env: { ...process.env, LC_ALL: "C" } });
  let stderr = "";
  let ended: string | undefined;
  let received: Buffer[] = [];
  let receivedBytes = 0;
  let onLine: ((line: string) => void) | undefined;

  const end = (why: string) => {
    ended = why;
    ssh.kill("SIGKILL");
  };
  const limit = setTimeout(() => end(`no answer within ${overallSeconds} s`), overallSeconds * 1000);
  ssh.stderr.on("data", (bytes: Buffer) => {
    stderr = (stderr + bytes.toString()).slice(0, 16_384);
  });
  ssh.stdout.on("data", (bytes: Buffer) => {
    receivedBytes += bytes.length;
    if (receivedBytes > maxAnswerBytes) return end("its answer does not end");
    received.push(bytes);
    if (!bytes.includes(10)) return;
    const whole = Buffer.concat(received);
    const last = whole.lastIndexOf(10);
    received = [whole.subarray(last + 1)];
    // A login shell may say something of its own first.
    const lines = whole.subarray(0, last).toString("utf8").split("\n");
    const line = lines.find((text) => text.startsWith(prefix));
    if (line !== undefined) onLine?.(line);
  });
  // What we write to a session that is over is of no interest; why it is over comes with `close`.
  ssh.stdin.on("error", () => undefined);
  const over = new Promise<number | undefined>((resolve) => {
    ssh.once("close", (code) => resolve(code ?? undefined));
    ssh.once("error", () => resolve(undefined));
  }).then(async (code) => {
    clearTimeout(limit);
    return new SessionEnded(code, stderr, await textOf(jumpLog(folder, host.name)), ended);
  });

  return {
    ask: (text) =>
      new Promise((resolve, reject) => {
        onLine = resolve;
        void over.then(reject);
        ssh.stdin.write(text);
      }),
    close: () => ssh.stdin.end(),
  };
}
