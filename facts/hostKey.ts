import { createHash } from "node:crypto";
import { access } from "node:fs/promises";
import { run } from "./run";
import type { SshTarget } from "./sshConfig";

/** `SHA256:...`, as OpenSSH shows it, of `ssh-ed25519 AAAA...`. */
export function fingerprint(hostKey: string): string {
  const key = Buffer.from(hostKey.split(" ")[1] ?? "", "base64");
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** The host keys of `name` in one known_hosts file, revoked ones and certificate authorities aside. */
async function keysIn(file: string, name: string): Promise<string[]> {
  try {
    await access(file);
  } catch {
    return [];
  }
  const { stdout } = await run("ssh-keygen", ["-F", name, "-f", file]);
  return stdout
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#") && !line.startsWith("@"))
    .map((line) => line.trim().split(/\s+/).slice(1, 3).join(" "));
}

/** What known_hosts has of a target: its ed25519 key, or the types of the keys that apply can't pin. */
export async function knownHostKey(target: SshTarget): Promise<{ key?: string; otherTypes: readonly string[] }> {
  // As ssh does: a key known for the standard port is taken for another port too.
  const names = target.hostKeyAlias ? [target.hostKeyAlias] : [target.hostKeyName, target.hostname.toLowerCase()];
  const others = new Set<string>();
  for (const name of new Set(names)) {
    const keys = (await Promise.all(target.knownHostsFiles.map((file) => keysIn(file, name)))).flat();
    const key = keys.find((line) => line.startsWith("ssh-ed25519 "));
    if (key !== undefined) return { key, otherTypes: [] };
    for (const line of keys) others.add(line.split(" ")[0] ?? "");
  }
  return { otherTypes: [...others] };
}

/** Why a host's key isn't known, and the commands that show it, check it and trust it. */
export function trustRemedy(target: SshTarget, otherTypes: readonly string[], via: string | undefined): string {
  const place = target.port === 22 ? target.hostname : `-p ${target.port} ${target.hostname}`;
  const scan = `${via === undefined ? "" : `ssh ${via} `}ssh-keyscan -t ed25519 ${place}`;
  const found =
    otherTypes.length === 0 ? "" : ` (known_hosts has only ${otherTypes.join(", ")}, which apply can't pin)`;
  const trust =
    target.hostKeyAlias === undefined
      ? `add it with \`${scan} >>~/.ssh/known_hosts\`, or give it as the host's hostKey`
      : "give it as the host's hostKey";
  return (
    `no ed25519 host key is known for ${target.hostKeyName}${found}; compare the fingerprint that ` +
    `\`${scan} | ssh-keygen -lf -\` shows with that of \`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\` ` +
    `on the machine itself, then ${trust}`
  );
}
