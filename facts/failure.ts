import { printable } from "../config/printable";
import type { HostKeyMismatch, Login, NoFacts } from "./hostFacts";
import { fingerprint } from "./hostKey";
import type { SessionEnded } from "./session";
import { connectSeconds } from "./sshArguments";

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
  const lines = text.split("\n").map((line) => printable(line.replace(/\p{Cc}/gu, " ")).trim());
  return (lines.filter(Boolean).at(-1) ?? "").slice(0, 200);
}

function refusedKey(stderr: string, hostKey: string): HostKeyMismatch | undefined {
  const pinned = fingerprint(hostKey);
  if (/IDENTIFICATION HAS CHANGED|Host key verification failed|host key is known for/.test(stderr)) {
    const offered = /SHA256:[A-Za-z0-9+/]+/.exec(stderr)?.[0];
    return { kind: "hostKeyMismatch", pinned, ...(offered !== undefined && { offered }) };
  }
  const others = otherKeysOnly(stderr);
  return others === undefined ? undefined : { kind: "hostKeyMismatch", pinned, offered: others };
}

/** What a host has instead of an ed25519 key, where ssh gave up for the lack of one. */
export function otherKeysOnly(stderr: string): string | undefined {
  const offer = /no matching host key type found\. Their offer: ([\w@.,-]+)/.exec(stderr)?.[1];
  return offer === undefined ? undefined : `no ed25519 key, only ${offer}`;
}

function refusedLogin(stderr: string, login: Login): { kind: "denied"; reason: string } | undefined {
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
      reason: `${who} accepts ${key}`,
    };
  }
  return undefined;
}

/**
 * What a session that ended before it answered says about its host: unreachable, denied, or another host key than the
 * pinned one. A text, the fault's line after the host's name, where the host let us in and then gave no facts.
 *
 * @param jumpName of the jump host; its address by default.
 */
export function failureOf(end: SessionEnded, login: Login, jumpName?: string): NoFacts | string {
  if (end.ended !== undefined) return { kind: "unreachable", reason: end.ended };
  if (end.code === undefined) return "OpenSSH's ssh can't be run on this machine; install openssh-client";
  if (end.code !== 255) {
    return `logged in, but bash gave no facts (exit ${end.code}: ${lastLine(end.stderr)}); the login shell must run bash`;
  }
  if (login.jump !== undefined && end.jumpStderr !== "") return jumpFailure(end.jumpStderr, login.jump, jumpName);
  return (
    refusedKey(end.stderr, login.hostKey) ??
    refusedLogin(end.stderr, login) ?? { kind: "unreachable", reason: plainly(end.stderr) }
  );
}

/** What the ssh to a jump host says about the host behind it. */
export function jumpFailure(said: string, jump: Login, jumpName = jump.address): NoFacts {
  const beyond = /open failed: (?:connect failed: )?(.*)/.exec(said)?.[1];
  const mismatch = refusedKey(said, jump.hostKey);
  const denied = refusedLogin(said, jump);
  if (mismatch) return { ...mismatch, jumpName };
  if (denied) return { kind: "denied", reason: `jump host: ${denied.reason}` };
  const from = beyond === undefined ? `jump host ${jump.address}` : `from jump host ${jump.address}`;
  return { kind: "unreachable", reason: `${from}: ${plainly(beyond ?? said)}` };
}

/** Why a connection failed, in few words: the last that ssh said, for a host's banner stands before it. */
export function plainly(stderr: string): string {
  const lines = stderr.split("\n").reverse();
  const words = lines.flatMap((line) => connectionWords.find(([pattern]) => pattern.test(line))?.[1] ?? []);
  return words[0] ?? (lastLine(stderr) || "connection lost");
}
