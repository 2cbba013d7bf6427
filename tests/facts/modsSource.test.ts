import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Faults } from "../../config/faults";
import { modsFolder } from "../../facts/modsSource";

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
  const git = (...words: string[]) =>
    execFileSync("git", ["-C", repository, "-c", "user.name=a", "-c", "user.email=a@example.com", ...words]);
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "-m", "One");
  commit = git("rev-parse", "HEAD").toString().trim();
});

afterEach(() => {
  if (before === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = before;
  rmSync(folder, { recursive: true, force: true });
});

const lineOf = (source: string): string => {
  try {
    return modsFolder(source);
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
    /: git fetch failed \(.+\); check its name and the commit, or name a folder$/,
  );
  expect(readdirSync(join(folder, "cache", "spark-mesh", "mods"))).toEqual([]);
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
