import type { Login, Probe } from "./hostFacts";
import { fingerprint } from "./hostKey";
import { connectSeconds, type SessionEnded } from "./session";

/** OpenSSH's words for why a connection failed, and ours. */
const connectionWords: readonly [RegExp, string][] = [
  [/No route to host/i, "no route to host"],
  [/Network is unreachable/i, "network is unreachable"],
  [/Connection refused/i, "connection refused"],
  [/server \S+ not responding/i, "stopped answering"],
  [/timed out|timeout/i, `timed out after ${connectSeconds} s`],
  [/Could not resolve hostname|Name or service not known/i, "name not found"],
  [/Connection reset/i, "connection reset"],
  [/Broken pipe/i, "connection lost"],
  [/Received disconnect/i, "disconnected by the host"],
  [/Connection (to \S+ )?closed|kex_exchange_identification/i, "connection closed before login"],
];

/** The last line of a text, without control characters. */
function lastLine(text: string): string {
  const lines = text.split("\n").map((line) => line.replace(/\p{Cc}/gu, " ").trim());
  return (lines.filter(Boolean).at(-1) ?? "").slice(0, 200);
}

function refusedKey(stderr: string, pinned: string): Probe | undefined {
  if (/IDENTIFICATION HAS CHANGED|Host key verification failed|host key is known for/.test(stderr)) {
    const offered = /SHA256:[A-Za-z0-9+/]+/.exec(stderr)?.[0];
    return { kind: "hostKeyMismatch", pinned, ...(offered !== undefined && { offered }) };
  }
  const offer = /no matching host key type found\. Their offer: ([\w@.,-]+)/.exec(stderr)?.[1];
  return offer === undefined
    ? undefined
    : { kind: "hostKeyMismatch", pinned, offered: `no ed25519 key, only ${offer}` };
}

function refusedLogin(stderr: string, login: Login): Probe | undefined {
  const who = `${login.user}@${login.address}`;
  const key = login.privateKey === undefined ? "none of ssh-agent's keys" : "not the key of identityFile";
  if (/Too many authentication failures/.test(stderr)) {
    return {
      kind: "denied",
      reason: `${who} gave up after too many of ssh-agent's keys; put the right one first, or give an identityFile`,
    };
  }
  if (/: Permission denied \(/.test(stderr)) {
    return {
      kind: "denied",
      reason: `${who} accepts ${key}; add it to that user's ~/.ssh/authorized_keys: ssh-copy-id`,
    };
  }
  return undefined;
}

/**
 * What a session that ended before it answered says about its host: unreachable, denied, or another host key than the
 * pinned one. A text, the fault's line after the host's name, where the host let us in and then gave no facts.
 */
export function failureOf(end: SessionEnded, login: Login): Probe | string {
  if (end.ended !== undefined) return { kind: "unreachable", reason: end.ended };
  if (end.code === undefined) return "OpenSSH's ssh can't be run on this machine; install openssh-client";
  if (end.code !== 255) {
    return `logged in, but bash gave no facts (exit ${end.code}: ${lastLine(end.stderr)}); the login shell must run bash`;
  }
  const { jump } = login;
  if (jump !== undefined && end.jumpStderr !== "") {
    const beyond = /open failed: (?:connect failed: )?(.*)/.exec(end.jumpStderr)?.[1];
    const mismatch = refusedKey(end.jumpStderr, `${fingerprint(jump.hostKey)} of jump host ${jump.address}`);
    const denied = refusedLogin(end.jumpStderr, jump);
    if (mismatch) return mismatch;
    if (denied?.kind === "denied") return { kind: "denied", reason: `jump host: ${denied.reason}` };
    const from = beyond === undefined ? `jump host ${jump.address}` : `from jump host ${jump.address}`;
    return { kind: "unreachable", reason: `${from}: ${plainly(beyond ?? end.jumpStderr)}` };
  }
  return (
    refusedKey(end.stderr, fingerprint(login.hostKey)) ??
    refusedLogin(end.stderr, login) ?? { kind: "unreachable", reason: plainly(end.stderr) }
  );
}

function plainly(stderr: string): string {
  return connectionWords.find(([pattern]) => pattern.test(stderr))?.[1] ?? (lastLine(stderr) || "connection lost");
}
