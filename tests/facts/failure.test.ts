import { expect, it } from "vitest";
import { failureOf } from "../../facts/failure";
import { SessionEnded } from "../../facts/session";

const hostKey = `ssh-ed25519 ${Buffer.concat([Buffer.from("\0\0\0\x0bssh-ed25519\0\0\0 "), Buffer.alloc(32)]).toString("base64")}`;
const login = { address: "10.0.0.11", port: 22, user: "nvidia", hostKey };
const failure = (stderr: string, code = 255) => failureOf(new SessionEnded(code, stderr, ""), login);

it.each([
  ["ssh: connect to host 10.0.0.11 port 22: No route to host\r\n", "no route to host"],
  ["ssh: connect to host 10.0.0.11 port 22: Connection timed out\r\n", "timed out after 5 s"],
  [
    "Connection timed out during banner exchange\r\nConnection to 10.0.0.11 port 22 timed out\r\n",
    "timed out after 5 s",
  ],
  ["ssh: connect to host 10.0.0.11 port 22: Operation timed out\r\n", "timed out after 5 s"],
  ["ssh: connect to host 10.0.0.11 port 22: Connection refused\r\n", "connection refused"],
  ["ssh: connect to host 10.0.0.11 port 22: Network is unreachable\r\n", "network is unreachable"],
  ["kex_exchange_identification: Connection closed by remote host\r\n", "connection closed before login"],
  ["kex_exchange_identification: read: Connection reset by peer\r\n", "connection reset"],
  ["Timeout, server 10.0.0.11 not responding.\r\n", "stopped answering"],
  ["client_loop: send disconnect: Broken pipe\r\n", "connection lost"],
  ["something\u001b[31m new\r\n", "something [31m new"],
  ["", "connection lost"],
])("unreachable: %j", (stderr, reason) => expect(failure(stderr)).toEqual({ kind: "unreachable", reason }));

it("denied, by agent and by key", () => {
  const stderr = "nvidia@10.0.0.11: Permission denied (publickey).\r\n";
  expect(failure(stderr)).toMatchObject({
    kind: "denied",
    reason: expect.stringMatching(/^nvidia@10.0.0.11 accepts none of ssh-agent's keys$/),
  });
  const withKey = failureOf(new SessionEnded(255, stderr, ""), { ...login, privateKey: "canary" });
  expect(withKey).toMatchObject({
    kind: "denied",
    reason: expect.stringMatching(/ accepts not the key of identityFile$/),
  });
  expect(JSON.stringify(withKey)).not.toContain("canary");
  expect(failure("Received disconnect from 10.0.0.11 port 22:2: Too many authentication failures\r\n")).toMatchObject({
    kind: "denied",
  });
});

it("another host key, and none of the pinned type", () => {
  const pinned = expect.stringMatching(/^SHA256:[\w+/]{43}$/);
  const changed =
    "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\r\nThe fingerprint for the ED25519 key sent by the remote host is\nSHA256:abc+/9.\r\nHost key verification failed.\r\n";
  expect(failure(changed)).toEqual({ kind: "hostKeyMismatch", pinned, offered: "SHA256:abc+/9" });
  expect(
    failure(
      "Unable to negotiate with 10.0.0.11 port 22: no matching host key type found. Their offer: rsa-sha2-512,rsa-sha2-256\r\n",
    ),
  ).toEqual({ kind: "hostKeyMismatch", pinned, offered: "no ed25519 key, only rsa-sha2-512,rsa-sha2-256" });
});

it("a jump host's own failures", () => {
  const jump = { ...login, address: "10.9.9.9" };
  const through = (said: string) =>
    failureOf(new SessionEnded(255, "Connection closed by UNKNOWN port 65535\r\n", said), { ...login, jump });
  expect(through("channel 0: open failed: connect failed: No route to host\r\n")).toEqual({
    kind: "unreachable",
    reason: "from jump host 10.9.9.9: no route to host",
  });
  expect(through("ssh: connect to host 10.9.9.9 port 22: Connection refused\r\n")).toEqual({
    kind: "unreachable",
    reason: "jump host 10.9.9.9: connection refused",
  });
  expect(through("nvidia@10.9.9.9: Permission denied (publickey).\r\n")).toMatchObject({
    kind: "denied",
    reason: expect.stringMatching(/^jump host: nvidia@10.9.9.9 accepts none/),
  });
  expect(through("Host key verification failed.\r\n")).toMatchObject({
    kind: "hostKeyMismatch",
    pinned: expect.stringMatching(/^SHA256:/),
    jumpName: "10.9.9.9",
  });
});

it("a host that lets us in and gives nothing", () => {
  expect(failure("bash: not found\n", 127)).toBe(
    "logged in, but bash gave no facts (exit 127: bash: not found); the login shell must run bash",
  );
  expect(failureOf(new SessionEnded(undefined, "", "", "no answer within 45 s"), login)).toEqual({
    kind: "unreachable",
    reason: "no answer within 45 s",
  });
  expect(failureOf(new SessionEnded(undefined, "", ""), login)).toContain("install openssh-client");
});

it("is what ssh said last, not what a banner says", () => {
  const banner = "Authorized use only. Sessions are timed out, and any Connection reset is logged.\n";
  expect(failure(`${banner}ssh: connect to host 10.0.0.11 port 22: No route to host\n`)).toEqual({
    kind: "unreachable",
    reason: "no route to host",
  });
  expect(failure("\u001b]0;x\u0007 \u202eodd\n")).toEqual({
    kind: "unreachable",
    reason: expect.stringMatching(/^[^\p{Cc}\p{Cf}]+odd$/u),
  });
});
