/** A user's known_hosts, written: one line more, or a host's lines taken out; every other byte stays. */

import { createHmac, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import { Faults } from "../config/faults";
import { type KnownHost, linesOf } from "../facts/hostKey";
import type { SshTarget } from "../facts/sshConfig";
import { replaceFile } from "./replaceFile";

/**
 * A line that pins a key.
 *
 * @param salt hashes the name, as HashKnownHosts has it; undefined leaves it to be read.
 */
export function pinLine(name: string, key: string, salt: Buffer | undefined): string {
  if (salt === undefined) return `${name} ${key}`;
  const hash = createHmac("sha1", salt).update(name).digest("base64");
  return `|1|${salt.toString("base64")}|${hash} ${key}`;
}

/** The text of a file with one more line at its end. */
export function withLine(text: string, line: string): string {
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${line}\n`;
}

/**
 * The text of a file without a host: its lines go, and of a line with several names only its own name.
 *
 * @param text any bytes, as Latin-1.
 * @param lines what OpenSSH found of the name in it.
 * @throws Faults where a pattern covers the name, or the text is another one by now.
 */
export function withoutHost(text: string, name: string, lines: readonly KnownHost[]): string {
  const all = text.split("\n");
  const kept = all.map((line, index) => {
    const found = lines.find((known) => known.line === index + 1);
    if (found === undefined) return line;
    if (found.text !== Buffer.from(line, "latin1").toString())
      throw new Faults(found.file, [`line ${found.line}: changed meanwhile; run this again`]);
    return lineWithout(line, found, name);
  });
  return kept.filter((line) => line !== undefined).join("\n");
}

/** Undefined where nothing is left of it. */
function lineWithout(text: string, { file, line }: KnownHost, name: string): string | undefined {
  const [, indent = "", names = "", rest = ""] = /^(\s*)(\S+)(.*)$/s.exec(text) ?? [];
  if (names.startsWith("|")) return undefined;
  const others = names.split(",").filter((other) => other.toLowerCase() !== name.toLowerCase());
  if (others.some((other) => /[*?]/.test(other))) {
    throw new Faults(file, [
      `line ${line}: found ${names} for ${name}, wanted names without a pattern; take that line out yourself`,
    ]);
  }
  return others.length === 0 ? undefined : `${indent}${others.join(",")}${rest}`;
}

/**
 * Pins a key in the file that ssh itself would write to.
 *
 * @param replace takes out what the user's files have of the host, keys of every type.
 * @returns the file's path.
 * @throws Faults where there is no such file or it can't be written.
 */
export async function pinInKnownHosts(target: SshTarget, key: string, replace: boolean): Promise<string> {
  const [file = "none"] = target.ownKnownHostsFiles;
  if (!isAbsolute(file) || file === "/dev/null" || /[%$]/.test(file)) {
    throw new Faults("~/.ssh/config", [
      `UserKnownHostsFile: found ${file}, wanted a file to pin keys in; give the key as the host's hostKey in a stack`,
    ]);
  }
  const name = target.hostKeyName;
  const salt = target.hashKnownHosts ? randomBytes(20) : undefined;
  const edits = (replace ? [...new Set(target.ownKnownHostsFiles)] : [file]).map(async (path) => {
    const before = presentText(path);
    const known = (await linesOf(path, name)).filter(({ marker }) => marker === undefined);
    const kept = replace ? withoutHost(before, name, known) : before;
    const isNew = path === file && (replace || !known.some((line) => line.key === key));
    return { path, before, after: isNew ? withLine(kept, pinLine(name, key, salt)) : kept };
  });
  for (const { path, before, after } of await Promise.all(edits)) {
    if (after !== before) replaceFile(path, Buffer.from(after, "latin1"), 0o600);
  }
  return file;
}

/** As Latin-1: a file may hold any bytes, and they stay what they are. */
function presentText(path: string): string {
  if (!existsSync(path)) return "";
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    throw new Faults(path, [
      `found it not readable (${error instanceof Error ? error.message : error}), wanted to pin a key in it`,
    ]);
  }
}
