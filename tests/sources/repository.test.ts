import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Faults } from "../../config/faults";
import { buildSource } from "../../sources/buildSource";
import { modsFolder } from "../../sources/mods";
import { packed } from "../../sources/repository";
import { LocalRepository } from "./localRepository";

let repository: LocalRepository;
let commit: string;

beforeEach(() => {
  repository = new LocalRepository({ "mods/one/run.sh": "true\n" });
  commit = repository.commit();
});

afterEach(() => {
  vi.unstubAllEnvs();
  repository.remove();
});

const lineOf = (source: string, read: (source: string) => unknown = modsFolder): string => {
  try {
    return String(read(source));
  } catch (error) {
    return error instanceof Faults ? (error.lines[0] ?? "") : String(error);
  }
};

test("a repository at a commit is fetched once, and then needs nobody", () => {
  const source = `${repository.url}#${commit}`;
  const fetched = modsFolder(source);
  expect(readdirSync(join(fetched.folder, "mods", "one"))).toEqual(["run.sh"]);
  rmSync(repository.folder, { recursive: true });
  expect(modsFolder(source)).toEqual(fetched);
});

test("a commit that isn't there leaves nothing half-made", () => {
  expect(lineOf(`${repository.url}#${"0".repeat(40)}`)).toMatch(
    /: git fetch failed \(.+\); check its name, the commit, and that this machine may read it$/,
  );
  expect(readdirSync(join(repository.cache, "spark-mesh", "repositories"))).toEqual([]);
});

test.each([["file:///no/such"], ["file:///no/such#main"], ["file:///no/such#abc123"]])("%s is not pinned", (source) => {
  expect(lineOf(source)).toMatch(/pin it: file:\/\/\/no\/such#COMMIT with all 40 digits$/);
});

test("what isn't pinned is shown with the commit that it has now", () => {
  repository.git("branch", "release");
  const { url } = repository;
  expect(lineOf(url)).toBe(`${url}: found no commit; what a branch has changes, so pin it: ${url}#${commit}`);
  expect(lineOf(`${url}#release`)).toBe(
    `${url}: found "release", which is no commit; what a branch has changes, so pin it: ${url}#${commit}`,
  );
  expect(lineOf(`${url}#${commit}:mods`)).toContain("found a path behind the commit");
});

test("a fetch is git's own: no variable and no filter of the user's changes what it does", () => {
  const elsewhere = new LocalRepository({ a: "1" });
  const before = [elsewhere.commit(), elsewhere.git("symbolic-ref", "HEAD")];
  const seen = join(elsewhere.cache, "seen");
  const config = join(elsewhere.folder, ".gitconfig");
  writeFileSync(config, `[filter "spy"]\n\tsmudge = "env > ${seen}; cat"\n\trequired = true\n`);
  repository.write(".gitattributes", "* filter=spy\n");
  const filtered = repository.commit();
  vi.stubEnv("XDG_CACHE_HOME", repository.cache);
  vi.stubEnv("GIT_DIR", join(elsewhere.folder, ".git"));
  vi.stubEnv("GIT_CONFIG_GLOBAL", config);
  vi.stubEnv("HOME", elsewhere.folder);
  const { folder } = modsFolder(`${repository.url}#${filtered}`);
  packed({ commit: filtered, folder });
  expect(readFileSync(join(folder, "mods/one/run.sh"), "utf8")).toBe("true\n");
  expect(existsSync(seen)).toBe(false);
  vi.unstubAllEnvs();
  expect([elsewhere.git("rev-parse", "HEAD").trim(), elsewhere.git("symbolic-ref", "HEAD")]).toEqual(before);
  elsewhere.remove();
});

test("a folder is taken as it is, the home folder by its sign", () => {
  expect(modsFolder(repository.folder)).toEqual({ folder: repository.folder });
  expect(modsFolder("~")).toEqual({ folder: homedir() });
  expect(lineOf("/no/such/folder")).toBe("/no/such/folder: no such folder");
});

test("what builds an image is a repository that has the builder, packed as it was committed", () => {
  expect(lineOf(repository.folder, buildSource)).toBe(
    `found ${JSON.stringify(repository.folder)}; allowed: URL#COMMIT of a git repository`,
  );
  expect(lineOf(`${repository.url}#${commit}`, buildSource)).toContain(": has no build-and-copy.sh, ");
  repository.write("build-and-copy.sh", "#!/bin/bash\n", 0o755);
  const source = `${repository.url}#${repository.commit()}`;
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
  repository.write("weights", randomBytes(5 << 20));
  const large = repository.commit();
  expect(lineOf("", () => packed({ commit: large, folder: repository.folder }))).toBe(
    `${large}: has 6 MiB when packed; allowed: 4 MiB; have it download the rest`,
  );
});
