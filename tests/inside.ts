import { expect } from "vitest";
import type { Lab } from "../lab/hosts/lab";
import type { RunOptions } from "../lab/hosts/process";

/**
 * Runs a shell command as root inside a host, past its network and sshd.
 *
 * @returns what it printed, without white space around it
 * @throws where it fails, with what it said
 */
export async function inside(lab: Lab, host: string, command: string, options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await lab.exec(host, command, options);
  if (code !== 0) throw new Error(`${host}: ${command}: exit status ${code}: ${stderr}`);
  return stdout.trim();
}

/** Runs one that is to say nothing on stderr either. */
export async function quietly(lab: Lab, host: string, command: string): Promise<string> {
  const { code, stdout, stderr } = await lab.exec(host, command);
  expect(`${stderr}exit status ${code}`, `${host}: ${command}`).toBe("exit status 0");
  return stdout.trim();
}
