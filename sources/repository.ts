import { existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, sep } from "node:path";
import { gzipSync } from "node:zlib";
import { Faults } from "../config/faults";
import { git, gitReason } from "./git";

/** What a repository has at one commit, on this machine. */
export interface Checkout {
  /** All 40 digits. */
  readonly commit: string;
  readonly folder: string;
}

/** What a text like `https://host/repository#COMMIT:path` names. */
export interface RepositoryReference {
  readonly url: string;
  /** As it is written; undefined for none. */
  readonly commit?: string;
  /** Of a file or folder in the repository; undefined for none. */
  readonly path?: string;
}

/** What is packed travels in the stdin of a command, and stays in the stack's state. */
const maxBytes = 4 << 20;

/** `https://host/repository#COMMIT:path`, and the other ways to name a repository to git. */
const REPOSITORY =
  /^((?:https|ssh|file):\/\/[^\s#]+|[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:[^\s#]+)(?:#([^\s:]*)(?::(.*))?)?$/s;

/** `https://host/repository:path`, to which nothing lacks but the commit; a port is digits alone. */
const UNPINNED = /^(\w+:\/\/.*[^/]):([A-Za-z][\w.+-]*(?:\/[\w.+-]+)*)$/;

const COMMIT = /^[0-9a-f]{40}$/;

/** A path in a repository that stays in it. */
const PATH = /^(?!.*(^|\/)(\.\.?|\.git)(\/|$))[A-Za-z0-9_.][\w.+@ -]*(\/[\w.+@ -]+)*\/?$/;

/** Undefined where the text names no repository. */
export function repositoryReference(text: string): RepositoryReference | undefined {
  const [, url, commit, path] = REPOSITORY.exec(text) ?? [];
  if (url === undefined) return undefined;
  const [, bare, folder] = commit === undefined ? (UNPINNED.exec(url) ?? []) : [];
  if (bare !== undefined && folder !== undefined) return { url: bare, path: folder };
  return { url, ...(commit !== undefined && { commit }), ...(path !== undefined && { path }) };
}

/**
 * A repository at a pinned commit, which is fetched once and kept in ~/.cache/spark-mesh; undefined where the text names
 * none.
 *
 * @param source `URL#COMMIT` with all 40 digits.
 * @throws Faults where it can't be had, without saying who wants it.
 */
export function checkedOut(source: string): Checkout | undefined {
  const reference = repositoryReference(source);
  if (!reference) return undefined;
  if (reference.path !== undefined) {
    throw fault(`${source}: found a path behind the commit; allowed: URL#COMMIT, the whole repository`);
  }
  return checkout(reference, ({ url, commit }) => `${url}#${commit}`);
}

/**
 * A repository at the commit of a reference.
 *
 * @param written how it is to be written, with a commit that was found where it lacks one.
 * @throws Faults where it can't be had, isn't pinned, or has a path that leads out of it.
 */
export function checkout(
  reference: RepositoryReference,
  written: (pinned: RepositoryReference & { readonly commit: string }) => string,
): Checkout {
  const { url, commit = "", path } = reference;
  if (path !== undefined && !PATH.test(path)) {
    throw fault(`${url}: found the path ${JSON.stringify(path)}; allowed: one in the repository, without ..`);
  }
  if (!COMMIT.test(commit)) {
    const found = commit === "" ? "no commit" : `${JSON.stringify(commit)}, which is no commit`;
    const head = headOf(url, commit);
    const line = written({ ...reference, commit: head ?? "COMMIT" });
    const hint = head === undefined ? `${line} with all 40 digits` : line;
    throw fault(`${url}: found ${found}; what a branch has changes, so pin it: ${hint}`);
  }
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "spark-mesh", "repositories");
  const folder = join(cache, commit);
  if (!existsSync(folder)) fetchInto(cache, folder, url, commit);
  return { commit, folder };
}

/** Whether a path, links followed, is in a folder. */
export function isWithin(folder: string, path: string): boolean {
  const [root, real] = [realpathSync(folder), realpathSync(path)];
  return real === root || real.startsWith(`${root}${sep}`);
}

/**
 * The files of a checkout as git has them, not as they lie in its folder: base64 of a tar.gz, the same each time.
 *
 * @throws Faults where they are too many.
 */
export function packed({ commit, folder }: Checkout): string {
  const archived = git(folder, ["archive", "--format=tar", commit]);
  if (archived.status !== 0) {
    throw fault(`${folder}: git archive failed (${gitReason(archived)}); remove that folder`);
  }
  const archive = gzipSync(archived.stdout);
  if (archive.length > maxBytes) {
    throw fault(
      `${commit}: has ${Math.ceil(archive.length / 2 ** 20)} MiB when packed; allowed: ${maxBytes >> 20} MiB; have it download the rest`,
    );
  }
  // Which operating system packed it doesn't matter: 255 is "unknown".
  archive[9] = 255;
  return archive.toString("base64");
}

/** The commit that a branch or tag is now, or the repository's own head; undefined where nobody can say. */
function headOf(url: string, name: string): string | undefined {
  const found = git(tmpdir(), ["ls-remote", "--quiet", "--", url, name || "HEAD"], { network: true, seconds: 20 });
  const [, commit] = /^([0-9a-f]{40})\s/.exec(found.status === 0 ? found.stdout.toString() : "") ?? [];
  return commit;
}

function fetchInto(cache: string, kept: string, url: string, commit: string): void {
  mkdirSync(cache, { recursive: true });
  const unfinished = mkdtempSync(join(cache, "unfinished-"));
  const must = (network: boolean, ...words: readonly string[]) => {
    const done = git(unfinished, words, { network });
    if (done.status === 0) return;
    throw fault(
      `${url}: git ${words[0]} failed (${gitReason(done)}); check its name, the commit, and that this machine may read it`,
    );
  };
  try {
    must(false, "init", "--quiet", "--template=");
    must(true, "fetch", "--quiet", "--depth", "1", "--no-tags", "--no-recurse-submodules", "--", url, commit);
    must(false, "checkout", "--quiet", "--detach", "FETCH_HEAD");
    // Another run may have had it meanwhile; either will do.
    if (!existsSync(kept)) renameSync(unfinished, kept);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function fault(line: string): Faults {
  return new Faults("the repository", [line]);
}
