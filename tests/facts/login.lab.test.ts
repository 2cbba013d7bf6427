import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { inside } from "../inside";
import { startAgent } from "./agents";
import { RingLab } from "./ringLab";

const ring = new RingLab("facts-login");
const folder = mkdtempSync(join(tmpdir(), "facts-login-"));
const path = process.env.PATH;

afterEach(() => {
  process.env.PATH = path;
  Reflect.deleteProperty(process.env, "SSH_AUTH_SOCK");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Makes `ssh` read a configuration of the test's own, as if it were the user's. */
function userConfig(text: string): void {
  const bin = mkdtempSync(join(folder, "bin-"));
  writeFileSync(join(bin, "config"), text);
  writeFileSync(join(bin, "ssh"), `#!/bin/sh\nexec /usr/bin/ssh -F ${join(bin, "config")} "$@"\n`, { mode: 0o755 });
  process.env.PATH = `${bin}:${path}`;
}
const labConfig = () => `Include ${ring.lab.sshConfig}\n`;
/** The same wish for every host. */
const onEach = (fields: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(["spark-1", "spark-2", "spark-3"].map((name) => [name, fields]));

describe("a login", () => {
  const keyOf = (): string => ring.lab.hosts[0]?.identityFile ?? "";

  it("with another host key than the pinned one tells both", async () => {
    const [one, two] = ring.lab.hosts;
    const { probes } = await ring.gather({ hosts: { "spark-1": { hostKey: two?.hostKey } } });
    const print = (key: string | undefined) =>
      execFileSync("ssh-keygen", ["-lf", "-"], { input: `${key}\n`, encoding: "utf8" }).split(" ")[1];
    const expected = { kind: "hostKeyMismatch", pinned: print(two?.hostKey), offered: print(one?.hostKey) };
    expect(probes.get("spark-1")).toEqual(expected);
    expect(probes.get("spark-2")?.kind).toBe("facts");
  });

  it("without a known host key tells how to trust it, and asks nobody", async () => {
    userConfig(`UserKnownHostsFile ${join(folder, "none")}\n`);
    const before = await ring.logins();
    const { probes, logins: found } = await ring.gather({ hosts: { "spark-1": { hostKey: undefined } } });
    const address = ring.lab.hosts[0]?.address;
    expect(probes.get("spark-1")).toEqual({ kind: "hostKeyUnknown", name: address, otherTypes: [] });
    expect(found.has("spark-1")).toBe(false);
    expect((await ring.logins())[0]).toBe(before[0]);
  });

  it("finds the host key in known_hosts, also hashed, also by an alias", async () => {
    const hashed = join(folder, "hashed");
    writeFileSync(hashed, ring.lab.hosts.map(({ address, hostKey }) => `${address} ${hostKey}\n`).join(""));
    execFileSync("ssh-keygen", ["-q", "-H", "-f", hashed], { stdio: "ignore" });
    userConfig(`UserKnownHostsFile ${hashed}\n`);
    const { logins: found } = await ring.gather({ hosts: onEach({ hostKey: undefined }) });
    for (const { name, hostKey } of ring.lab.hosts) expect(found.get(name)?.hostKey).toBe(hostKey);

    userConfig(labConfig());
    const aliases = Object.fromEntries(
      ring.lab.hosts.map(({ name }) => [name, { address: name, hostKey: undefined, user: undefined }]),
    );
    const byAlias = await ring.gather({ hosts: aliases });
    for (const { name, address, hostKey, user } of ring.lab.hosts) {
      expect(byAlias.logins.get(name)).toMatchObject({ address, hostKey, user });
      expect(byAlias.probes.get(name)?.kind).toBe("facts");
    }
  });

  it("that can't be made is told in plain words, and the others go on", async () => {
    const free = ring.lab.hosts[0]?.address.replace(/\d+$/, "99");
    const { probes, logins: found } = await ring.gather({
      hosts: {
        "spark-1": { address: free },
        "spark-2": { port: 1 },
        "spark-3": { address: "no-such-spark.invalid" },
      },
    });
    expect([...probes.values()]).toEqual([
      { kind: "unreachable", reason: expect.stringMatching(/^(no route to host|timed out after 5 s)$/) },
      { kind: "unreachable", reason: "connection refused" },
      { kind: "unreachable", reason: "name not found: no-such-spark.invalid" },
    ]);
    expect(found.get("spark-3")?.address).toBe("no-such-spark.invalid");
  });

  it("with a stranger's key is denied", async () => {
    const key = join(folder, "stranger");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
    const { probes } = await ring.gather({ hosts: { "spark-2": { identityFile: key } } });
    expect(probes.get("spark-2")).toEqual({
      kind: "denied",
      reason: expect.stringMatching(/^nvidia@[\d.]+ accepts not the key of identityFile$/),
    });
  });

  it("with a passphrase needs the agent that holds the key", async () => {
    const key = join(folder, "locked");
    execFileSync("cp", [keyOf(), key]);
    execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", "canary", "-f", key]);
    const wish = { hosts: { "spark-1": { identityFile: key } } };
    expect(await ring.faults(wish)).toBe(
      `1 fault in the hosts:\n  spark-1: ${key} has a passphrase and there is no ssh-agent; run: ssh-add ${key}, or give a key without a passphrase`,
    );
    const agent = startAgent(folder);
    try {
      process.env.SSH_AUTH_SOCK = agent.socket;
      expect(await ring.faults(wish)).toContain(`${key} has a passphrase and ssh-agent doesn't hold it`);
      agent.add(keyOf());
      const { probes, logins: found } = await ring.gather(wish);
      expect(probes.get("spark-1")?.kind).toBe("facts");
      expect(found.get("spark-1")?.privateKey).toBeUndefined();
    } finally {
      agent.end();
    }
  });

  it("by agent needs one that is there, alive and not empty", async () => {
    const wish = { hosts: onEach({ identityFile: undefined }) };
    expect(await ring.faults(wish)).toMatch(
      /^3 faults in the hosts:\n {2}spark-1: no ssh-agent \(SSH_AUTH_SOCK is unset\); /,
    );
    process.env.SSH_AUTH_SOCK = join(folder, "nobody");
    expect(await ring.faults(wish)).toContain(`spark-3: no ssh-agent answers (SSH_AUTH_SOCK is ${folder}/nobody)`);
    expect(await ring.faults()).toContain("spark-1: no ssh-agent answers");
    const agent = startAgent(folder);
    try {
      process.env.SSH_AUTH_SOCK = agent.socket;
      expect(await ring.faults(wish)).toContain("spark-2: ssh-agent holds no usable key");
      agent.add(keyOf());
      // What ~/.ssh/config has of keys is not what apply has.
      userConfig(`IdentityFile ${join(folder, "stranger")}\nIdentitiesOnly yes\n`);
      const { probes, logins: found } = await ring.gather(wish);
      expect([...probes.values()].map(({ kind }) => kind)).toEqual(["facts", "facts", "facts"]);
      expect(found.get("spark-1")?.privateKey).toBeUndefined();
    } finally {
      agent.end();
    }
  });

  it("goes through one jump host, pinned too", async () => {
    userConfig(labConfig());
    const { probes, logins: found } = await ring.gather({
      ssh: { proxyJump: "spark-1" },
      hosts: { "spark-1": { address: "127.0.0.1" } },
    });
    expect(probes.get("spark-2")?.kind).toBe("facts");
    expect(found.get("spark-2")?.jump).toMatchObject({
      address: ring.lab.hosts[0]?.address,
      user: "nvidia",
      hostKey: ring.lab.hosts[0]?.hostKey,
    });
    const dead = await ring.gather({ ssh: { proxyJump: "spark-1" }, hosts: { "spark-2": { port: 1 } } });
    expect(dead.probes.get("spark-2")).toEqual({
      kind: "unreachable",
      reason: `from jump host ${ring.lab.hosts[0]?.address}: connection refused`,
    });
  });

  it("that apply can't make is a fault", async () => {
    const [one, two, three] = ring.lab.hosts.map(({ address }) => address);
    userConfig(
      `Host ${one}\nProxyCommand nc %h %p\nHost ${two}\nProxyJump a,b\nHost ${three}\nProxyJump mid\nHost mid\nProxyJump far\n`,
    );
    const message = await ring.faults();
    expect(message).toMatch(
      /^4 faults in the hosts:\n {2}spark-1: .*ProxyCommand.*\n {2}spark-2: .*more than one jump \(a,b\)/,
    );
    expect(message).toContain("spark-3: it is behind more than one jump (mid is itself behind far)");
    expect(message).toContain("spark-3: jump host mid: host key unknown: found no pinned ed25519 key for mid");
  });

  it("to one machine under two names is a fault", async () => {
    const [one] = ring.lab.hosts;
    const same = { address: `::ffff:${one?.address}`, hostKey: one?.hostKey };
    expect(await ring.faults({ hosts: { "spark-2": same } })).toMatch(
      /^1 fault in the hosts:\n {2}spark-2: is the same machine as spark-1 \(both have enp1s0f0np0 with MAC /,
    );
  });

  it("is never made to an abandoned host", async () => {
    const before = await ring.logins();
    const { probes, logins: found } = await ring.gather({ more: { abandon: ["spark-3"] } });
    expect([...probes.keys()]).toEqual(["spark-1", "spark-2"]);
    expect(found.has("spark-3")).toBe(false);
    expect((await ring.logins())[2]).toBe(before[2]);
  });

  it("may be greeted with noise", async () => {
    await inside(
      ring.lab,
      "spark-1",
      "cp -p ~nvidia/.bashrc /root/bashrc; sed -i '1i echo \"{hello\"; echo warning >&2' ~nvidia/.bashrc",
    );
    const { probes } = await ring.gather();
    await inside(ring.lab, "spark-1", "mv /root/bashrc ~nvidia/.bashrc");
    expect(probes.get("spark-1")?.kind).toBe("facts");
  });

  it("to a shell that gives no facts is a fault", async () => {
    await inside(ring.lab, "spark-1", "usermod -s /usr/sbin/nologin nvidia");
    const message = await ring.faults();
    await inside(ring.lab, "spark-1", "usermod -s /bin/bash nvidia");
    expect(message).toMatch(/^1 fault in the hosts:\n {2}spark-1: logged in, but bash gave no facts \(exit 1/);
  });

  it("leaves no ssh behind", async () => {
    await ring.gather();
    const mine = () =>
      execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)], { encoding: "utf8" })
        .split("\n")
        .filter((line) => / ssh /.test(line));
    await expect.poll(mine, { timeout: 60_000 }).toEqual([]);
  });
});
