import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { Login } from "./hostFacts";
import { MarkedAnswers, markLine } from "./marked";
import { jumpSaid, sshArguments } from "./sshArguments";

/** How long one host may take in all, in seconds; a connection may take `connectSeconds` of it. */
const overallSeconds = 45;
/** No host has this much to say about itself. */
const maxAnswerBytes = 32 << 20;

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
   * Sends text, at once, and waits for the next answer, as marked.ts says.
   *
   * @throws SessionEnded where the host can't be reached, doesn't let us in, or falls silent
   */
  ask(text: string): Promise<string>;
  /** The remote shell ends with its input, and ssh with the shell: nobody need wait for them. */
  close(): void;
}

/** A login shell's functions, BASH_ENV and options stay outside: they would change what our commands do and print. */
export const SESSION_COMMAND = "exec bash -p -s";

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
  const mark = randomBytes(12).toString("hex");
  const answers = new MarkedAnswers(mark);
  const ssh = spawn("ssh", [...args, SESSION_COMMAND], { env: { ...process.env, LC_ALL: "C" } });
  let stderr = "";
  let ended: string | undefined;
  let receivedBytes = 0;
  let onAnswer: ((answer: string) => void) | undefined;

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
    for (const answer of answers.take(bytes)) onAnswer?.(answer);
  });
  // What we write to a session that is over is of no interest; why it is over comes with `close`.
  ssh.stdin.on("error", () => undefined);
  const over = new Promise<number | undefined>((resolve) => {
    ssh.once("close", (code) => resolve(code ?? undefined));
    ssh.once("error", () => resolve(undefined));
  }).then(async (code) => {
    clearTimeout(limit);
    return new SessionEnded(code, stderr, await jumpSaid(folder, host.name), ended);
  });

  ssh.stdin.write(markLine(mark));
  return {
    ask: (text) =>
      new Promise((resolve, reject) => {
        onAnswer = resolve;
        void over.then(reject);
        ssh.stdin.write(text);
      }),
    close: () => ssh.stdin.end(),
  };
}
