/** The root file system that every virtual Spark starts from: made once a machine, then shared. */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { type PackageSource, packageSource } from "./package-source";
import { isRunning, recordOf, run } from "./process";

/** The folder of the root file system, made first if it isn't there. */
export async function ensureRootfs(docker: boolean, say: (line: string) => void): Promise<string> {
  const source = packageSource();
  const packages = packagesOf(docker);
  const root = cacheRoot();
  mkdirSync(root, { recursive: true });
  removeAbandoned(root);
  const dir = join(root, `${source.suite}-${docker ? "docker-" : ""}${keyOf(source, packages)}`);
  if (existsSync(dir)) {
    return dir;
  }
  say(`making the root file system (${source.suite}, ${packages.length} packages, once on this machine)`);
  const mine = recordOf(process.pid);
  const aside = join(root, `making.${process.pid}.${mine?.started}.${mine?.bootId}.${Date.now()}`);
  const { code, stderr } = await run(
    [
      "mmdebstrap",
      "--variant=minbase",
      "--format=directory",
      `--components=${source.components}`,
      `--include=${packages.join(",")}`,
      `--customize-hook=${join(__dirname, "rootfs-customise.sh")} "$1"`,
      ...(source.keyring === undefined ? [] : [`--keyring=${source.keyring}`]),
      source.suite,
      aside,
      source.mirror,
    ],
    { timeoutSeconds: 900, onLine: (line) => line.startsWith("I: ") && say(`  ${line.slice(3)}`) },
  );
  if (code !== 0) {
    rmSync(aside, { recursive: true, force: true });
    throw new Error(`root file system: mmdebstrap failed:\n${stderr.trim().split("\n").slice(-15).join("\n")}`);
  }
  adopt(aside, dir);
  return dir;
}

/** Another run may have made the same one meanwhile; either will do. */
function adopt(aside: string, dir: string): void {
  try {
    renameSync(aside, dir);
  } catch (error) {
    if (!existsSync(dir)) {
      throw error;
    }
    rmSync(aside, { recursive: true, force: true });
  }
}

function packagesOf(docker: boolean): string[] {
  const lists = docker ? ["rootfs-packages", "rootfs-packages-docker"] : ["rootfs-packages"];
  return lists.flatMap((list) => readFileSync(join(__dirname, list), "utf8").trim().split("\n"));
}

function keyOf(source: PackageSource, packages: string[]): string {
  const hash = createHash("sha256").update(JSON.stringify([source.suite, source.components, packages]));
  for (const script of ["rootfs-customise.sh", "nvidia-smi.sh", "runc.sh"]) {
    hash.update(readFileSync(join(__dirname, script)));
  }
  return hash.digest("hex").slice(0, 12);
}

function cacheRoot(): string {
  const cache = process.env.XDG_CACHE_HOME;
  return cache === undefined || cache === "" ? "/var/cache/spark-mesh-lab" : join(cache, "spark-mesh-lab");
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
