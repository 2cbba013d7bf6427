/** Measuring whole commands: medians of runs in turns, ratios, peak memory of a process and its children. */

import { readdirSync, readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { StartedStep } from "../project";

/** How long one run takes, in milliseconds. */
export async function milliseconds(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** Runs each in turn, A B C A B C, after one round that doesn't count; the medians in milliseconds, in order. */
export async function inTurns<T extends readonly (() => Promise<unknown>)[]>(
  runs: number,
  ...candidates: T
): Promise<{ [K in keyof T]: number }> {
  const times = candidates.map((): number[] => []);
  for (let round = 0; round <= runs; round += 1) {
    for (const [index, candidate] of candidates.entries()) {
      const time = await milliseconds(candidate);
      if (round > 0) {
        times[index]?.push(time);
      }
    }
  }
  return times.map(median) as { [K in keyof T]: number };
}

/** A ratio with the two figures behind it, given in milliseconds. */
export function ratio(a: number, b: number): string {
  return `${(a / b).toFixed(2)} (${seconds(a)} / ${seconds(b)})`;
}

/** Milliseconds as seconds, for a person. */
export function seconds(time: number): string {
  return `${(time / 1000).toFixed(2)} s`;
}

/** Peak of the resident memory of a command's processes together, in MiB, sampled every 20 ms. */
export async function peakMemoryMiB(step: StartedStep): Promise<number> {
  let running = true;
  const ended = step.done.finally(() => {
    running = false;
  });
  let peak = 0;
  while (running) {
    peak = Math.max(peak, residentMiB(step.pid));
    await sleep(20);
  }
  await ended;
  return Math.round(peak);
}

/** The middle one; of an even number of values the greater of the two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Resident memory of a process and all that descend from it. */
function residentMiB(root: number): number {
  const parents = new Map<number, number>();
  const kibibytes = new Map<number, number>();
  for (const pid of readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)) {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      parents.set(pid, Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0));
      kibibytes.set(pid, Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0));
    } catch {
      // It ended while we read: nothing of it is resident.
    }
  }
  const belongs = (pid: number): boolean =>
    pid === root || (parents.has(pid) && pid > 1 && belongs(parents.get(pid) ?? 0));
  return [...kibibytes].reduce((sum, [pid, size]) => (belongs(pid) ? sum + size / 1024 : sum), 0);
}
