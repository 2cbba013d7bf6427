/** What is done inside a running virtual Spark, past its network and its sshd. */

import { firstInside, isRunning } from "./process";
import { readPower } from "./state";

/** Whether a host has power; it may still be booting. */
export function isPowered(lab: string, host: string): boolean {
  const power = readPower(lab, host);
  return power !== undefined && isRunning(power);
}

/** The PID, on the control machine, of the host's init. */
export function initOf(lab: string, host: string): number | undefined {
  const power = readPower(lab, host);
  return power !== undefined && isRunning(power) ? firstInside(power.pid) : undefined;
}

/** The arguments with which nsenter runs a command inside a host, with a root user's environment. */
export function insideArguments(lab: string, host: string): string[] {
  const init = initOf(lab, host);
  if (init === undefined) {
    throw new Error(
      `${host}: found it switched off, wanted it running; \`npm run lab -- boot ${host}\` switches it on`,
    );
  }
  const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return [
    "-t",
    String(init),
    "-a",
    "--",
    "env",
    "-i",
    path,
    "HOME=/root",
    "LC_ALL=C.UTF-8",
    `TERM=${process.env.TERM ?? "dumb"}`,
  ];
}
