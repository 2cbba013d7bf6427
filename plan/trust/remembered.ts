import { isIP } from "node:net";
import type { Login } from "../../facts/hostFacts";
import type { TrustIdentity } from "../../facts/trustFacts";
import { byNumber, type HostLine, type HostView, isReached } from "../views";

/** What the reachable hosts' records know of the others. */
interface Remembered {
  /** By host, of those that can't be asked. */
  readonly identities: ReadonlyMap<string, TrustIdentity>;
  /** A line for each on which the records don't agree, unless it is abandoned. */
  readonly disputes: readonly HostLine[];
}

/**
 * Hosts that can't be asked, as the others log in to them. How we log in ourselves, by the config and the pinned host key,
 * goes before what a record says; the rest only counts where all records of reachable hosts say the same, for the record
 * is the login user's.
 *
 * @param logins how each host is reached from the control machine, by name.
 */
export function rememberedIdentities(views: readonly HostView[], logins: ReadonlyMap<string, Login>): Remembered {
  const records = byNumber(views).flatMap((view) => {
    const record = isReached(view) ? view.facts.trust?.record : undefined;
    return typeof record === "object" ? [{ host: view.config.name, peers: record.peers }] : [];
  });
  const identities = new Map<string, TrustIdentity>();
  const disputes: HostLine[] = [];
  for (const { kind, config } of views.filter((view) => !isReached(view))) {
    const host = config.name;
    const claims = records.map((record) => ({ by: record.host, peer: record.peers.find((one) => one.host === host) }));
    const first = claims.find(({ peer }) => peer !== undefined);
    if (!first?.peer) continue;
    const login = logins.get(host);
    const known = login ? pinned(first.peer, login) : first.peer;
    const told = JSON.stringify(known);
    const other = claims.find(({ peer }) => !peer || JSON.stringify(login ? pinned(peer, login) : peer) !== told);
    identities.set(host, other ? { ...withoutKey(known), names: login ? ownNames(config.address, login) : [] } : known);
    if (other && kind !== "abandoned") {
      const line = `${host}: can't be asked, and ~/.ssh/spark-mesh/record.json of ${first.by} and of ${other.by} say different things of its key and names; bring it up, which settles it, or look who changed them`;
      disputes.push({ host, line });
    }
  }
  return { identities, disputes };
}

function pinned(peer: TrustIdentity, { user, port, hostKey }: Login): TrustIdentity {
  return { ...peer, user, port, hostKey };
}

function withoutKey({ publicKey: _, ...identity }: TrustIdentity): TrustIdentity {
  return identity;
}

/** Those that we know without any record. */
function ownNames(address: string, login: Login): readonly string[] & string[] {
  return [
    ...new Set([...(isIP(address) === 0 ? [address] : []), ...(isIP(login.address) === 0 ? [] : [login.address])]),
  ];
}
