/** The control group that holds all processes of one virtual Spark. */

import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { namesOf } from "../layout";

/** The folder of a host's own control group, on the machine's version 2 hierarchy. */
export function cgroupOf(network: number, host: string): string {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const mount = mounts.map((line) => line.split(" ")).find(([, , type]) => type === "cgroup2");
  if (mount?.[1] === undefined) {
    throw new Error("control machine: found no cgroup2 mount, wanted one; `mount -t cgroup2 none DIR` makes it");
  }
  return join(mount[1], `${namesOf(network).management}-${host}`);
}

/** Kills what is left in a control group and removes it; false while something is still ending. */
export function endCgroup(dir: string): boolean {
  if (!existsSync(dir)) {
    return true;
  }
  // Found by its group, not by its number: nothing outside the host can be hit.
  if (existsSync(join(dir, "cgroup.kill"))) {
    writeFileSync(join(dir, "cgroup.kill"), "1");
  }
  return remove(dir);
}

function remove(dir: string): boolean {
  const below = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const empty = below.map((entry) => remove(join(dir, entry.name))).every(Boolean);
  if (!empty) {
    return false;
  }
  try {
    rmdirSync(dir);
    return true;
  } catch {
    return false;
  }
}
