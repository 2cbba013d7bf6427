import { isIP } from "node:net";
import { bareAddress } from "../../config/subnets";
import type { TrustIdentity } from "../../facts/trustFacts";
import type { HostPlan, TrustPeer } from "../plan";

/** What of a host's plan says where it is reached. */
type Placed = Pick<HostPlan, "name" | "netdevs">;

/**
 * The other hosts as one host logs in to them.
 *
 * @param identities of the hosts that may be peers, in the order wanted.
 * @param hosts by name.
 */
export function planPeers(
  host: Placed,
  identities: readonly TrustIdentity[],
  hosts: ReadonlyMap<string, Placed>,
): readonly TrustPeer[] {
  const faced = facedAddresses(host);
  return identities
    .filter((identity) => identity.host !== host.name)
    .map((identity): TrustPeer => {
      const near = faced.get(identity.host) ?? [];
      const management = identity.names.find((name) => isIP(name) !== 0);
      return {
        identity,
        addresses: (hosts.get(identity.host)?.netdevs ?? []).map(({ address }) => bareAddress(address)),
        via: near[0] ?? management ?? identity.names[0] ?? identity.host,
        logins: [...(management === undefined ? [] : [management]), ...near],
      };
    });
}

/** By peer: its addresses in the subnets of this host, by twin and then by the port here. */
function facedAddresses({ netdevs }: Placed): ReadonlyMap<string, readonly string[]> {
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
