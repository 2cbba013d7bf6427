import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect as dial } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Engine, installedCli, labEngine } from "../../lab/cli";
import { startAgent } from "../facts/agents";
import { keyPair } from "./engine/host";
import type { Wish } from "./engine/program/wish";
import { Sample } from "./engine/run";

const real = installedCli();
const engines: [string, Engine][] = [
  ...(real ? [["the real CLI", real] as [string, Engine]] : []),
  ["the lab engine", labEngine()],
];
const up = ["up", "--yes", "--skip-preview"];

/** A port that takes no more connections, and says nothing about it: its backlog is full and nobody accepts. */
async function silentPort(): Promise<{ port: number; close(): void }> {
  const source = `require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () {
    require("node:fs").writeSync(1, String(this.address().port));
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  })`;
  const child = spawn(process.execPath, ["-e", source], { stdio: ["ignore", "pipe", "inherit"] });
  const [text] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(text.toString());
  const sockets = [1, 2, 3, 4].map(() => dial(port, "127.0.0.1").on("error", () => {}));
  await sleep(300);
  return {
    port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      child.kill("SIGKILL");
    },
  };
}

describe.each(engines)("%s", { timeout: 120_000 }, (_name, engine) => {
  const sample = new Sample(engine);
  beforeAll(() => sample.start());
  afterAll(() => sample.stop());

  const h1 = { name: "h1", mtu: 9000 };
  const h2 = { name: "h2", mtu: 9000 };
  const connect = (hosts: Wish["hosts"], more: Record<string, object>) =>
    sample.wish({
      hosts,
      connections: Object.fromEntries(hosts.map(({ name }) => [name, { ...sample.connection(name), ...more[name] }])),
    });

  it("refuses another host key, and tells a host that knows no key of ours", async () => {
    connect([h1, h2], { h1: { hostKey: keyPair().publicKey }, h2: { privateKey: keyPair().privateKey } });
    const { output } = await sample.run(up);
    expect(output).toMatch(/after 0 failed attempts: .*host key mismatch/);
    expect(output).toMatch(/after 0 failed attempts: .*authenticat/);
    expect(sample.host("h1").transcript).toEqual([]);
    expect(sample.host("h2").transcript).toEqual([]);
  });

  it("dials as often as dialErrorLimit says, and no longer than perDialTimeout", async () => {
    await sample.host("h1").down();
    const silent = await silentPort();
    try {
      connect([h1, h2], { h1: { dialErrorLimit: 2 }, h2: { port: silent.port, perDialTimeout: 1 } });
      const { output } = await sample.run(up);
      expect(output).toMatch(/after 2 failed attempts: .*refused/i);
      expect(output).toMatch(/after 0 failed attempts: .*time(d )?out/i);
    } finally {
      silent.close();
      await sample.host("h1").up();
    }
  });

  it("goes through a jump host, and logs in with the agent", async () => {
    const agent = startAgent(sample.folder);
    try {
      const key = join(sample.folder, "key");
      writeFileSync(key, sample.client.privateKey, { mode: 0o600 });
      agent.add(key);
      sample.env.SSH_AUTH_SOCK = agent.socket;
      const { host, port, hostKey, privateKey } = sample.connection("h2");
      const proxy = { user: "jumper", host, port, hostKey, privateKey };
      connect([h1], { h1: { privateKey: undefined, proxy } });
      const { code, output } = await sample.run(up);
      expect(code, output).toBe(0);
      expect(sample.host("h2").jumps).toBe(2);
      expect(sample.host("h1").transcript).toHaveLength(2);
    } finally {
      sample.env.SSH_AUTH_SOCK = "";
      agent.end();
    }
  });

  it("keeps a second run out, and goes on after it was killed", async () => {
    sample.wish({ hosts: [{ ...h1, args: { update: "sleep 60" } }] });
    const running = sample.spawn(up);
    const killed = once(running, "exit");
    while (!sample.host("h1").transcript.some(({ command }) => command === "sleep 60")) await sleep(100);
    const second = await sample.run(up);
    expect(second.output).toContain("error: the stack is currently locked by");
    expect(second.code).toBe(1);
    running.kill("SIGKILL");
    await killed;
    await sample.run(["cancel", "--yes"]);
    sample.wish({ hosts: [h1] });
    const after = await sample.run(up);
    expect(after.code, after.output).toBe(0);
  });

  it("keeps secrets out of state, output and stack file", async () => {
    sample.wish({ hosts: [{ ...h1, args: { update: "cat >/dev/null; echo hunter2-secret >&2; exit 1" } }] });
    const failed = await sample.run(up);
    expect(failed.output).toContain("[secret]");
    sample.wish({ hosts: [h1] });
    const made = await sample.run(up);
    expect(made.code, made.output).toBe(0);
    const state = await sample.run(["stack", "export"]);
    expect(state.output).toContain("h1-commit");
    const password = await sample.run(["stack", "output", "password"]);
    expect(password.output).toContain("[secret]");
    const stateFiles = execFileSync("grep", ["-rh", "", join(sample.folder, backendFolder(engine))], {
      encoding: "utf8",
    });
    const stackFile = readFileSync(join(sample.folder, "Pulumi.dev.yaml"), "utf8");
    for (const text of [failed.output, made.output, state.output, stateFiles, stackFile]) {
      expect(text).not.toContain("hunter2-secret");
      expect(text).not.toContain("PRIVATE KEY");
    }
  });
});

/** Where in its backend an engine keeps state. */
function backendFolder({ kind }: Engine): string {
  return kind === "cli" ? ".pulumi" : ".pulumi-lab";
}

if (real === undefined)
  it("holds the real CLI to the same", ({ skip }) => skip("no Pulumi CLI with the command plugin on this machine"));

describe("the lab engine alone", { timeout: 120_000 }, () => {
  const sample = new Sample(labEngine());
  beforeAll(() => sample.start());
  afterAll(() => sample.stop());

  it.each([
    ["a verb", {}, ["watch"], "watch"],
    ["a flag", {}, ["preview", "--target", "x"], "--target"],
    ["a flag of another verb", {}, ["preview", "--run-program"], "--run-program of preview"],
    [
      "options",
      { options: { protect: true, ignoreChanges: ["connection.port"] } },
      ["preview"],
      "option protect, option on connection.port",
    ],
    [
      "inputs",
      { args: { triggers: [1], addPreviousOutputInEnv: true } },
      ["preview"],
      "triggers[^]*addPreviousOutputInEnv",
    ],
  ])("refuses %s that it doesn't implement", async (_what, host, args, name) => {
    sample.wish({ hosts: [{ name: "h1", mtu: 9000, ...host }] });
    const { code, output } = await sample.run(args);
    expect(code).toBe(1);
    expect(output).toMatch(new RegExp(`error: lab engine: [^]*${name}|Unknown option '${name}`));
  });
});
