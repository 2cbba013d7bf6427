import { isIP } from "node:net";
import { bareAddress } from "../../config/bareAddress";
import type { TrustIdentity } from "../../facts/trustFacts";
import type { HostPlan, TrustBlocks, TrustPeer } from "../plan";

const BEGIN = "# BEGIN spark-mesh: written by pulumi up, changes are undone";
const END = "# END spark-mesh";

/** OpenSSH's own standard port, which known_hosts doesn't say. */
const SSH_PORT = 22;

/** What is said of one host on every other: nothing of it hangs on who reads it. */
export interface PeerTexts {
  /** Its line in authorized_keys; undefined while it has no key. */
  readonly authorizedKey?: string;
  /** Its line in known_hosts. */
  readonly knownHost: string;
  /** The lines of its stanza in config. */
  readonly stanza: string;
}

/** Public keys by host, of those that have one. */
export function keysOf(identities: readonly TrustIdentity[]): ReadonlyMap<string, string> {
  return new Map(
    identities.flatMap(({ host, publicKey }): [string, string][] =>
      publicKey === undefined ? [] : [[host, publicKey]],
    ),
  );
}

/**
 * The texts about every host, by its name.
 *
 * @param keys public keys by host; a host without one can be gone to, and gets in nowhere.
 */
export function renderPeers(
  identities: readonly TrustIdentity[],
  hosts: readonly Pick<HostPlan, "name" | "netdevs">[],
  keys: ReadonlyMap<string, string>,
): ReadonlyMap<string, PeerTexts> {
  const netdevs = new Map(hosts.map((host) => [host.name, host.netdevs]));
  return new Map(
    identities.map((identity): [string, PeerTexts] => {
      const { host, names } = identity;
      const addresses = (netdevs.get(host) ?? []).map(({ address }) => bareAddress(address));
      const places = [...names, ...addresses];
      const key = keys.get(host);
      return [
        host,
        {
          ...(key !== undefined && { authorizedKey: authorizedKey(host, places, key) }),
          knownHost: knownHost(identity, places),
          stanza: stanza(identity, places),
        },
      ];
    }),
  );
}

/**
 * Our blocks in one host's files.
 *
 * @param peers the other hosts, in the order of their lines.
 * @param texts as `renderPeers` gives them, of all of these.
 */
export function renderTrust(peers: readonly TrustPeer[], texts: ReadonlyMap<string, PeerTexts>): TrustBlocks {
  const said = peers.flatMap(({ identity: { host }, via }) => {
    const text = texts.get(host);
    return text ? [{ host, via, ...text }] : [];
  });
  return {
    authorized_keys: block(said.flatMap(({ authorizedKey: line }) => line ?? [])),
    known_hosts: block(said.map(({ knownHost: line }) => line)),
    // HostName is for the mesh name alone: whoever says an address means it. What follows the block is the user's own, and
    // of no host's stanza.
    config: block([...said.map((one) => `Host ${one.host}\n  HostName ${one.via}\n${one.stanza}`), "Match all"]),
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

/** With no forwarding, and from the host's own addresses only: a key that was stolen is worth nothing elsewhere. */
function authorizedKey(host: string, places: readonly string[], key: string): string {
  return `restrict,pty,from="${places.filter((place) => isIP(place) !== 0).join(",")}" ${key} spark-mesh:${host}`;
}

function knownHost({ host, port, hostKey }: TrustIdentity, places: readonly string[]): string {
  const ported = port === SSH_PORT ? [] : places.map((place) => `[${place}]:${port}`);
  return `${[host, ...places, ...ported].join(",")} ${hostKey}`;
}

function stanza({ host, user, port }: TrustIdentity, places: readonly string[]): string {
  return [
    `Host ${[host, ...places].join(" ")}`,
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
  ].join("\n");
}
