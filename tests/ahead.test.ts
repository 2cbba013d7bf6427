import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { must, run } from "../lab/hosts/process";
import { checkout } from "../lab/project";

/** Node.js as Pulumi starts it, with `script` for the program, and an ssh that leaves a file behind, and fails after `ssh`. */
async function program(hosts: unknown, script: string, ssh = "echo no such option >&2") {
  const folder = mkdtempSync(join(tmpdir(), "spark-mesh-ahead-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const asked = join(folder, "asked");
  writeFileSync(join(folder, "ssh"), `#!/bin/sh\n: >${asked}\n${ssh}\nexit 255\n`);
  chmodSync(join(folder, "ssh"), 0o755);
  const env = [`PULUMI_CONFIG=${JSON.stringify({ "spark-mesh:hosts": JSON.stringify(hosts) })}`, `ASKED=${asked}`];
  const node = [
    "timeout",
    "30",
    process.execPath,
    "--require",
    "./loader.cjs",
    "--require",
    "./ahead.ts",
    "-e",
    script,
  ];
  const { stdout, stderr } = await run([
    "env",
    "--chdir",
    checkout,
    `PATH=${folder}:${process.env.PATH}`,
    ...env,
    ...node,
  ]);
  return { said: `${stdout}${stderr}`.trim(), asked: existsSync(asked) };
}

const SPARK = { name: "spark-1", address: "192.0.2.1", user: "nvidia" };

test("hosts are asked while the program's own thread is busy", async () => {
  const busy = `
    const { existsSync } = require("node:fs");
    const end = Date.now() + 20_000;
    while (!existsSync(process.env.ASKED) && Date.now() < end);
    console.log(existsSync(process.env.ASKED));
    process.exit();
  `;
  expect((await program([SPARK], busy)).said).toBe("true");
});

test("what is wrong is a fault in the program, with its lines; the thread keeps it from nothing", async () => {
  const plan = `require("./ahead").planAhead({ stack: "dev", owner: "organization/spark-mesh/dev" })`;
  const tell = `${plan}.catch((error) => console.log(error.constructor.name, error.lines[0]))`;
  const config = await program([{ ...SPARK, number: 0 }], tell);
  expect(config.said).toMatch(/^Faults hosts\[0\]\.number: found 0/);
  expect(config.asked).toBe(false);
  expect((await program([SPARK], tell)).said).toMatch(/^Faults spark-1: .*no such option/);
});

test("a program that wants no plan isn't kept waiting", async () => {
  const folder = mkdtempSync(join(tmpdir(), "spark-mesh-ahead-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const identityFile = join(folder, "key");
  await must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", identityFile]);
  const hostKey = readFileSync(`${identityFile}.pub`, "utf8").trim();
  const end = `process.on("exit", (code) => console.log("ended with", code))`;
  const refuse = `[ "$1" != -G ] || PATH=${process.env.PATH} exec ssh "$@"; echo "port 22: Connection refused" >&2`;
  expect((await program([{ ...SPARK, hostKey, identityFile }], end, refuse)).said).toBe("ended with 0");
});
