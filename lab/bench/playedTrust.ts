/** What scripts/facts.sh says of the login user's ~/.ssh before and after a run of `trust`. */

import type { RawTrust, TrustStat } from "../../facts/trustFacts";
import { TRUST_FILES } from "../../facts/trustFiles";
import type { TrustSpec } from "../../plan/spec/trust";

/** An empty ~/.ssh. */
export const NO_TRUST: RawTrust = {
  stats: [stat("~/.ssh", "700")],
  blocks: { authorized_keys: null, known_hosts: null, config: null },
  publicKey: null,
  privateKey: false,
  rotate: false,
  record: null,
};

/** After `trust` has read this spec. */
export function installedTrust(spec: string): RawTrust {
  const { host, stack, public_key: publicKey, blocks, peers }: TrustSpec = JSON.parse(spec);
  const recorded = peers.map(({ host_key: hostKey, public_key: peerKey, host: name, user, port, names }) => {
    return { host: name, user, port, hostKey, names, publicKey: peerKey };
  });
  return {
    stats: [
      stat("~/.ssh", "700"),
      ...TRUST_FILES.map((file) => stat(`~/.ssh/${file}`, "600")),
      stat("~/.ssh/spark-mesh", "700"),
      stat("~/.ssh/spark-mesh/id_ed25519", "600"),
      stat("~/.ssh/spark-mesh/id_ed25519.pub", "644"),
    ],
    blocks,
    publicKey,
    privateKey: true,
    rotate: false,
    record: JSON.stringify({ version: 1, host, stack, publicKey, peers: recorded }),
  };
}

function stat(path: string, mode: string): TrustStat {
  const type = path.endsWith(".ssh") || path.endsWith("spark-mesh") ? "directory" : "regular file";
  return { path, mode, owner: "nvidia", type, ctime: "1700000000.000000000" };
}
