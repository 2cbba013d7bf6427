import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Engine, installedCli, labEngine } from "../../lab/cli";
import { keyPair } from "./engine/host";
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
  const sockets = [1, 2, 3, 4].map(() => connect(port, "127.0.0.1").on("error", () => {}));
  await new Promise((resolve) => setTimeout(resolve, 300));
  return {
    port,
    close: () => {
      for (const socket of sockets) socket.destroy();
      child.kill("SIGKILL");
    },
  };
}

describe.each(engines)("%s", (_name, engine) => {
  let sample: Sample;
  beforeEach(async () => {
    sample = new Sample(engine);
    await sample.start();
  });
  afterEach(() => sample.stop());

  const one = (connection: object) =>
    sample.wish({
      hosts: [{ name: "h1", mtu: 9000 }],
      connections: { h1: { ...sample.connection("h1"), ...connection } },
    });

  it("refuses another host key, and tells a host that knows no key of ours", { timeout: 120_000 }, async () => {
    one({ hostKey: keyPair().publicKey });
    expect((await sample.run(up)).output).toContain(
      "after 0 failed attempts: ssh: handshake failed: ssh: host key mismatch",
    );
    one({ privateKey: keyPair().privateKey });
    expect((await sample.run(up)).output).toContain(
      "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none publickey], no supported methods remain",
    );
    expect(sample.host("h1").transcript).toEqual([]);
  });

  it("dials as often as dialErrorLimit says, with an i/o timeout where nothing answers", {
    timeout: 120_000,
  }, async () => {
    await sample.host("h1").down();
    one({ dialErrorLimit: 2 });
    expect((await sample.run(up)).output).toMatch(
      /after 2 failed attempts: dial tcp 127\.0\.0\.1:\d+: connect: connection refused/,
    );
    await sample.host("h1").up();
    const silent = await silentPort();
    try {
      one({ port: silent.port, perDialTimeout: 1 });
      const { output } = await sample.run(up);
      expect(output).toContain(`after 0 failed attempts: dial tcp 127.0.0.1:${silent.port}: i/o timeout`);
    } finally {
      silent.close();
    }
  });

  it("goes through a jump host", { timeout: 120_000 }, async () => {
    const { host, port, hostKey, privateKey } = sample.connection("h2");
    one({ proxy: { user: "jumper", host, port, hostKey, privateKey } });
    expect((await sample.run(up)).code).toBe(0);
    expect(sample.host("h2").jumps).toBe(2);
    expect(sample.host("h1").transcript).toHaveLength(2);
  });

  it("logs in with the agent, and fails by name where that is dead", { timeout: 120_000 }, async () => {
    const socket = join(sample.folder, "agent");
    const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    try {
      while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 50));
      const key = join(sample.folder, "key");
      writeFileSync(key, sample.client.privateKey, { mode: 0o600 });
      execFileSync("ssh-add", ["-q", key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      sample.env.SSH_AUTH_SOCK = socket;
      one({ privateKey: undefined });
      expect((await sample.run(up)).code).toBe(0);
    } finally {
      agent.kill();
      await once(agent, "exit");
    }
    sample.env.SSH_AUTH_SOCK = `${socket}-gone`;
    sample.wish();
    expect((await sample.run(up)).output).toContain(`dial unix ${socket}-gone: connect: no such file or directory`);
  });

  it("keeps a second run out, and goes on after it was killed", { timeout: 120_000 }, async () => {
    sample.wish({ hosts: [{ name: "h1", mtu: 9000 }] });
    expect((await sample.run(up)).code).toBe(0);
    sample.wish({ hosts: [{ name: "h1", mtu: 9000, args: { update: "sleep 5" } }] });
    const engineRun = sample.spawn(up);
    const killed = once(engineRun, "exit");
    while (!sample.host("h1").transcript.some(({ command }) => command === "sleep 5")) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const second = await sample.run(up);
    expect(second.output).toContain("error: the stack is currently locked by 1 lock(s)");
    expect(second.code).toBe(1);
    engineRun.kill("SIGKILL");
    await killed;
    const { output: exported } = await sample.run(["stack", "export"]);
    expect(exported).toMatch(/"pending_operations": \[\s+\{/);
    await sample.run(["cancel", "--yes"]);
    sample.wish({ hosts: [{ name: "h1", mtu: 9000 }] });
    const after = await sample.run(up);
    expect(after.output).toContain("1 pending operations from previous deployment");
    expect(after.output).toMatch(/h1-stage, interrupted while updating/);
    expect(after.code).toBe(0);
    expect((await sample.run(["preview", "--expect-no-changes"])).code).toBe(0);
  });

  it("keeps secrets out of state, output and stack file", { timeout: 120_000 }, async () => {
    sample.wish({
      hosts: [{ name: "h1", mtu: 9000, args: { create: "cat >/dev/null; echo hunter2-secret >&2; exit 1" } }],
    });
    const failed = await sample.run(up);
    expect(failed.output).toContain("[secret]");
    expect(failed.output).not.toContain("hunter2-secret");
    sample.wish();
    expect((await sample.run(up)).code).toBe(0);
    const texts = [await sample.run(["stack", "export"]), await sample.run(["stack", "output", "--json"])].map(
      ({ output }) => output,
    );
    texts.push(readFileSync(join(sample.folder, "Pulumi.dev.yaml"), "utf8"));
    for (const text of texts) {
      expect(text).not.toContain("hunter2-secret");
      expect(text).not.toContain("PRIVATE KEY");
    }
    expect((await sample.run(["stack", "output", "password", "--show-secrets"])).output).toContain("hunter2-secret");
  });
});

if (real === undefined)
  it("holds the real CLI to the same", ({ skip }) => skip("no Pulumi CLI with the command plugin on this machine"));

describe("the lab engine", () => {
  it("refuses by name what it doesn't implement", { timeout: 120_000 }, async () => {
    const sample = new Sample(labEngine());
    await sample.start();
    const refused = async (host: object, ...args: string[]) => {
      sample.wish({ hosts: [{ name: "h1", mtu: 9000, ...host }] });
      const { code, output } = await sample.run(args);
      expect(code).toBe(1);
      return /error: (lab engine: .*)/.exec(output)?.[1];
    };
    try {
      expect(await refused({}, "watch")).toBe('lab engine: "watch": not implemented');
      expect(await refused({}, "preview", "--target", "x")).toBe("lab engine: --target of preview: not implemented");
      expect(await refused({ options: { deleteBeforeReplace: true } }, "preview")).toBe(
        "lab engine: option deleteBeforeReplace: not implemented",
      );
      expect(await refused({ options: { ignoreChanges: ["connection.port"] } }, "preview")).toBe(
        "lab engine: path connection.port in ignoreChanges or hideDiffs: not implemented",
      );
      expect(await refused({ args: { environment: { A: "b" } } }, "preview")).toBe(
        "lab engine: command:remote:Command: environment: not implemented",
      );
      expect(await refused({ args: { addPreviousOutputInEnv: true } }, "preview")).toBe(
        "lab engine: addPreviousOutputInEnv must be false",
      );
    } finally {
      await sample.stop();
    }
  });
});
