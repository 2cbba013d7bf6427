import { MarkedAnswers, markLine } from "../../facts/marked";
import { factsScript } from "../../facts/script";
import type { Lab, LabHost } from "../../lab/hosts/lab";
import type { TrustSpec } from "../../plan/spec/trust";
import { inside } from "../inside";
import { must, ringDocument, type Wish } from "./operations";
import { mustRun } from "./program";

export const home = "/home/nvidia";
/** A key that no host has, for peers that are only told of. */
export const strangersKey = `ssh-ed25519 ${Buffer.alloc(51, 7).toString("base64")}`;
const cx7Octets = [177, 178];

/** The document of a host in a pair: the ring's, less the port that has no cable. */
export function pairDocument(lab: Lab, host: LabHost, wish: Wish = {}): string {
  const unused = host.number === 1 ? "f1np1" : "f0np0";
  const lines = ringDocument(lab, host, wish).split("\n");
  return lines.filter((line) => !new RegExp(`^(netdev|link) \\S+${unused} `).test(line)).join("\n");
}

/** All addresses of a host of the pair, management first. */
export function addressesOf(host: LabHost): string[] {
  return [host.address, ...cx7Octets.map((octet) => `192.168.${octet}.${10 + host.number}`)];
}

const STACK = "organization/spark-mesh/home";

const block = (lines: readonly string[]) =>
  ["# BEGIN spark-mesh: written by pulumi up, changes are undone", ...lines, "# END spark-mesh", ""].join("\n");

/** The blocks that let a host's user in to its peers, and those in to it. */
export function blocksOf(lab: Lab, host: LabHost, keys: ReadonlyMap<string, string>): TrustSpec["blocks"] {
  const peers = lab.hosts.filter(({ name }) => name !== host.name);
  return {
    authorized_keys: block(
      peers.map((peer) => `restrict,pty,from="${addressesOf(peer)}" ${keys.get(peer.name)} spark-mesh:${peer.name}`),
    ),
    known_hosts: block(peers.map((peer) => `${peer.name},${addressesOf(peer)} ${peer.hostKey}`)),
    config: block([
      ...peers.flatMap((peer) => [
        `Host ${peer.name}`,
        `  HostName ${addressesOf(peer)[1]}`,
        `Host ${[peer.name, ...addressesOf(peer)].join(" ")}`,
        `  User ${peer.user}`,
        `  HostKeyAlias ${peer.name}`,
        "  IdentityFile ~/.ssh/spark-mesh/id_ed25519",
        "  IdentitiesOnly yes",
        "  StrictHostKeyChecking yes",
        "  UserKnownHostsFile ~/.ssh/known_hosts",
      ]),
      "Match all",
    ]),
  };
}

/** What `key` and `distrust` read. */
export const headOf = (host: LabHost, stack = STACK) => JSON.stringify({ host: host.name, stack });

/** What `trust` reads on a host. */
export function trustSpec(
  lab: Lab,
  host: LabHost,
  keys: ReadonlyMap<string, string>,
  { stack = STACK, blocks = blocksOf(lab, host, keys) }: Partial<Pick<TrustSpec, "stack" | "blocks">> = {},
): string {
  const peers = lab.hosts.map((peer) => ({
    host: peer.name,
    user: peer.user,
    port: 22,
    host_key: peer.hostKey,
    names: addressesOf(peer).slice(0, 1),
    public_key: keys.get(peer.name) ?? "",
  }));
  const spec: TrustSpec = { host: host.name, stack, public_key: keys.get(host.name) ?? "", blocks, peers };
  return JSON.stringify(spec);
}

/** Has key pairs made, and returns the public keys by host. */
export async function makeKeys(lab: Lab, hosts: readonly LabHost[] = lab.hosts): Promise<Map<string, string>> {
  const keys = await Promise.all(
    hosts.map(async (host): Promise<[string, string]> => {
      const { publicKey } = await mustRun(lab, host, "key", headOf(host));
      return [host.name, String(publicKey)];
    }),
  );
  return new Map(keys);
}

/** Makes a host's key pair, which goes into `keys`, and its blocks, without a word. */
export async function trustHost(lab: Lab, host: LabHost, keys: Map<string, string>): Promise<void> {
  for (const [name, key] of await makeKeys(lab, [host])) keys.set(name, key);
  await mustRun(lab, host, "trust", trustSpec(lab, host, keys));
}

/** What facts tell of the login user's ~/.ssh. */
export async function factsOf(lab: Lab, host: LabHost) {
  const stdin = `${markLine("facts")}${factsScript}\nfirst_pass\nend\n`;
  const { stdout } = await lab.exec(host.name, "runuser -u nvidia -- bash -s", { stdin });
  const [answer = ""] = new MarkedAnswers("facts").take(Buffer.from(stdout));
  return JSON.parse(answer).trust;
}

/**
 * Lets the lab's clients in by a key outside the home, so that a test may do with ~/.ssh as it likes, and takes that
 * away.
 */
export async function emptyHomes(lab: Lab): Promise<void> {
  await Promise.all(
    lab.hosts.map(({ name }) =>
      inside(
        lab,
        name,
        `mkdir -p /etc/ssh/keys && cp ${home}/.ssh/authorized_keys /etc/ssh/keys/nvidia && chmod 0644 /etc/ssh/keys/nvidia
         echo 'AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/keys/%u' >/etc/ssh/sshd_config.d/keys.conf
         systemctl reload ssh && rm -rf ${home}/.ssh`,
      ),
    ),
  );
}

/** Runs a shell command on a host as its login user. */
export function asUser(lab: Lab, host: string, command: string): Promise<string> {
  return inside(lab, host, `setpriv --reuid=nvidia --regid=nvidia --init-groups --reset-env bash -c '${command}'`);
}

/** All that there is of ~/.ssh on a host: names, types, modes, owners, links, contents. */
export function sshFolder(lab: Lab, host: string): Promise<string> {
  return inside(
    lab,
    host,
    `cd ${home} && find . -path './.ssh*' -printf '%P %y %m %u:%g %l\\n' | sort && find . -path './.ssh*' -type f -exec sha256sum {} + | sort`,
  );
}

/** When and as which inodes the files of ~/.ssh were last changed. */
export function changes(lab: Lab, host: string): Promise<string> {
  return inside(lab, host, `find ${home}/.ssh -printf '%p %i %T@ %C@\\n' | sort`);
}

/** Makes the network of a pair and commits it. */
export async function settlePair(lab: Lab): Promise<void> {
  await Promise.all(
    lab.hosts.map(async (host) => {
      const id = await must(lab, host, "stage", pairDocument(lab, host));
      await must(lab, host, "commit", pairDocument(lab, host), id);
    }),
  );
}
