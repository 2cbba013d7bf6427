import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { backendKind, findPassphrase, locksOf } from "../../cli/engine";
import { keepPassphrase } from "../../cli/passphrase";

const before = process.cwd();
let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "spark-mesh-passphrase-"));
});

afterEach(() => {
  process.chdir(before);
  rmSync(home, { recursive: true });
});

it("makes a passphrase nobody else can read, once", () => {
  const path = join(home, ".config", "spark-mesh-passphrase");
  expect(keepPassphrase(undefined, { HOME: home })).toEqual({ state: "made", path });
  const text = readFileSync(path, "utf8");
  expect(text).toMatch(/^[\w-]{43}\n$/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(home, ".config")).mode & 0o777).toBe(0o700);
  expect(keepPassphrase(undefined, { HOME: home })).toEqual({ state: "found", path });
  expect(readFileSync(path, "utf8")).toBe(text);
  expect(keepPassphrase(join(home, "other"), { HOME: home })).toMatchObject({ state: "made" });
  expect(readFileSync(join(home, "other"), "utf8")).not.toBe(text);
});

it("takes the file that the environment names, or the passphrase itself", () => {
  const path = join(home, "own");
  expect(keepPassphrase(undefined, { PULUMI_CONFIG_PASSPHRASE_FILE: path })).toEqual({ state: "made", path });
  expect(keepPassphrase(undefined, { PULUMI_CONFIG_PASSPHRASE: "" })).toEqual({ state: "given" });
});

it("takes none that others can read, and says what to do", () => {
  const path = join(home, "open");
  writeFileSync(path, "x\n");
  chmodSync(path, 0o644);
  expect(() => keepPassphrase(path)).toThrow(/open: found mode 644, .*chmod 600/);
  expect(findPassphrase({ PULUMI_CONFIG_PASSPHRASE_FILE: path })).toMatchObject({ file: "readable by others" });
  chmodSync(path, 0o600);
  expect(findPassphrase({ PULUMI_CONFIG_PASSPHRASE_FILE: path })).toMatchObject({ file: "there" });
  expect(findPassphrase({ PULUMI_CONFIG_PASSPHRASE_FILE: join(home, "none") })).toMatchObject({ file: "missing" });
  expect(findPassphrase({})).toEqual({ from: "nowhere" });
});

it("says who holds a stack, and of a backend only its kind", () => {
  const locks = join(home, ".pulumi", "locks", "organization", "mine", "home");
  mkdirSync(locks, { recursive: true });
  const lock = { pid: 4711, username: "ada", hostname: "desk", timestamp: "2026-11-30T21:00:00Z" };
  writeFileSync(join(locks, "a.json"), JSON.stringify(lock));
  writeFileSync(join(home, "Pulumi.yaml"), "name: mine\n");
  process.chdir(home);
  expect(locksOf("home", `file://${home}`)).toEqual(["ada@desk, process 4711, since 2026-11-30T21:00:00Z"]);
  expect(locksOf("away", `file://${home}`)).toEqual([]);
  expect(locksOf("home", "https://api.pulumi.com")).toEqual([]);
  expect(backendKind("s3://secret-bucket?key=canary")).toBe("s3");
  expect(backendKind(undefined)).toBe("none");
});
