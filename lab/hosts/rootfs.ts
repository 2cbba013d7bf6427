/** The root file system that every virtual Spark starts from: made once a machine, then shared. */

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cacheRoot, mmdebstrap } from "./debian";
import { type PackageSource, packageSource } from "./package-source";

/** The folder of the root file system, made first if it isn't there. */
export async function ensureRootfs(docker: boolean, say: (line: string) => void): Promise<string> {
  const source = packageSource();
  const packages = packagesOf(docker);
  const dir = join(cacheRoot(), `${source.suite}-${docker ? "docker-" : ""}${keyOf(source, packages)}`);
  if (existsSync(dir)) {
    return dir;
  }
  say(`making the root file system (${source.suite}, ${packages.length} packages, once on this machine)`);
  const hook = `--customize-hook=${join(__dirname, "rootfs-customise.sh")} "$1"`;
  await mmdebstrap(source, dir, { options: ["--variant=minbase", "--format=directory", hook], packages, say });
  return dir;
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
