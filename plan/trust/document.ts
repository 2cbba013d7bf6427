import { Faults } from "../../config/faults";
import { TRUST_FILES } from "../../facts/trustFiles";
import { base64, documentText, type Owner, valueCheck } from "../document";
import type { HostPlan, HostTrust } from "../plan";
import { keysOf, type PeerTexts, renderPeers, renderTrust } from "./blocks";

/** What the documents of all hosts say alike. */
export interface CommonTrust {
  /** Public keys by host. */
  readonly keys: ReadonlyMap<string, string>;
  readonly texts: ReadonlyMap<string, PeerTexts>;
  /** What every host's record holds of all hosts, in base64. */
  readonly peers: string;
}

/**
 * The trust of all hosts once every host has a key.
 *
 * @param made by host, the keys that the stages told; what the hosts told themselves goes first.
 * @throws Faults where a key is missing, or is none.
 */
export function commonTrust(hosts: readonly HostPlan[], made: ReadonlyMap<string, string>): CommonTrust {
  const identities = hosts.find(({ trust }) => trust)?.trust?.identities ?? [];
  const keys = new Map([...made, ...keysOf(identities)]);
  const faults: string[] = [];
  const keyed = identities.map((identity) => {
    const { host } = identity;
    return { ...identity, publicKey: valueCheck(host, faults)("publicKey", "public key", keys.get(host) ?? "none") };
  });
  if (faults.length > 0) throw new Faults("SSH trust", faults);
  return { keys, texts: renderPeers(identities, hosts, keys), peers: base64(JSON.stringify(keyed)) };
}

/**
 * What `trust` and `distrust` read on one host: a line for each fact, `key value...`. "" for a host that can't be asked
 * and whose key nobody knows: nothing is sent to it.
 *
 * @throws Faults where a value would break out of its line.
 */
export function trustDocument(host: string, trust: HostTrust, common: CommonTrust, owner: Owner): string {
  const key = common.keys.get(host);
  if (key === undefined) return "";
  const blocks = trust.blocks ?? renderTrust(trust.peers, common.texts);
  return documentText(host, `the SSH trust of ${host}`, owner, (check) => [
    `key ${check("publicKey", "public key", key)}`,
    ...TRUST_FILES.map((file) => `block ${file} ${base64(blocks[file])}`),
    `peers ${common.peers}`,
  ]);
}
