import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { Faults } from "../config/faults";

/** How long git may take, in seconds. */
const gitSeconds = 120;

/** `https://host/repository#COMMIT`, and the other ways to name a repository to git. */
const repository = /^((?:https|ssh|file):\/\/[^\s#]+|[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:[^\s#]+)(?:#(.*))?$/;

/**
 * The folder that a deployment's mods lie in: a folder of this machine, or a repository at a pinned commit, which is
 * fetched once and kept in ~/.cache/spark-mesh.
 *
 * @param source a path, or `URL#COMMIT` with all 40 digits.
 * @throws Faults where it can't be had, without saying which deployment wants it.
 */
export function modsFolder(source: string): string {
  const [, url, commit] = repository.exec(source) ?? [];
  if (url === undefined) {
    const folder = source.replace(/^~(?=\/|$)/, homedir());
    if (!existsSync(folder)) throw fault(`${source}: no such folder`);
    return folder;
  }
  if (commit === undefined || !/^[0-9a-f]{40}$/.test(commit)) {
    throw fault(`${source}: found no commit; what a branch has changes, so pin it: ${url}#COMMIT with all 40 digits`);
  }
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "spark-mesh", "mods");
  const kept = join(cache, commit);
  if (!existsSync(kept)) fetchInto(cache, kept, url, commit);
  return kept;
}

function fetchInto(cache: string, kept: string, url: string, commit: string): void {
  mkdirSync(cache, { recursive: true });
  const unfinished = mkdtempSync(join(cache, "unfinished-"));
  try {
    git(url, unfinished, "init", "--quiet");
    git(url, unfinished, "fetch", "--quiet", "--depth", "1", "--", url, commit);
    git(url, unfinished, "checkout", "--quiet", "--detach", "FETCH_HEAD");
    // Another run may have had it meanwhile; either will do.
    if (!existsSync(kept)) renameSync(unfinished, kept);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function git(url: string, folder: string, ...words: readonly string[]): void {
  const env = { ...process.env, LC_ALL: "C", GIT_TERMINAL_PROMPT: "0" };
  const done = spawnSync("git", ["-C", folder, ...words], { env, encoding: "utf8", timeout: gitSeconds * 1000 });
  if (done.status === 0) return;
  const reason = done.error?.message ?? done.stderr.trim().split("\n").at(-1) ?? "";
  throw fault(`${url}: git ${words[0]} failed (${reason}); check its name and the commit, or name a folder`);
}

function fault(line: string): Faults {
  return new Faults("the mods", [line]);
}
