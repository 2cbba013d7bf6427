import type { Login } from "../facts/hostFacts";
import type { NetdevPlan } from "./plan";
import { type HostLine, type HostView, isReached, type ReachedHost } from "./views";

/**
 * Hosts whose records say that they are another host of the config: addresses that were exchanged would have every host
 * re-addressed, and its deployments moved.
 */
export function exchangedHosts(hosts: readonly HostView[]): readonly HostLine[] {
  const names = new Set(hosts.map(({ config }) => config.name));
  return hosts.filter(isReached).flatMap(({ config: { name, address }, facts: { record } }): HostLine[] => {
    if (!record || record.host === name || !names.has(record.host)) return [];
    const line = `${name}: ${address} was committed as ${record.host}, which is another host of spark-mesh:hosts; correct the addresses, or if the names are to change, give one of the two a name that no host has first`;
    return [{ host: name, line }];
  });
}

/**
 * Hosts that can't be told apart by what makes a machine itself: a disk that was cloned has its machine id and its SSH
 * host key on both machines.
 *
 * @param logins by the host's name.
 */
export function clonedHosts(hosts: readonly HostView[], logins: ReadonlyMap<string, Login>): readonly HostLine[] {
  const reached = hosts.filter(isReached);
  const keys = (host: ReachedHost) => logins.get(host.config.name)?.hostKey;
  return [
    ...equal(
      reached,
      keys,
      "SSH host key",
      "whoever has one of them can pose as the other; make new ones: rm /etc/ssh/ssh_host_*, ssh-keygen -A, then `npx spark-mesh trust`",
    ),
    ...equal(
      reached,
      ({ facts }) => facts.machineId,
      "machine id",
      "DHCP may give both one address; make a new one: rm /etc/machine-id, systemd-machine-id-setup, reboot",
    ),
  ];
}

function equal(
  hosts: readonly ReachedHost[],
  markOf: (host: ReachedHost) => string | undefined,
  what: string,
  remedy: string,
): readonly HostLine[] {
  const firsts = new Map<string, string>();
  return hosts.flatMap((view): HostLine[] => {
    const value = markOf(view);
    const host = view.config.name;
    const first = value === undefined ? undefined : firsts.get(value);
    if (value === undefined || first !== undefined) {
      return first === undefined
        ? []
        : [{ host, line: `${host}: has the ${what} of ${first}: a cloned disk? ${remedy}` }];
    }
    firsts.set(value, host);
    return [];
  });
}

/** A host that is reached over an address that `up` would take from under its own session, and the next one's. */
export function cutOffFaults({ config, facts }: ReachedHost, netdevs: readonly NetdevPlan[]): readonly HostLine[] {
  const { name: host, address } = config;
  const { sessionAddress: own, cx7, managementInterface, otherNetdevs } = facts;
  const live = cx7.find(({ addresses }) => addresses.some((one) => one.address === own));
  const planned = netdevs.find(({ netdev }) => netdev === live?.name);
  if (own === undefined || !planned || planned.address.startsWith(`${own}/`)) return [];
  const management = otherNetdevs
    .find(({ name }) => name === managementInterface)
    ?.addresses.find(({ family, linkLocal }) => family === 4 && !linkLocal)?.address;
  const remedy = management === undefined ? "its management address" : `${management} (${managementInterface})`;
  const line = `${host}: ${address} leads to ${own} on ${planned.netdev}, which \`up\` gives ${planned.address}: it would cut itself off; address it by ${remedy} in spark-mesh:hosts`;
  return [{ host, line }];
}
