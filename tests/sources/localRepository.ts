import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A git repository of this machine, with a cache of its own to fetch it into until it is removed. */
export class LocalRepository {
  readonly #parent = mkdtempSync(join(tmpdir(), "spark-mesh-repository-"));
  readonly #cacheBefore = process.env.XDG_CACHE_HOME;
  readonly folder = join(this.#parent, "repository");
  readonly cache = join(this.#parent, "cache");
  readonly url = `file://${this.folder}`;

  constructor(files: Readonly<Record<string, string>> = {}) {
    process.env.XDG_CACHE_HOME = this.cache;
    mkdirSync(this.folder);
    this.git("init", "--quiet");
    for (const [path, text] of Object.entries(files)) this.write(path, text);
  }

  write(path: string, text: string | Buffer, mode = 0o644): void {
    mkdirSync(dirname(join(this.folder, path)), { recursive: true });
    writeFileSync(join(this.folder, path), text, { mode });
  }

  /** The commit of all that lies there. */
  commit(): string {
    this.git("add", ".");
    this.git("commit", "--quiet", "--allow-empty", "-m", "One");
    return this.git("rev-parse", "HEAD").trim();
  }

  git(...words: string[]): string {
    const author = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
    return execFileSync("git", ["-C", this.folder, ...author, ...words]).toString();
  }

  remove(): void {
    if (this.#cacheBefore === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = this.#cacheBefore;
    rmSync(this.#parent, { recursive: true, force: true });
  }
}
