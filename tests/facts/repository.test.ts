import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Faults } from "../../config/faults";
import { buildSource } from "../../facts/buildSource";
import { modsFolder } from "../../facts/modsSource";
import { packed } from "../../facts/repository";

let folder: string;
let repository: string;
let commit: string;
const before = process.env.XDG_CACHE_HOME;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spark-mesh-mods-"));
  process.env.XDG_CACHE_HOME = join(folder, "cache");
  repository = join(folder, "repository");
  mkdirSync(join(repository, "mods", "one"), { recursive: true });
  writeFileSync(join(repository, "mods", "one", "run.sh"), "true\n");
  git("init", "--quiet");
  commit = committed();
});

const git = (...words: string[]) =>
  execFileSync("git", ["-C", repository, "-c", "user.name=a", "-c", "user.email=a@example.com", ...words]);

/** The commit of all that lies there. */
function committed(): string {
  git("add", ".");
  git("commit", "--quiet", "-m", "One");
  return git("rev-parse", "HEAD").toString().trim();
}

afterEach(() => {
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before;
  rmSync(folder, { recursive: true, force: true });
});

const lineOf = (source: string, read: (source: string) => unknown = modsFolder): string => {
  try {
    return String(read(source));
  } catch (error) {
    return error instanceof Faults ? (error.lines[0] ?? "") : String(error);
  }
};

test("a repository at a commit is fetched once, and then needs nobody", () => {
  const source = `file://${repository}#${commit}`;
  const fetched = modsFolder(source);
  expect(readdirSync(join(fetched, "mods", "one"))).toEqual(["run.sh"]);
  rmSync(repository, { recursive: true });
  expect(modsFolder(source)).toBe(fetched);
});

test("a commit that isn't there leaves nothing half-made", () => {
  expect(lineOf(`file://${repository}#${"0".repeat(40)}`)).toMatch(
    /: git fetch failed \(.+\); check its name, the commit, and that this machine may read it$/,
  );
  expect(readdirSync(join(folder, "cache", "spark-mesh", "repositories"))).toEqual([]);
});

test.each([["https://example.com/mods.git"], ["https://example.com/mods.git#main"], ["git@example.com:mods#abc123"]])(
  "%s is not pinned",
  (source) => {
    expect(lineOf(source)).toContain("pin it: ");
  },
);

test("a folder is taken as it is, the home folder by its sign", () => {
  expect(modsFolder(repository)).toBe(repository);
  expect(modsFolder("~")).toBe(homedir());
  expect(lineOf("/no/such/folder")).toBe("/no/such/folder: no such folder");
});

test("what builds an image is a repository that has the builder, packed as it was committed", () => {
  expect(lineOf(repository, buildSource)).toBe(
    `found ${JSON.stringify(repository)}; allowed: URL#COMMIT of a git repository`,
  );
  expect(lineOf(`file://${repository}#${commit}`, buildSource)).toContain(": has no build-and-copy.sh, ");
  writeFileSync(join(repository, "build-and-copy.sh"), "#!/bin/bash\n", { mode: 0o755 });
  const source = `file://${repository}#${committed()}`;
  const checkout = buildSource(source);
  expect(buildSource(source)).toEqual(checkout);
  // What a build or somebody leaves there is not of the commit.
  writeFileSync(join(checkout.folder, "build-and-copy.sh"), "false\n");
  writeFileSync(join(checkout.folder, "more"), "");
  const archive = packed(checkout);
  expect(packed(checkout)).toBe(archive);
  const list = execFileSync("tar", ["-tvzf", "-"], { input: Buffer.from(archive, "base64") }).toString();
  expect(
    list
      .replace(/^(\S+) .* (\S+)$/gm, "$1 $2")
      .trim()
      .split("\n"),
  ).toEqual(["-rwxrwxr-x build-and-copy.sh", "drwxrwxr-x mods/", "drwxrwxr-x mods/one/", "-rw-rw-r-- mods/one/run.sh"]);
});

test("a repository that is too large to send is a fault", () => {
  writeFileSync(join(repository, "weights"), randomBytes(5 << 20));
  const commit = committed();
  expect(lineOf("", () => packed({ commit, folder: repository }))).toBe(
    `${commit}: has 6 MiB when packed; allowed: 4 MiB; have it download the rest`,
  );
});
