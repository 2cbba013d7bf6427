import { spawn } from "node:child_process";
import type { Login } from "./hostFacts";
import { SessionEnded } from "./session";
import { jumpSaid, sshArguments } from "./sshArguments";

/** How long a command may take in all, in seconds. */
const overallSeconds = 45;
/** No command that is run so has this much to say. */
const maxOutputBytes = 1 << 20;

/** A host as OpenSSH gets there. */
export interface Destination {
  /** Under which its key is pinned. */
  readonly name: string;
  readonly login: Login;
  /** The private key's path; undefined where the agent proves who we are. */
  readonly identityFile?: string;
}

/** What ssh is told besides. */
interface SshWish {
  /** Options, each `NAME=VALUE`, which win over ours. */
  readonly options?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Runs one command on a host, over SSH with its pinned key, and returns what it printed.
 *
 * @param folder of this run's own, for the pins.
 * @throws SessionEnded where the host can't be reached, doesn't let us in, or the command fails
 */
export async function runOver(
  host: Destination,
  folder: string,
  command: string,
  stdin: string,
  { options = [], env }: SshWish = {},
): Promise<string> {
  const args = await sshArguments(host.login, host.name, folder, host.identityFile);
  const words = [...options.flatMap((option) => ["-o", option]), ...args, command];
  const ssh = spawn("ssh", words, { env: { ...process.env, ...env, LC_ALL: "C" } });
  let stdout = "";
  let stderr = "";
  let ended: string | undefined;
  const end = (why: string) => {
    ended = why;
    ssh.kill("SIGKILL");
  };
  const limit = setTimeout(() => end(`no answer within ${overallSeconds} s`), overallSeconds * 1000);
  ssh.stdout.on("data", (bytes: Buffer) => {
    stdout += bytes.toString();
    if (stdout.length > maxOutputBytes) end("its answer does not end");
  });
  ssh.stderr.on("data", (bytes: Buffer) => {
    stderr = (stderr + bytes.toString()).slice(0, 16_384);
  });
  // Why nobody reads any more comes with `close`.
  ssh.stdin.on("error", () => undefined);
  ssh.stdin.end(stdin);
  const code = await new Promise<number | undefined>((resolve) => {
    ssh.once("close", (status) => resolve(status ?? undefined));
    ssh.once("error", () => resolve(undefined));
  });
  clearTimeout(limit);
  if (code === 0) return stdout;
  throw new SessionEnded(code, stderr, await jumpSaid(folder, host.name), ended);
}
