import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Faults } from "../config/faults";

/** What a repository has at one commit, on this machine. */
export interface Checkout {
  /** All 40 digits. */
  readonly commit: string;
  readonly folder: string;
}

/** How long git may take, in seconds. */
const gitSeconds = 120;
/** What is packed travels in the stdin of a command, and stays in the stack's state. */
const maxBytes = 4 << 20;

/** `https://host/repository#COMMIT`, and the other ways to name a repository to git. */
const repository = /^((?:https|ssh|file):\/\/[^\s#]+|[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:[^\s#]+)(?:#(.*))?$/;

/**
 * A repository at a pinned commit, which is fetched once and kept in ~/.cache/spark-mesh; undefined where the text names
 * none.
 *
 * @param source `URL#COMMIT` with all 40 digits.
 * @throws Faults where it can't be had, without saying who wants it.
 */
export function checkedOut(source: string): Checkout | undefined {
  const [, url, commit] = repository.exec(source) ?? [];
  if (url === undefined) return undefined;
  if (commit === undefined || !/^[0-9a-f]{40}$/.test(commit)) {
    throw fault(`${source}: found no commit; what a branch has changes, so pin it: ${url}#COMMIT with all 40 digits`);
  }
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "spark-mesh", "repositories");
  const folder = join(cache, commit);
  if (!existsSync(folder)) fetchInto(cache, folder, url, commit);
  return { commit, folder };
}

/**
 * The files of a checkout as git has them, not as they lie in its folder: base64 of a tar.gz, the same each time.
 *
 * @throws Faults where they are too many.
 */
export function packed({ commit, folder }: Checkout): string {
  const { status, stdout, stderr, error } = git(folder, "archive", "--format=tar", commit);
  if (status !== 0) throw fault(`${folder}: git archive failed (${error?.message ?? stderr}); remove that folder`);
  const archive = gzipSync(stdout);
  if (archive.length > maxBytes) {
    throw fault(
      `${commit}: has ${Math.ceil(archive.length / 2 ** 20)} MiB when packed; allowed: ${maxBytes >> 20} MiB; have it download the rest`,
    );
  }
  // Which operating system packed it doesn't matter: 255 is "unknown".
  archive[9] = 255;
  return archive.toString("base64");
}

function fetchInto(cache: string, kept: string, url: string, commit: string): void {
  mkdirSync(cache, { recursive: true });
  const unfinished = mkdtempSync(join(cache, "unfinished-"));
  const must = (...words: readonly [string, ...string[]]) => {
    const { status, stderr, error } = git(unfinished, ...words);
    if (status === 0) return;
    const reason = error?.message ?? stderr.toString().trim().split("\n").at(-1) ?? "";
    throw fault(
      `${url}: git ${words[0]} failed (${reason}); check its name, the commit, and that this machine may read it`,
    );
  };
  try {
    must("init", "--quiet");
    must("fetch", "--quiet", "--depth", "1", "--", url, commit);
    must("checkout", "--quiet", "--detach", "FETCH_HEAD");
    // Another run may have had it meanwhile; either will do.
    if (!existsSync(kept)) renameSync(unfinished, kept);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function git(folder: string, ...words: readonly string[]): SpawnSyncReturns<Buffer> {
  const env = { ...process.env, LC_ALL: "C", GIT_TERMINAL_PROMPT: "0" };
  return spawnSync("git", ["-C", folder, ...words], { env, timeout: gitSeconds * 1000, maxBuffer: 1 << 28 });
}

function fault(line: string): Faults {
  return new Faults("the repository", [line]);
}
