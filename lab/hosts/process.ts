/** Processes on the control machine: run to the end, started for good, and known again later. */

import { spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";

/** What a command did. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit status; 128 and the signal's number when a signal ended it. */
  readonly code: number;
}

export interface RunOptions {
  readonly stdin?: string;
  /** The command is killed after this long, in seconds. @default 120 */
  readonly timeoutSeconds?: number;
  /** Called with each line of standard error as it comes. */
  readonly onLine?: (line: string) => void;
}

/** A process that can be told from a later one with the same number. */
export interface ProcessRecord {
  readonly pid: number;
  /** Start time in clock ticks since `bootId` began. */
  readonly started: string;
  readonly bootId: string;
}

/** Runs a command to its end, whatever its end. */
export function run(command: readonly [string, ...string[]], options: RunOptions = {}): Promise<Outcome> {
  const [file, ...args] = command;
  const { stdin = "", timeoutSeconds = 120, onLine } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: "pipe" });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let line = "";
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutSeconds * 1000);
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => {
      stderr.push(chunk);
      const lines = (line + chunk.toString()).split("\n");
      line = lines.pop() ?? "";
      for (const complete of lines) {
        onLine?.(complete);
      }
    });
    // A command that ends without reading its input is judged by its exit status.
    child.stdin.on("error", () => {});
    child.stdin.end(stdin);
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString();
      resolve({ stdout: text(stdout), stderr: text(stderr), code: code ?? (signal === "SIGKILL" ? 137 : 143) });
    });
  });
}

/** Runs a command that has to succeed, and returns what it printed. */
export async function must(command: readonly [string, ...string[]], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code !== 0) {
    throw new Error(`${command.slice(0, 3).join(" ")}: exit status ${code}: ${stderr.trim() || stdout.trim()}`);
  }
  return stdout;
}

/** Starts a process that outlives this one and writes to `logFile`. */
export function start(command: readonly [string, ...string[]], logFile: string): ProcessRecord {
  const [file, ...args] = command;
  const log = openSync(logFile, "w");
  const child = spawn(file, args, { detached: true, stdio: ["ignore", log, log], cwd: "/" });
  closeSync(log);
  child.on("error", () => {});
  child.unref();
  const record = child.pid === undefined ? undefined : recordOf(child.pid);
  if (record === undefined) {
    throw new Error(`${file}: could not be started`);
  }
  return record;
}

/** The record of a running process. */
export function recordOf(pid: number): ProcessRecord | undefined {
  const stat = statOf(pid);
  return stat === undefined || stat.state === "Z" ? undefined : { pid, started: stat.started, bootId: bootId() };
}

/** Whether the very process of `record` still runs. */
export function isRunning(record: ProcessRecord): boolean {
  const now = recordOf(record.pid);
  return now !== undefined && now.started === record.started && now.bootId === record.bootId;
}

/** Kills the very process of `record`, and waits until it is gone. */
export async function killProcess(record: ProcessRecord): Promise<void> {
  if (isRunning(record)) {
    process.kill(record.pid, "SIGKILL");
  }
  await until(() => !isRunning(record), 60, `process ${record.pid} to end`);
}

/** The first process of the PID namespace two levels inside that of `outermost`, if it is there. */
export function firstInside(outermost: number): number | undefined {
  const parents = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const parent = Number.isInteger(pid) ? statOf(pid)?.parent : undefined;
    if (parent !== undefined) {
      parents.set(parent, [...(parents.get(parent) ?? []), pid]);
    }
  }
  const depth = namespacePids(outermost).length + 2;
  const queue = [outermost];
  for (let pid = queue.shift(); pid !== undefined; pid = queue.shift()) {
    const pids = namespacePids(pid);
    if (pids.length === depth && pids.at(-1) === 1) {
      return pid;
    }
    queue.push(...(parents.get(pid) ?? []));
  }
  return undefined;
}

/** Waits for `condition`, at most `seconds`. */
export async function until(condition: () => boolean | Promise<boolean>, seconds: number, what: string): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > end) {
      throw new Error(`waited ${seconds} s for ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function statOf(pid: number): { state: string; parent: number; started: string } | undefined {
  const text = readProc(`/proc/${pid}/stat`);
  // The command's name may hold spaces and brackets: the fields begin after the last bracket.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parent, started] = [fields?.[0], fields?.[1], fields?.[19]];
  return state === undefined || started === undefined ? undefined : { state, parent: Number(parent), started };
}

function namespacePids(pid: number): number[] {
  const line = readProc(`/proc/${pid}/status`)?.match(/^NSpid:\s*(.*)$/m)?.[1];
  return line?.trim().split(/\s+/).map(Number) ?? [];
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
