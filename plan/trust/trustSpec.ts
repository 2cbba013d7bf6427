import { Faults } from "../../config/faults";
import type { HostPlan, HostTrust } from "../plan";
import type { TrustSpec } from "../spec/trust";
import { keysOf, type PeerTexts, renderPeers, renderTrust } from "./blocks";

/** What the specs of all hosts say alike. */
export interface CommonTrust {
  /** Public keys by host. */
  readonly keys: ReadonlyMap<string, string>;
  readonly texts: ReadonlyMap<string, PeerTexts>;
  /** What every host's record holds of all hosts. */
  readonly peers: TrustSpec["peers"];
}

const PUBLIC_KEY = /^ssh-ed25519 [A-Za-z0-9+/]+=*$/;

/**
 * The trust of all hosts once every host has a key.
 *
 * @param made by host, the keys that the hosts answered with; what they told themselves goes first.
 * @throws Faults where a key is missing, or is none.
 */
export function commonTrust(hosts: readonly HostPlan[], made: ReadonlyMap<string, string>): CommonTrust {
  const identities = hosts.find(({ trust }) => trust)?.trust?.identities ?? [];
  const keys = new Map([...made, ...keysOf(identities)]);
  const faults: string[] = [];
  const peers = identities.map(({ host, user, port, hostKey, names }) => {
    const key = keys.get(host) ?? "none";
    if (!PUBLIC_KEY.test(key)) {
      const allowed = "an ed25519 public key without a comment";
      faults.push(`${host}: public key: found ${JSON.stringify(key)}; allowed: ${allowed}`);
    }
    return { host, user, port, host_key: hostKey, names: [...names], public_key: key };
  });
  if (faults.length > 0) throw new Faults("SSH trust", faults);
  return { keys, texts: renderPeers(identities, hosts, keys), peers };
}

/**
 * What `trust` reads on one host, one line. "" for a host that can't be asked and whose key nobody knows: nothing is sent to
 * it.
 */
export function renderTrustSpec(host: string, trust: HostTrust, common: CommonTrust, stack: string): string {
  const key = common.keys.get(host);
  if (key === undefined) return "";
  const blocks = trust.blocks ?? renderTrust(trust.peers, common.texts);
  const spec: TrustSpec = { host, stack, public_key: key, blocks, peers: common.peers };
  return JSON.stringify(spec);
}
