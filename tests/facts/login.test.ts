import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import type { HostConfig } from "../../config/cluster";
import { resolveLogin } from "../../facts/login";
import { parseJump } from "../../facts/sshConfig";
import { startAgent } from "./agents";

const folder = mkdtempSync(join(tmpdir(), "facts-login-"));
const environment = { ...process.env };
const knownHosts = join(folder, "known_hosts");
const newKey = (name: string, type: string, passphrase = "") => {
  execFileSync("ssh-keygen", ["-q", "-t", type, "-m", "PEM", "-N", passphrase, "-C", "", "-f", join(folder, name)]);
  return {
    path: join(folder, name),
    line: execFileSync("cat", [`${join(folder, name)}.pub`], { encoding: "utf8" }).trim(),
  };
};
const client = newKey("client", "ed25519");
const hostKey = newKey("host", "ed25519").line;
const rsaKey = newKey("host-rsa", "rsa").line;
const locked = newKey("locked", "ed25519", "canary").path;
const lockedPem = newKey("locked-pem", "rsa", "canary").path;

/** Makes `ssh` read a configuration of the test's own, as if it were the user's. */
function userConfig(text: string): void {
  const bin = mkdtempSync(join(folder, "bin-"));
  writeFileSync(
    join(bin, "config"),
    `${text}\nHost *\nUserKnownHostsFile ${knownHosts}\nGlobalKnownHostsFile /dev/null\n`,
  );
  writeFileSync(join(bin, "ssh"), `#!/bin/sh\nexec /usr/bin/ssh -F ${join(bin, "config")} "$@"\n`, { mode: 0o755 });
  process.env.PATH = `${bin}:${environment.PATH}`;
}

beforeEach(() => {
  Reflect.deleteProperty(process.env, "SSH_AUTH_SOCK");
  writeFileSync(knownHosts, "");
  userConfig("");
});
afterEach(() => {
  process.env = { ...environment };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const host = (ssh: Partial<HostConfig["ssh"]> = {}, address = "127.0.0.1"): HostConfig => ({
  name: "spark-1",
  address,
  number: 1,
  ssh: { auth: "key", identityFile: client.path, ...ssh },
});
async function linesOf(config: HostConfig): Promise<readonly string[]> {
  const result = await resolveLogin(config);
  return result.kind === "faults" ? result.lines : [JSON.stringify(result)];
}

it("takes the pinned key, and what the config says over ~/.ssh/config", async () => {
  userConfig("Host 127.0.0.1\nUser other\nPort 2200\nHostName 127.0.0.2\n");
  expect(await resolveLogin(host({ hostKey, user: "nvidia" }))).toMatchObject({
    kind: "login",
    login: {
      address: "127.0.0.2",
      port: 2200,
      user: "nvidia",
      hostKey,
      privateKey: expect.stringContaining("PRIVATE"),
    },
    identityFile: client.path,
  });
});

it("looks names up on this machine", async () => {
  expect(await resolveLogin(host({ hostKey }, "localhost"))).toMatchObject({ login: { address: "127.0.0.1" } });
});

it("finds the key of another port under that port, else under the name alone", async () => {
  const [other] = [newKey("other", "ed25519").line];
  writeFileSync(knownHosts, `127.0.0.1 ${hostKey}\n`);
  expect(await resolveLogin(host({ port: 2222 }))).toMatchObject({ login: { hostKey } });
  writeFileSync(knownHosts, `127.0.0.1 ${hostKey}\n[127.0.0.1]:2222 ${other}\n`);
  expect(await resolveLogin(host({ port: 2222 }))).toMatchObject({ login: { hostKey: other } });
});

it("takes no revoked key, and names the types that won't do", async () => {
  writeFileSync(knownHosts, `@revoked 127.0.0.1 ${hostKey}\n127.0.0.1 ${rsaKey}\n`);
  expect(await resolveLogin(host({ port: 2222 }))).toEqual({
    kind: "hostKeyUnknown",
    name: "[127.0.0.1]:2222",
    otherTypes: ["ssh-rsa"],
  });
  writeFileSync(knownHosts, `127.0.0.1 ${hostKey}\n@revoked * ${hostKey}\n`);
  expect(await resolveLogin(host())).toEqual({ kind: "hostKeyUnknown", name: "127.0.0.1", otherTypes: [] });
});

it.each([
  [
    "a missing key",
    join(folder, "none"),
    `the key file ${folder}/none is missing; give another identityFile, or use ssh-agent`,
  ],
  ["a public key", `${client.path}.pub`, `${client.path}.pub holds a public key; identityFile must name a private key`],
  ["a folder", folder, `the key file ${folder} can't be read; give another identityFile, or use ssh-agent`],
  [
    "a passphrase",
    locked,
    `${locked} has a passphrase and there is no ssh-agent; run: ssh-add ${locked}, or give a key without a passphrase`,
  ],
  [
    "a passphrase on an old key",
    lockedPem,
    `${lockedPem} has a passphrase and there is no ssh-agent; run: ssh-add ${lockedPem}, or give a key without a passphrase`,
  ],
])("can't use %s", async (_title, identityFile, line) => {
  if (identityFile.endsWith(".pub")) chmodSync(identityFile, 0o600);
  expect(await linesOf(host({ hostKey, identityFile }))).toEqual([line]);
});

it("can't use a key that others can read", async () => {
  chmodSync(client.path, 0o640);
  const lines = await linesOf(host({ hostKey }));
  chmodSync(client.path, 0o600);
  expect(lines).toEqual([`${client.path} can be read by others; run: chmod 600 ${client.path}`]);
});

it("says everything about a host at once", async () => {
  userConfig("Host 127.0.0.1\nProxyCommand nc %h %p\n");
  expect(await linesOf(host({ auth: "agent", hostKey }))).toEqual([
    expect.stringMatching(/^no ssh-agent \(SSH_AUTH_SOCK is unset\)/),
    expect.stringMatching(/^~\/.ssh\/config gives it a ProxyCommand/),
  ]);
});

it("knows that apply's client reads no IdentityAgent", async () => {
  const agent = startAgent(folder);
  try {
    agent.add(client.path);
    process.env.SSH_AUTH_SOCK = agent.socket;
    expect(await resolveLogin(host({ auth: "agent", hostKey }))).toMatchObject({ kind: "login" });
    userConfig("IdentityAgent /elsewhere\n");
    expect(await linesOf(host({ auth: "agent", hostKey }))).toEqual([
      expect.stringMatching(/IdentityAgent \/elsewhere\), which apply's client doesn't read; set SSH_AUTH_SOCK to it$/),
    ]);
  } finally {
    agent.end();
  }
});

it("names a faulty ~/.ssh/config", async () => {
  userConfig("Nonsense yes\n");
  expect(await linesOf(host({ hostKey }))).toEqual([
    expect.stringMatching(/^~\/.ssh\/config is not usable: .*nonsense/i),
  ]);
});

it.each([
  ["bastion", { name: "bastion" }],
  ["me@bastion:2200", { name: "bastion", user: "me", port: 2200 }],
  ["[fd00::1]:22", { name: "fd00::1", port: 22 }],
  ["me@fd00::1", { name: "fd00::1", user: "me" }],
])("reads the jump %s", (text, jump) => expect(parseJump(text)).toEqual(jump));
