import { createHash } from "node:crypto";
import { access } from "node:fs/promises";
import { run } from "./run";
import type { SshTarget } from "./sshConfig";

/** `SHA256:...`, as OpenSSH shows it, of `ssh-ed25519 AAAA...`. */
export function fingerprint(hostKey: string): string {
  const key = Buffer.from(hostKey.split(" ")[1] ?? "", "base64");
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** What a known_hosts file has of a name, in one line. */
export interface KnownHost {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The line as it is there. */
  readonly text: string;
  /** e.g. `@revoked`; such a line pins nothing. */
  readonly marker?: string;
  /** `ssh-ed25519 AAAA...`, or a key of another type. */
  readonly key: string;
}

/** What one known_hosts file has of a name, hashed lines and patterns too. */
export async function linesOf(file: string, name: string): Promise<readonly KnownHost[]> {
  try {
    await access(file);
  } catch {
    return [];
  }
  const { stdout } = await run("ssh-keygen", ["-F", name, "-f", file]);
  // Before each line stands one that says where it is.
  return [...stdout.matchAll(/^# Host [^\n]* found: line (\d+)[^\n]*\n([^\n]*)/gm)].map(([, line = "", text = ""]) => {
    const words = text.trim().split(/\s+/);
    const marker = words[0]?.startsWith("@") ? words.shift() : undefined;
    return {
      file,
      line: Number(line),
      text,
      key: words.slice(1, 3).join(" "),
      ...(marker !== undefined && { marker }),
    };
  });
}

/** What known_hosts has of a target, in the order in which ssh looks. */
export async function knownHosts(target: SshTarget): Promise<readonly KnownHost[]> {
  // As ssh does: a key known for the standard port is taken for another port too.
  const names = target.hostKeyAlias ? [target.hostKeyAlias] : [target.hostKeyName, target.hostname.toLowerCase()];
  const known: KnownHost[] = [];
  for (const name of new Set(names)) {
    if (pinsOf(known).length > 0) break;
    known.push(...(await Promise.all(target.knownHostsFiles.map((file) => linesOf(file, name)))).flat());
  }
  return known;
}

/** True where a line of known_hosts says that nobody may show this key any more. */
export function isRevoked(known: readonly KnownHost[], key: string): boolean {
  return known.some((line) => line.marker === "@revoked" && line.key === key);
}

/** The lines that pin an ed25519 key; facts and apply take the first. */
export function pinsOf(known: readonly KnownHost[]): readonly KnownHost[] {
  return known.filter(
    ({ marker, key }) => marker === undefined && key.startsWith("ssh-ed25519 ") && !isRevoked(known, key),
  );
}

/** The types of the keys that known_hosts has and that apply can't pin. */
export function otherTypes(known: readonly KnownHost[]): readonly string[] {
  const types = known.filter(({ marker }) => marker === undefined).map(({ key }) => key.split(" ")[0] ?? "");
  return [...new Set(types)].filter((type) => type !== "ssh-ed25519");
}
