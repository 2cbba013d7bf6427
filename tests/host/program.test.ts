import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { hostProgram } from "../../host/program";
import { SUDO_OPERATIONS } from "../../plan/systemSpec";

const folder = mkdtempSync(join(tmpdir(), "spark-mesh-program-"));
const file = join(folder, "program");

beforeAll(() => writeFileSync(file, Buffer.from(hostProgram().base64, "base64"), { mode: 0o755 }));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (words: readonly string[], input = "", options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) =>
  spawnSync(file, words, { input, encoding: "utf8", ...options });

it("goes by the digest of its bytes, which are the same wherever and whenever they are packed", () => {
  const { digest, base64 } = hostProgram();
  expect(createHash("sha256").update(readFileSync(file)).digest("hex")).toBe(digest);
  const pack = `console.log(require(${JSON.stringify(join(__dirname, "../../host/program.ts"))}).hostProgram().digest)`;
  for (const TZ of ["Pacific/Kiritimati", "America/Los_Angeles"]) {
    const words = ["--require", require.resolve("tsx/cjs"), "-e", pack];
    const env = { ...process.env, TZ };
    expect(execFileSync(process.execPath, words, { env, encoding: "utf8" }).trim()).toBe(digest);
  }
  expect(base64.length).toBeLessThan(200_000);
});

it("ends at once where it is told nothing, and names what it doesn't know", () => {
  for (const operation of SUDO_OPERATIONS) expect(run([operation]).status, operation).toBe(0);
  for (const words of [[], ["other"], ["system", "more"], ["--help"]]) {
    const { status, stderr } = run(words, "{}\n");
    expect([status, stderr]).toEqual([1, expect.stringContaining("no such operation:")]);
  }
});

it("is run by no module, package or setting of whoever starts it", () => {
  const hostile = join(folder, "hostile");
  const mark = join(folder, "mark");
  mkdirSync(join(hostile, "spark_mesh_host"), { recursive: true });
  const text = `open(${JSON.stringify(mark)}, "w").close()\n`;
  for (const name of ["json.py", "sitecustomize.py", "usercustomize.py", "spark_mesh_host/__init__.py", "startup.py"]) {
    writeFileSync(join(hostile, name), text);
  }
  writeFileSync(join(hostile, "a.pth"), `import os; ${text}`);
  const env = {
    ...process.env,
    PYTHONPATH: hostile,
    PYTHONHOME: hostile,
    PYTHONSTARTUP: join(hostile, "startup.py"),
    PYTHONUSERBASE: hostile,
    HOME: hostile,
  };
  const { status, stderr } = run(["system"], "{}\n", { cwd: hostile, env });
  expect([status, stderr]).toEqual([1, expect.stringContaining("spec: found no host")]);
  expect(existsSync(mark)).toBe(false);
});

it("says nothing that a terminal obeys, and no stack trace, whatever it is told", () => {
  const specs = ["{", "[]", "\u001b[2J", `{"host":"\u001b[2Ja"}`, `{"\u009b31m":1}`, "[".repeat(50_000)];
  for (const spec of specs) {
    const { status, stdout, stderr } = run(["system"], `${spec}\n`);
    expect([status, stdout]).toEqual([1, ""]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(stderr).toMatch(/^[^\u0000-\u001f\u007f-\u009f]+: [^\u0000-\u001f\u007f-\u009f]+\n$/);
  }
});
