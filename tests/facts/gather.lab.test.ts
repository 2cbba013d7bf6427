import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { gatherFacts } from "../../facts/gather";
import { Lab } from "../../lab/hosts/lab";
import { until } from "../scenarios/observe";
import { startAgent } from "./agents";
import { clusterOf, configure, factsOf, onHost, ringMesh, settle, type Wish } from "./ring";

const labName = "facts-test";
let lab: Lab;
const folder = mkdtempSync(join(tmpdir(), "facts-test-"));
const environment = { ...process.env };

beforeAll(async () => {
  lab = await Lab.up({
    name: labName,
    stackFile: false,
    fresh: true,
    hosts: [
      { name: "spark-1", renderer: "networkd", hotplug: "" },
      { name: "spark-2", renderer: "NetworkManager" },
      { name: "spark-3", renderer: "networkd", sudoPassword: 'it\'s "three" \\n 5 $HOME' },
    ],
  });
  Reflect.deleteProperty(process.env, "SSH_AUTH_SOCK");
  // Just booted: nothing can be heard before the kernel has made sure of the link-local addresses.
  const names = lab.hosts.map(({ name }) => name);
  await until(lab, names, "! ip -6 -o address show tentative | grep -q np", 20);
});
afterEach(() => {
  process.env = { ...environment };
  Reflect.deleteProperty(process.env, "SSH_AUTH_SOCK");
});
afterAll(async () => {
  process.env = environment;
  rmSync(folder, { recursive: true, force: true });
  await Lab.down(labName);
});

const gather = (wish?: Wish) => gatherFacts(clusterOf(lab, wish));
const faults = (wish?: Wish) =>
  gather(wish).then(
    () => "no fault",
    (error: Error) => error.message,
  );
const journal = (host: string, text: string) =>
  onHost(lab, host, 'text=$(cat); journalctl --sync; journalctl -o cat | grep -c -- "$text" || true', text).then(
    Number,
  );
const logins = () => Promise.all(lab.hosts.map(({ name }) => journal(name, "Accepted publickey")));

/** Makes `ssh` read a configuration of the test's own, as if it were the user's. */
function userConfig(text: string): void {
  const bin = mkdtempSync(join(folder, "bin-"));
  writeFileSync(join(bin, "config"), text);
  writeFileSync(join(bin, "ssh"), `#!/bin/sh\nexec /usr/bin/ssh -F ${join(bin, "config")} "$@"\n`, { mode: 0o755 });
  process.env.PATH = `${bin}:${environment.PATH}`;
}
const labConfig = () => `Include ${lab.sshConfig}\n`;
const withoutPins = Object.fromEntries(["spark-1", "spark-2", "spark-3"].map((name) => [name, { hostKey: undefined }]));

/** MAC of every CX7 netdev, as the host itself says. */
async function macs(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const { name } of lab.hosts) {
    const lines = (await onHost(lab, name, "cd /sys/class/net && grep . en*np*/address")).trim().split("\n");
    for (const line of lines) {
      const [netdev = "", mac = ""] = line.split("/address:");
      found.set(`${name}/${netdev}`, mac);
    }
  }
  return found;
}

/** `host/netdev` -> the `host/netdev` that the facts' neighbours say it is wired to. */
async function wiring(
  probes: Awaited<ReturnType<typeof gather>>["probes"],
  hosts: readonly string[] = lab.hosts.map(({ name }) => name),
): Promise<Record<string, string>> {
  const all = await macs();
  const owner = new Map([...all].map(([netdev, mac]) => [mac, netdev]));
  const wires = hosts.flatMap((name) =>
    factsOf(probes, name).cx7.map((netdev) => {
      expect(netdev.mac).toBe(all.get(`${name}/${netdev.name}`));
      return [`${name}/${netdev.name}`, netdev.neighbours.map(({ mac }) => owner.get(mac)).join(" ")];
    }),
  );
  return Object.fromEntries(wires);
}
const articleRing = Object.fromEntries(
  [
    ["1", "0", "2", "1"],
    ["2", "0", "3", "1"],
    ["3", "0", "1", "1"],
  ].flatMap(([a, p, b, q]) =>
    ["enp1", "enP2p1"].flatMap((twin) => {
      const ends = [`spark-${a}/${twin}s0f${p}np${p}`, `spark-${b}/${twin}s0f${q}np${q}`];
      return [ends, [...ends].reverse()];
    }),
  ),
);

describe("a fresh ring", () => {
  it("is found out with one session a host", async () => {
    const before = await logins();
    const { probes, logins: found } = await gather();
    expect(await logins()).toEqual(before.map((count) => count + 1));
    expect(await wiring(probes)).toEqual(articleRing);
    const all = lab.hosts.map(({ name }) => factsOf(probes, name));
    expect(all.map(({ sudo }) => sudo)).toEqual(["passwordless", "passwordless", "password"]);
    expect(all.map(({ hotplug }) => hotplug)).toEqual(["", undefined, undefined]);
    expect(all.map(({ networkManagerRunning }) => networkManagerRunning)).toEqual([false, true, false]);
    for (const [i, facts] of all.entries()) {
      expect(facts).toMatchObject({
        hostname: `spark-${i + 1}`,
        managementInterface: "enP7s7",
        netplanInstalled: true,
        netplanRead: true,
        networkdRunning: true,
        discovered: true,
      });
      expect(facts.record).toBeUndefined();
      expect(facts.routes).toContainEqual({ destination: expect.stringMatching(/\.0\/24$/), netdev: "enP7s7" });
      expect(facts.cx7.map(({ name, port, twin, roceDevice }) => [name, port, twin, roceDevice])).toEqual([
        ["enp1s0f0np0", 0, 0, "rocep1s0f0"],
        ["enP2p1s0f0np0", 0, 1, "roceP2p1s0f0"],
        ["enp1s0f1np1", 1, 0, "rocep1s0f1"],
        ["enP2p1s0f1np1", 1, 1, "roceP2p1s0f1"],
      ]);
      for (const netdev of facts.cx7) {
        expect(netdev).toMatchObject({ mtu: 1500, up: true, carrier: true, rdmaState: "4: ACTIVE" });
        expect(netdev.addresses).toMatchObject([{ family: 6, linkLocal: true }]);
      }
    }
    const base = factsOf(probes, "spark-2").netplanFiles.find(({ text }) => text?.includes("renderer: NetworkManager"));
    expect(base).toMatchObject({ mode: "600", owner: "root:root" });
    for (const { name, address, hostKey, user } of lab.hosts) {
      expect(found.get(name)).toMatchObject({ address, hostKey, user, port: 22 });
      expect(found.get(name)?.privateKey).toContain("PRIVATE KEY");
    }
  });

  it("is not looked at by multicast where cables are declared", async () => {
    const { probes } = await gather({ more: { cables: [{ from: "spark-1/0", to: "spark-2/1" }] } });
    expect(factsOf(probes, "spark-1").discovered).toBe(false);
    expect(factsOf(probes, "spark-1").cx7.flatMap(({ neighbours }) => neighbours)).toEqual([]);
  });

  it("says which netdev is down, and that nobody answers there", async () => {
    await onHost(lab, "spark-1", "ip link set dev enp1s0f0np0 down");
    const { probes } = await gather();
    expect(factsOf(probes, "spark-1").cx7[0]).toMatchObject({ name: "enp1s0f0np0", up: false, neighbours: [] });
    expect(factsOf(probes, "spark-2").cx7[2]).toMatchObject({ name: "enp1s0f1np1", neighbours: [] });
    await onHost(lab, "spark-1", "ip link set dev enp1s0f0np0 up");
  });
});

describe("sudo", () => {
  const attempts = () => journal("spark-3", "incorrect password attempt");

  it("is asked with the password once, and a wrong one is told", async () => {
    const before = await attempts();
    const { probes } = await gather({ sudoPasswords: { "spark-3": "wrong" } });
    expect(factsOf(probes, "spark-3")).toMatchObject({ sudo: "wrongPassword", netplanRead: false });
    expect(await attempts()).toBe(before + 1);
    expect(await journal("spark-3", "pam_unix(sudo:auth): authentication failure")).toBe(before + 1);
  });

  it("without a password is refused", async () => {
    const { probes } = await gather({ sudoPasswords: {} });
    expect(factsOf(probes, "spark-3")).toMatchObject({ sudo: "refused", netplanRead: false });
    expect(factsOf(probes, "spark-1").sudo).toBe("passwordless");
  });
});

describe("a login", () => {
  const keyOf = (): string => lab.hosts[0]?.identityFile ?? "";
  const noKeys = Object.fromEntries(
    ["spark-1", "spark-2", "spark-3"].map((name) => [name, { identityFile: undefined }]),
  );

  it("with another host key than the pinned one tells both", async () => {
    const [one, two] = lab.hosts;
    const { probes } = await gather({ hosts: { "spark-1": { hostKey: two?.hostKey } } });
    const print = (key: string | undefined) =>
      execFileSync("ssh-keygen", ["-lf", "-"], { input: `${key}\n`, encoding: "utf8" }).split(" ")[1];
    const expected = { kind: "hostKeyMismatch", pinned: print(two?.hostKey), offered: print(one?.hostKey) };
    expect(probes.get("spark-1")).toEqual(expected);
    expect(probes.get("spark-2")?.kind).toBe("facts");
  });

  it("without a known host key tells how to trust it, and asks nobody", async () => {
    userConfig(`UserKnownHostsFile ${join(folder, "none")}\n`);
    const before = await logins();
    const { probes, logins: found } = await gather({ hosts: { "spark-1": { hostKey: undefined } } });
    const address = lab.hosts[0]?.address;
    const probe = probes.get("spark-1");
    if (probe?.kind !== "hostKeyUnknown") throw new Error(JSON.stringify(probe));
    expect(probe.remedy).toContain(`ssh-keyscan -t ed25519 ${address} >>~/.ssh/known_hosts`);
    expect(found.has("spark-1")).toBe(false);
    expect((await logins())[0]).toBe(before[0]);
  });

  it("finds the host key in known_hosts, also hashed, also by an alias", async () => {
    const hashed = join(folder, "hashed");
    writeFileSync(hashed, lab.hosts.map(({ address, hostKey }) => `${address} ${hostKey}\n`).join(""));
    execFileSync("ssh-keygen", ["-q", "-H", "-f", hashed], { stdio: "ignore" });
    userConfig(`UserKnownHostsFile ${hashed}\n`);
    const { logins: found } = await gather({ hosts: withoutPins });
    for (const { name, hostKey } of lab.hosts) expect(found.get(name)?.hostKey).toBe(hostKey);

    userConfig(labConfig());
    const aliases = Object.fromEntries(
      lab.hosts.map(({ name }) => [name, { address: name, hostKey: undefined, user: undefined }]),
    );
    const byAlias = await gather({ hosts: aliases });
    for (const { name, address, hostKey, user } of lab.hosts) {
      expect(byAlias.logins.get(name)).toMatchObject({ address, hostKey, user });
      expect(byAlias.probes.get(name)?.kind).toBe("facts");
    }
  });

  it("that can't be made is told in plain words, and the others go on", async () => {
    const free = lab.hosts[0]?.address.replace(/\d+$/, "99");
    const { probes, logins: found } = await gather({
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
    const { probes } = await gather({ hosts: { "spark-2": { identityFile: key } } });
    expect(probes.get("spark-2")).toEqual({
      kind: "denied",
      reason: expect.stringMatching(/^nvidia@[\d.]+ accepts not the key of identityFile; .*ssh-copy-id/),
    });
  });

  it("with a passphrase needs the agent that holds the key", async () => {
    const key = join(folder, "locked");
    execFileSync("cp", [keyOf(), key]);
    execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", "canary", "-f", key]);
    const wish = { hosts: { "spark-1": { identityFile: key } } };
    expect(await faults(wish)).toBe(
      `1 fault in the hosts:\n  spark-1: ${key} has a passphrase and there is no ssh-agent; run: ssh-add ${key}, or give a key without a passphrase`,
    );
    const agent = startAgent(folder);
    try {
      process.env.SSH_AUTH_SOCK = agent.socket;
      expect(await faults(wish)).toContain(`${key} has a passphrase and ssh-agent doesn't hold it`);
      agent.add(keyOf());
      const { probes, logins: found } = await gather(wish);
      expect(probes.get("spark-1")?.kind).toBe("facts");
      expect(found.get("spark-1")?.privateKey).toBeUndefined();
    } finally {
      agent.end();
    }
  });

  it("by agent needs one that is there, alive and not empty", async () => {
    const wish = { hosts: noKeys };
    expect(await faults(wish)).toMatch(
      /^3 faults in the hosts:\n {2}spark-1: no ssh-agent \(SSH_AUTH_SOCK is unset\); /,
    );
    process.env.SSH_AUTH_SOCK = join(folder, "nobody");
    expect(await faults(wish)).toContain(`spark-3: no ssh-agent answers (SSH_AUTH_SOCK is ${folder}/nobody)`);
    expect(await faults()).toContain("spark-1: no ssh-agent answers");
    const agent = startAgent(folder);
    try {
      process.env.SSH_AUTH_SOCK = agent.socket;
      expect(await faults(wish)).toContain("spark-2: ssh-agent holds no usable key");
      agent.add(keyOf());
      // What ~/.ssh/config has of keys is not what apply has.
      userConfig(`IdentityFile ${join(folder, "stranger")}\nIdentitiesOnly yes\n`);
      const { probes, logins: found } = await gather(wish);
      expect([...probes.values()].map(({ kind }) => kind)).toEqual(["facts", "facts", "facts"]);
      expect(found.get("spark-1")?.privateKey).toBeUndefined();
    } finally {
      agent.end();
    }
  });

  it("goes through one jump host, pinned too", async () => {
    userConfig(labConfig());
    const { probes, logins: found } = await gather({
      ssh: { proxyJump: "spark-1" },
      hosts: { "spark-1": { address: "127.0.0.1" } },
    });
    expect(probes.get("spark-2")?.kind).toBe("facts");
    expect(found.get("spark-2")?.jump).toMatchObject({
      address: lab.hosts[0]?.address,
      user: "nvidia",
      hostKey: lab.hosts[0]?.hostKey,
    });
    const dead = await gather({ ssh: { proxyJump: "spark-1" }, hosts: { "spark-2": { port: 1 } } });
    expect(dead.probes.get("spark-2")).toEqual({
      kind: "unreachable",
      reason: `from jump host ${lab.hosts[0]?.address}: connection refused`,
    });
  });

  it("that apply can't make is a fault", async () => {
    const [one, two, three] = lab.hosts.map(({ address }) => address);
    userConfig(
      `Host ${one}\nProxyCommand nc %h %p\nHost ${two}\nProxyJump a,b\nHost ${three}\nProxyJump mid\nHost mid\nProxyJump far\n`,
    );
    const message = await faults();
    expect(message).toMatch(
      /^4 faults in the hosts:\n {2}spark-1: .*ProxyCommand.*\n {2}spark-2: .*more than one jump \(a,b\)/,
    );
    expect(message).toContain("spark-3: it is behind more than one jump (mid is itself behind far)");
    expect(message).toContain("spark-3: jump host mid: no ed25519 host key is known for mid");
  });

  it("to one machine under two names is a fault", async () => {
    const [one] = lab.hosts;
    const same = { address: `::ffff:${one?.address}`, hostKey: one?.hostKey };
    expect(await faults({ hosts: { "spark-2": same } })).toMatch(
      /^1 fault in the hosts:\n {2}spark-2: is the same machine as spark-1 \(both have enp1s0f0np0 with MAC /,
    );
  });

  it("is never made to an abandoned host", async () => {
    const before = await logins();
    const { probes, logins: found } = await gather({ more: { abandon: ["spark-3"] } });
    expect([...probes.keys()]).toEqual(["spark-1", "spark-2"]);
    expect(found.has("spark-3")).toBe(false);
    expect((await logins())[2]).toBe(before[2]);
  });

  it("may be greeted with noise", async () => {
    await onHost(
      lab,
      "spark-1",
      "cp -p ~nvidia/.bashrc /root/bashrc; sed -i '1i echo \"{hello\"; echo warning >&2' ~nvidia/.bashrc",
    );
    const { probes } = await gather();
    await onHost(lab, "spark-1", "mv /root/bashrc ~nvidia/.bashrc");
    expect(probes.get("spark-1")?.kind).toBe("facts");
  });

  it("to a shell that gives no facts is a fault", async () => {
    await onHost(lab, "spark-1", "usermod -s /usr/sbin/nologin nvidia");
    const message = await faults();
    await onHost(lab, "spark-1", "usermod -s /bin/bash nvidia");
    expect(message).toMatch(/^1 fault in the hosts:\n {2}spark-1: logged in, but bash gave no facts \(exit 1/);
  });

  it("leaves no ssh behind", async () => {
    await gather();
    const mine = () =>
      execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(process.pid)], { encoding: "utf8" })
        .split("\n")
        .filter((line) => / ssh /.test(line));
    for (let i = 0; i < 50 && mine().length > 0; i++) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(mine()).toEqual([]);
  });
});

describe("a ring that somebody configured", () => {
  beforeAll(async () => {
    await configure(lab);
    const addresses = "[ $(ip -4 -o address show to 192.168.0.0/16 | wc -l) = 4 ] && ! ip -6 -o address | grep -q np";
    await until(
      lab,
      lab.hosts.map(({ name }) => name),
      addresses,
      20,
    );
  });

  it("is found out by its addresses, though nobody hears a multicast there any more", async () => {
    await Promise.all(lab.hosts.map(({ name }) => onHost(lab, name, "ip neigh flush all")));
    const { probes } = await gather();
    expect(await wiring(probes)).toEqual(articleRing);
    for (const { name } of lab.hosts) {
      const found = factsOf(probes, name).cx7.flatMap(({ neighbours }) => neighbours);
      expect(found.map(({ address }) => address.startsWith("192.168."))).toEqual(Array(4).fill(true));
    }
  });

  it("is still found out between the hosts that answer", async () => {
    await lab.kill("spark-3");
    const { probes } = await gather();
    await lab.boot("spark-3");
    expect(probes.get("spark-3")).toMatchObject({ kind: "unreachable" });
    const wires = Object.entries(await wiring(probes, ["spark-1", "spark-2"]));
    const between = Object.keys(articleRing).filter((netdev) => /spark-1.*np0$|spark-2.*np1$/.test(netdev));
    expect(
      wires
        .filter(([, peer]) => peer !== "")
        .map(([netdev]) => netdev)
        .sort(),
    ).toEqual(between.sort());
  });
});

describe("a settled ring", () => {
  const sudoes = () => Promise.all(lab.hosts.map(({ name }) => journal(name, "nvidia : ")));
  beforeAll(async () => settle(lab));

  it("is asked without sudo and by one session, and its neighbours are confirmed", async () => {
    await Promise.all(lab.hosts.map(({ name }) => onHost(lab, name, "ip neigh flush all")));
    const before = [await logins(), await sudoes()];
    const { probes } = await gather();
    expect([await logins(), await sudoes()]).toEqual([before[0]?.map((count) => count + 1), before[1]]);
    expect(await wiring(probes)).toEqual(articleRing);
    for (const { name } of lab.hosts) {
      const facts = factsOf(probes, name);
      expect(facts).toMatchObject({ sudo: "notAsked", netplanRead: false, discovered: false, record: { host: name } });
      expect(facts.record?.mesh).toEqual(ringMesh(lab));
      expect(facts.cx7.flatMap(({ addresses }) => addresses).filter(({ linkLocal }) => linkLocal)).toEqual([]);
    }
  });

  it("is read with sudo where a file or a netdev differs", async () => {
    await onHost(lab, "spark-1", "touch /etc/netplan/40-cx7.yaml");
    await onHost(lab, "spark-3", "ip link set dev enp1s0f0np0 mtu 8000");
    const { probes } = await gather();
    expect(factsOf(probes, "spark-1")).toMatchObject({ sudo: "passwordless", netplanRead: true });
    const file = factsOf(probes, "spark-1").netplanFiles.find(({ path }) => path === "/etc/netplan/40-cx7.yaml");
    expect(file?.text).toContain("192.168.177.11/24");
    expect(factsOf(probes, "spark-2").sudo).toBe("notAsked");
    expect(factsOf(probes, "spark-3").sudo).toBe("password");
    expect(factsOf(probes, "spark-3").cx7[0]).toMatchObject({ mtu: 8000 });
  });

  it("takes no answer for no neighbour, and no longer than a ping for it", async () => {
    await lab.unplug("1/0", { carrier: true });
    const { probes } = await gather();
    await lab.replug("1/0");
    expect(factsOf(probes, "spark-2").cx7[2]?.neighbours).toEqual([]);
    expect(factsOf(probes, "spark-2").cx7[0]?.neighbours).toHaveLength(1);
  });

  it("is found out again where its cables were moved, and as often as it is asked", async () => {
    const names = lab.hosts.map(({ name }) => name);
    const links = "[ $(ip -o link show up | grep -c 'np[01].*LOWER_UP') = 4 ]";
    const addresses = "[ $(ip -4 -o address show to 192.168.0.0/16 | wc -l) = 4 ]";
    const opposite = Object.fromEntries(
      [
        ["1", "3"],
        ["2", "1"],
        ["3", "2"],
      ].flatMap(([a, b]) =>
        ["enp1", "enP2p1"].flatMap((twin) => {
          const ends = [`spark-${a}/${twin}s0f0np0`, `spark-${b}/${twin}s0f1np1`];
          return [ends, [...ends].reverse()];
        }),
      ),
    );
    await lab.rewire("1/0-3/1 2/0-1/1 3/0-2/1");
    await until(lab, names, `${links} && ${addresses}`, 20);
    expect(await wiring((await gather()).probes)).toEqual(opposite);
    // As half a minute makes of them.
    const age = `ip -4 neigh | while read -r address _ netdev _ mac _; do
      [[ $netdev != *np[01] || -z $mac ]] || ip neigh replace "$address" lladdr "$mac" dev "$netdev" nud stale; done`;
    await Promise.all(names.map((name) => onHost(lab, name, age)));
    expect(await wiring((await gather()).probes)).toEqual(opposite);
    await lab.rewire("ring");
    await until(lab, names, `${links} && ${addresses}`, 20);
    expect(await wiring((await gather()).probes)).toEqual(articleRing);
  });

  it("with a damaged record, or one of a newer release, is a fault that names the host", async () => {
    await onHost(lab, "spark-1", "printf '{\"a\\tb\\001' >/var/lib/spark-mesh/record.json");
    await onHost(lab, "spark-2", "cat >/var/lib/spark-mesh/armed.json", '{"version":2}');
    expect(await faults()).toBe(
      [
        "2 faults in the hosts:",
        "  spark-1: /var/lib/spark-mesh/record.json is damaged (no JSON); move it away " +
          "(sudo mv /var/lib/spark-mesh/record.json /var/lib/spark-mesh/record.json.damaged) and run again",
        "  spark-2: /var/lib/spark-mesh/armed.json has version 2, and this release knows version 1; use the release that wrote it",
      ].join("\n"),
    );
  });
});
