import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Lab, type LabHost } from "../../lab/hosts/lab";
import { inside } from "../inside";
import { operate } from "./operations";
import { installProgram, mustRun } from "./program";
import { addressesOf, asUser, emptyHomes, home, makeKeys, pairDocument, settlePair, trustSpec } from "./trust";

/** systemd counts starts, and refuses the sixth within ten seconds. */
const RESTART = "systemctl reset-failed ssh; systemctl restart ssh";

let lab: Lab;
let host: LabHost;
let peer: LabHost;
let keys: Map<string, string>;

beforeAll(async () => {
  const hosts = ["spark-1", "spark-2"].map((name) => ({ name, renderer: "networkd" as const }));
  lab = await Lab.up({ name: "test-logins", stackFile: false, fresh: true, wiring: "pair", hosts });
  [host, peer] = lab.hosts as [LabHost, LabHost];
  await emptyHomes(lab);
  await Promise.all([settlePair(lab), installProgram(lab)]);
  keys = await makeKeys(lab);
});

beforeEach(async () => {
  await inside(lab, peer.name, `rm -f /etc/ssh/sshd_config.d/test.conf; ${RESTART}`);
  for (const each of lab.hosts) await mustRun(lab, each, "trust", trustSpec(lab, each, keys));
});

afterAll(() => lab?.down());

/** Runs verify with the logins from a host to its peer. */
function verify(from: LabHost, addresses?: readonly string[]) {
  const to = lab.hosts.find(({ name }) => name !== from.name) as LabHost;
  const extra = (addresses ?? addressesOf(to)).map((address) => `login ${to.name} ${address}`);
  return operate(lab, from, "verify", pairDocument(lab, from, { extra }));
}

/** What verify says, a line a login. */
async function faultsOf(from: LabHost): Promise<string[]> {
  const { code, stderr } = await verify(from);
  expect(code).not.toBe(0);
  return stderr.trimEnd().split("\n").sort();
}

/** The same words for each way to the peer. */
const forEach = (words: (address: string) => string) =>
  [...addressesOf(peer).map((address) => [` over ${address}`, address]), ["", "192.168.177.12"]]
    .map(([over, address]) => `spark-1: ssh to spark-2${over}: ${words(address ?? "")}`)
    .sort();

test("every way in is taken once, and the name's besides", async () => {
  const accepted = async (to: LabHost, from: LabHost) => {
    const log = await inside(lab, to.name, "journalctl -q -o cat -t sshd -t sshd-session");
    const sources = addressesOf(from).map((address) => `nvidia from ${address} `);
    return log.split("\n").filter((line) => /^Accepted/.test(line) && sources.some((source) => line.includes(source)));
  };
  for (const [from, to] of [
    [host, peer],
    [peer, host],
  ] as const) {
    const before = (await accepted(to, from)).length;
    expect(await verify(from)).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect((await accepted(to, from)).length - before).toBe(addressesOf(to).length + 1);
  }
});

test("an impostor is refused", async () => {
  await inside(lab, peer.name, "rm -f /etc/ssh/impostor*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/impostor");
  await inside(lab, peer.name, `echo HostKey /etc/ssh/impostor >/etc/ssh/sshd_config.d/test.conf; ${RESTART}`);
  const remedy = "compare the host key of spark-2 with the pinned one: npx spark-mesh trust spark-2";
  expect(await faultsOf(host)).toEqual(forEach(() => `Host key verification failed; ${remedy}`));
});

test("a peer that doesn't know this host's key refuses it", async () => {
  await inside(lab, peer.name, `sed -i /restrict/d ${home}/.ssh/authorized_keys`);
  const remedy = "see on spark-2 why its sshd refused: journalctl -u ssh";
  expect(await faultsOf(host)).toEqual(
    forEach((address) => `nvidia@${address}: Permission denied (publickey,password); ${remedy}`),
  );
});

test("a key is good for nothing from an address that is not its host's", async () => {
  await inside(lab, peer.name, `sed -i 's/from="[^"]*"/from="192.0.2.1"/' ${home}/.ssh/authorized_keys`);
  expect((await faultsOf(host))[0]).toContain("Permission denied");
});

test("a peer whose sshd is gone is asked for some seconds", async () => {
  await inside(lab, peer.name, "systemctl stop ssh");
  const { seconds, stderr } = await verify(host);
  const remedy = "check that sshd of spark-2 listens there, and what is between";
  expect(stderr.trimEnd().split("\n").sort()).toEqual(
    forEach((address) => `ssh: connect to host ${address} port 22: Connection refused; ${remedy}`),
  );
  expect(seconds).toBeGreaterThan(5);
  expect(seconds).toBeLessThan(60);
});

test("an sshd that turns most of them away gets them later", async () => {
  await inside(lab, peer.name, `echo MaxStartups 1 >/etc/ssh/sshd_config.d/test.conf; ${RESTART}`);
  expect(await verify(host)).toMatchObject({ code: 0, stderr: "" });
});

test("a connection that the user shares proves nothing", async () => {
  await lab.exec(host.name, `cat >>${home}/.ssh/config`, {
    stdin: "Host *\n  ControlMaster auto\n  ControlPath /tmp/shared-%h\n  ControlPersist 60\n",
  });
  await asUser(lab, host.name, "ssh -n spark-2 true");
  await inside(lab, peer.name, `sed -i /restrict/d ${home}/.ssh/authorized_keys`);
  await asUser(lab, host.name, "ssh -n spark-2 true");
  expect(await faultsOf(host)).toHaveLength(addressesOf(peer).length + 1);
  await asUser(lab, host.name, "ssh -O exit spark-2 2>/dev/null");
});

test("no hundred logins are made at once", async () => {
  await inside(lab, peer.name, `echo MaxStartups 500 >/etc/ssh/sshd_config.d/test.conf; ${RESTART}`);
  await mustRun(lab, host, "trust", trustSpec(lab, host, keys));
  const sampled = asUser(
    lab,
    host.name,
    "most=0; for i in {1..40}; do now=$(pgrep -c -x ssh); ((now > most)) && most=$now; sleep 0.05; done; echo $most",
  );
  const addresses = Array.from({ length: 40 }, (_, i) => addressesOf(peer)[i % 3] ?? "");
  expect(await verify(host, addresses)).toMatchObject({ code: 0, stderr: "" });
  expect(Number(await sampled)).toBeLessThanOrEqual(8);
  expect(Number(await sampled)).toBeGreaterThan(2);
});
