/** Systems of Debian packages, made once a machine and kept in its cache. */

import { existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { PackageSource } from "./package-source";
import { isRunning, recordOf, run } from "./process";

interface Making {
  /** mmdebstrap's own. */
  readonly options: readonly string[];
  readonly packages: readonly string[];
  readonly say: (line: string) => void;
}

/** Where they are kept. */
export function cacheRoot(): string {
  const cache = process.env.XDG_CACHE_HOME;
  return cache === undefined || cache === "" ? "/var/cache/spark-mesh-lab" : join(cache, "spark-mesh-lab");
}

/** Makes a folder or tar of Debian packages in the cache. */
export function mmdebstrap(source: PackageSource, path: string, making: Making): Promise<void> {
  return makeWhole(path, (aside) => bootstrap(source, aside, making));
}

/** Has a folder or file made in the cache: whole or not at all. Another run may make the same one meanwhile. */
export async function makeWhole(path: string, make: (aside: string) => Promise<void>): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  removeAbandoned(dirname(path));
  const aside = asideOf(dirname(path));
  try {
    await make(aside);
  } catch (error) {
    rmSync(aside, { recursive: true, force: true });
    throw error;
  }
  adopt(aside, path);
}

async function bootstrap(source: PackageSource, target: string, making: Making): Promise<void> {
  const { code, stderr } = await run(
    [
      "mmdebstrap",
      ...making.options,
      `--components=${source.components}`,
      `--include=${making.packages.join(",")}`,
      ...(source.keyring === undefined ? [] : [`--keyring=${source.keyring}`]),
      source.suite,
      target,
      source.mirror,
    ],
    { timeoutSeconds: 900, onLine: (line) => line.startsWith("I: ") && making.say(`  ${line.slice(3)}`) },
  );
  if (code !== 0) {
    throw new Error(`root file system: mmdebstrap failed:\n${stderr.trim().split("\n").slice(-15).join("\n")}`);
  }
}

/** A name that says who is at it. */
function asideOf(root: string): string {
  const mine = recordOf(process.pid);
  return join(root, `making.${process.pid}.${mine?.started}.${mine?.bootId}.${Date.now()}`);
}

/** Either will do where two were made at once: the first stays, as others may have read of it. */
function adopt(aside: string, path: string): void {
  try {
    // Unlike a folder, a file would take the place of another.
    if (statSync(aside).isFile()) {
      linkSync(aside, path);
    } else {
      renameSync(aside, path);
    }
  } catch (error) {
    if (!existsSync(path)) {
      throw error;
    }
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** Half-made ones whose maker is gone. */
function removeAbandoned(root: string): void {
  for (const name of readdirSync(root)) {
    const [kind, pid, started, bootId] = basename(name).split(".");
    if (kind === "making" && !isRunning({ pid: Number(pid), started: started ?? "", bootId: bootId ?? "" })) {
      rmSync(join(root, name), { recursive: true, force: true });
    }
  }
}
