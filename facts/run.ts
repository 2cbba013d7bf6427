import { execFile } from "node:child_process";

/** What a command of the control machine came to; `code` is undefined where it could not be started or was ended. */
export interface Outcome {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the control machine, in English and with no input, for at most ten seconds. Never throws. */
export function run(command: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, LC_ALL: "C" }, timeout: 10_000, maxBuffer: 4 << 20 };
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : undefined;
      resolve({ code, stdout, stderr });
    });
    child.stdin?.end();
  });
}
