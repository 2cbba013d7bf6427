import { isIP } from "node:net";
import type { Login } from "../../facts/hostFacts";
import { identityFault, type TrustFacts, type TrustIdentity } from "../../facts/trustFacts";
import type { HostPlan } from "../plan";
import { byNumber, type HostLine, type HostView, isReached, type ReachedHost } from "../views";
import { rememberedIdentities } from "./remembered";

interface Identities {
  /** By number; none of a host that can't be asked and that no record knows. */
  readonly identities: readonly TrustIdentity[];
  readonly faults: readonly HostLine[];
  /** Of hosts that can't be asked and of which the others' records say different things. */
  readonly disputes: readonly HostLine[];
}

/** Addresses that mean another machine, or none, elsewhere. */
const NOWHERE_ELSE = /^(127\.|169\.254\.|::1$|fe80:)/i;

/** Every host as the others log in to it: as it is now, else as a record of another host knows it. */
export function planIdentities(
  views: readonly HostView[],
  hosts: readonly Pick<HostPlan, "name" | "managementInterface">[],
  logins: ReadonlyMap<string, Login>,
): Identities {
  const { identities: remembered, disputes } = rememberedIdentities(views, logins);
  const names = new Map(
    views.map((view, index): [string, readonly string[]] => {
      const host = view.config.name;
      if (!isReached(view)) return [host, remembered.get(host)?.names ?? []];
      return [host, namesOf(view, hosts[index]?.managementInterface, logins.get(host))];
    }),
  );
  const taken = sharedNames(names);
  const identities: TrustIdentity[] = [];
  const faults: HostLine[] = [];
  for (const view of byNumber(views)) {
    const host = view.config.name;
    const login = logins.get(host);
    if (!isReached(view)) {
      const identity = remembered.get(host);
      if (identity) identities.push(identity);
    } else if (!login) {
      faults.push({ host, line: `${host}: no login is known; SSH trust needs the one that its facts came by` });
    } else {
      const identity: TrustIdentity = {
        host,
        user: login.user,
        port: login.port,
        hostKey: login.hostKey,
        names: (names.get(host) ?? []).filter((name) => !taken.has(name)),
        ...(!isKeyDue(view.facts.trust) && { publicKey: view.facts.trust?.publicKey }),
      };
      identities.push(identity);
      const fault = identityFault(identity);
      if (fault) {
        const line = `${host}: ${fault.key}: found ${fault.found}; SSH trust has no way to write that in ~/.ssh; log in otherwise, or set spark-mesh:trust to false`;
        faults.push({ host, line });
      }
    }
  }
  return { identities, faults, disputes };
}

/** Whether a key pair is to be made: there is none, it isn't the one that we made, or its owner wants another. */
export function isKeyDue(trust: TrustFacts | undefined): boolean {
  if (!trust || trust.rotate || !trust.privateKey || trust.publicKey === undefined) return true;
  return typeof trust.record === "object" && trust.record.publicKey !== trust.publicKey;
}

/** The name in the config, the management netdev's addresses in the kernel's order, and the one that we log in at. */
function namesOf(
  { config: { name: host, address }, facts }: ReachedHost,
  managementInterface: string | undefined,
  login: Login | undefined,
): readonly string[] {
  const netdev = [...facts.otherNetdevs, ...facts.cx7].find(({ name }) => name === managementInterface);
  const live = (netdev?.addresses ?? []).filter(({ family, linkLocal }) => family === 4 && !linkLocal);
  const places = [...live.map((one) => one.address), ...(login && isIP(login.address) !== 0 ? [login.address] : [])];
  const found = [...(isIP(address) === 0 ? [address] : []), ...places.filter((place) => !NOWHERE_ELSE.test(place))];
  return [...new Set(found)].filter((name) => name !== host);
}

/** What would mean two hosts: several ports of one address, behind a port forwarding, or another host's name. */
function sharedNames(names: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const seen = new Set(names.keys());
  return new Set([...names.values()].flat().filter((name) => seen.has(name) || !seen.add(name)));
}
