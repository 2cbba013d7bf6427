import { MarkedAnswers, markLine } from "../../facts/marked";
import { factsScript } from "../../facts/script";
import type { Lab, LabHost } from "../../lab/hosts/lab";
import { inside } from "../inside";
import { must, operate, ringDocument, type Wish } from "./operations";

export const home = "/home/nvidia";
/** A key that no host has, for peers that are only told of. */
export const strangersKey = `ssh-ed25519 ${Buffer.alloc(51, 7).toString("base64")}`;
const base64 = (value: string) => Buffer.from(value).toString("base64");
const cx7Octets = [177, 178];

/** The document of a host in a pair: the ring's, less the port that has no cable, with a key pair for the login user. */
export function pairDocument(lab: Lab, host: LabHost, wish: Wish = {}): string {
  const unused = host.number === 1 ? "f1np1" : "f0np0";
  const lines = ringDocument(lab, host, { ...wish, extra: ["key", ...(wish.extra ?? [])] }).split("\n");
  return lines.filter((line) => !new RegExp(`^(netdev|link) \\S+${unused} `).test(line)).join("\n");
}

/** All addresses of a host of the pair, management first. */
export function addressesOf(host: LabHost): string[] {
  return [host.address, ...cx7Octets.map((octet) => `192.168.${octet}.${10 + host.number}`)];
}

export interface Blocks {
  readonly authorized_keys: string;
  readonly known_hosts: string;
  readonly config: string;
}

const block = (lines: readonly string[]) =>
  ["# BEGIN spark-mesh: written by pulumi up, changes are undone", ...lines, "# END spark-mesh", ""].join("\n");

/** The blocks that let a host's user in to its peers, and those in to it. */
export function blocksOf(lab: Lab, host: LabHost, keys: ReadonlyMap<string, string>): Blocks {
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

/** The trust document of a host. */
export function trustDocument(
  lab: Lab,
  host: LabHost,
  keys: ReadonlyMap<string, string>,
  stack = "organization/spark-mesh/home",
): string {
  const blocks = blocksOf(lab, host, keys);
  return [
    "spark-mesh 1",
    `host ${host.name}`,
    `stack ${stack}`,
    "operator me@laptop file",
    `key ${keys.get(host.name)}`,
    ...Object.entries(blocks).map(([name, text]) => `block ${name} ${base64(text)}`),
    `peers ${base64(JSON.stringify(lab.hosts.map(({ name, hostKey }) => ({ host: name, hostKey }))))}`,
    "",
  ].join("\n");
}

/** The public key in what a stage printed behind its transaction. */
export function keyIn(stdout: string): string {
  const key = /^\d{8}T\d{6}-[0-9a-f]{8} (ssh-ed25519 [A-Za-z0-9+/]+=*)$/.exec(stdout)?.[1];
  if (key === undefined) throw new Error(`found ${JSON.stringify(stdout)}, wanted a transaction and a public key`);
  return key;
}

/** Stages hosts whose network is settled, which makes their key pairs, and returns the public keys by host. */
export async function makeKeys(lab: Lab, hosts: readonly LabHost[] = lab.hosts): Promise<Map<string, string>> {
  const keys = await Promise.all(
    hosts.map(async (host) => [host.name, keyIn(await must(lab, host, "stage", pairDocument(lab, host)))] as const),
  );
  return new Map(keys);
}

/** Makes a host's key pair, which goes into `keys`, and its blocks, without a word. */
export async function trustHost(lab: Lab, host: LabHost, keys: Map<string, string>): Promise<void> {
  for (const [name, key] of await makeKeys(lab, [host])) keys.set(name, key);
  const { code, stderr } = await operate(lab, host, "trust", trustDocument(lab, host, keys));
  if (code !== 0 || stderr !== "") throw new Error(`${host.name}: trust: exit status ${code}: ${stderr}`);
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

/** Makes the network of a pair and commits it, so that a later stage has only the key pair to make. */
export async function settlePair(lab: Lab): Promise<void> {
  await Promise.all(
    lab.hosts.map(async (host) => {
      const [id] = (await must(lab, host, "stage", pairDocument(lab, host))).split(" ");
      await must(lab, host, "commit", pairDocument(lab, host), id);
    }),
  );
}
