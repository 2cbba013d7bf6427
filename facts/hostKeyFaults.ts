import type { HostConfig } from "../config/cluster";

/** What shows a machine's own fingerprint, on that machine. */
export const ownFingerprint = "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub";

/** Where a host is, as `spark-mesh trust` takes it: `address`, `address:port`, `[address]:port`. */
export function placeOf({ address, ssh: { port } }: HostConfig): string {
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** What `spark-mesh trust` is told to find a host: its name in the stack, else where it is. */
export function trustWords(host: HostConfig, stack: string | undefined): string {
  return stack === undefined ? placeOf(host) : `--stack ${stack} ${host.name}`;
}

/**
 * That no key is pinned under a name of known_hosts, and what to do.
 *
 * @param words what `spark-mesh trust` is told to find the host.
 */
export function unknownHostKey(name: string, others: readonly string[], words: string): string {
  const found = others.length === 0 ? "" : ` (known_hosts has only ${others.join(", ")}, which apply can't pin)`;
  return (
    `host key unknown: found no pinned ed25519 key for ${name}${found}; compare the key that it shows with the machine's ` +
    `own and pin it: npx spark-mesh trust ${words}`
  );
}

/**
 * That another key answers than the pinned one, what it means and what to do.
 *
 * @param offered its fingerprint, or why there is none.
 * @param words what `spark-mesh trust` is told to find the host.
 */
export function changedHostKey(offered: string | undefined, pinned: string, words: string): string {
  const remedy =
    offered === undefined || offered.startsWith("SHA256:")
      ? `compare the found key with the machine's own (\`${ownFingerprint}\` on it), and only where they are the same: ` +
        `npx spark-mesh trust --replace ${words}`
      : "if it is the right machine, give it one: sudo ssh-keygen -A";
  return (
    `host key mismatch: found ${offered ?? "another key"}, wanted the pinned ${pinned}; the machine was reinstalled, or ` +
    `another one answers in its place; ${remedy}`
  );
}
