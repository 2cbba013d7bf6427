import { isIP } from "node:net";
import type { TrustIdentity } from "../../facts/trustFacts";
import type { HostPlan, TrustPeer } from "../plan";

/**
 * The other hosts as one host logs in to them.
 *
 * @param identities of the hosts that may be peers, in the order wanted.
 */
export function planPeers(
  host: Pick<HostPlan, "name" | "netdevs">,
  identities: readonly TrustIdentity[],
): readonly TrustPeer[] {
  const faced = facedAddresses(host);
  return identities
    .filter((identity) => identity.host !== host.name)
    .map((identity): TrustPeer => {
      const near = faced.get(identity.host) ?? [];
      const management = identity.names.find((name) => isIP(name) !== 0);
      return {
        identity,
        via: near[0] ?? management ?? identity.names[0] ?? identity.host,
        logins: [...(management === undefined ? [] : [management]), ...near],
      };
    });
}

/** By peer: its addresses in the subnets of this host, by twin and then by the port here. */
function facedAddresses({ netdevs }: Pick<HostPlan, "netdevs">): ReadonlyMap<string, readonly string[]> {
  const faced = new Map<string, string[]>();
  for (const { peers } of [...netdevs].sort((a, b) => a.twin - b.twin || a.port - b.port)) {
    for (const { host, address } of peers) {
      const addresses = faced.get(host);
      if (addresses) addresses.push(address);
      else faced.set(host, [address]);
    }
  }
  return faced;
}
