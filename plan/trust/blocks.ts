import { isIP } from "node:net";
import type { TrustBlocks, TrustPeer } from "../plan";

const BEGIN = "# BEGIN spark-mesh: written by pulumi up, changes are undone";
const END = "# END spark-mesh";

/** OpenSSH's own standard port, which known_hosts doesn't say. */
const SSH_PORT = 22;

/**
 * Our blocks in one host's files.
 *
 * @param peers the other hosts, in the order of their lines.
 * @param keys public keys by host; a peer without one can be gone to, and doesn't come in.
 */
export function renderTrust(peers: readonly TrustPeer[], keys: ReadonlyMap<string, string>): TrustBlocks {
  return {
    authorized_keys: block(
      peers.flatMap((peer) => {
        const key = keys.get(peer.identity.host);
        return key === undefined ? [] : [authorizedKey(peer, key)];
      }),
    ),
    known_hosts: block(peers.map(knownHost)),
    // What follows the block is the user's own, and of no host's stanza.
    config: block([...peers.flatMap(stanzas), "Match all"]),
  };
}

/** The lines of a block's text between its first and its last. */
export function linesOf(text: string): readonly string[] {
  return text.trimEnd().split("\n").slice(1, -1);
}

/** The host of a line of authorized_keys or known_hosts, as we write them. */
export function hostOf(line: string): string | undefined {
  return / spark-mesh:(\S+)$/.exec(line)?.[1] ?? /^([^\s,"]+)[, ]/.exec(line)?.[1];
}

function block(lines: readonly string[]): string {
  return [BEGIN, ...lines, END, ""].join("\n");
}

/** With no forwarding, and from the peer's own addresses only: a key that was stolen is worth nothing elsewhere. */
function authorizedKey({ identity: { host, names }, addresses }: TrustPeer, key: string): string {
  const from = [...names.filter((name) => isIP(name) !== 0), ...addresses];
  return `restrict,pty,from="${from.join(",")}" ${key} spark-mesh:${host}`;
}

function knownHost({ identity: { host, names, port, hostKey }, addresses }: TrustPeer): string {
  const places = [...names, ...addresses];
  const ported = port === SSH_PORT ? [] : places.map((place) => `[${place}]:${port}`);
  return `${[host, ...places, ...ported].join(",")} ${hostKey}`;
}

/** HostName is for the mesh name alone: whoever says an address means it. */
function stanzas({ identity: { host, names, user, port }, addresses, via }: TrustPeer): readonly string[] {
  return [
    `Host ${host}`,
    `  HostName ${via}`,
    `Host ${[host, ...names, ...addresses].join(" ")}`,
    `  User ${user}`,
    `  Port ${port}`,
    `  HostKeyAlias ${host}`,
    "  IdentityFile ~/.ssh/spark-mesh/id_ed25519",
    "  IdentitiesOnly yes",
    "  StrictHostKeyChecking yes",
    "  UserKnownHostsFile ~/.ssh/known_hosts",
    // Else ssh writes down every other key that the host shows.
    "  UpdateHostKeys no",
    // No ProxyCommand that follows counts then.
    "  ProxyJump none",
  ];
}
