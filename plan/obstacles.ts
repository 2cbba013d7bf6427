import type { Cx7Netdev, NetplanComplaint } from "../facts/hostFacts";
import type { NetworkManagerProfile } from "../facts/networkManager";
import { differencesAbout } from "./difference";
import type { Difference, HostPlan, NetdevPlan, Renderer } from "./plan";
import { type HostLine, type HostView, isReached, type ReachedHost } from "./views";

/**
 * What on a host isn't ours to move, and would have `up` fail half-way, or the next boot undo it: known at preview, so said
 * there, each with what to do.
 */

/** What of a host's plan others can stand in the way of. */
interface Wanted {
  readonly name: string;
  readonly renderer: Renderer;
  readonly netdevs: readonly Pick<NetdevPlan, "netdev">[];
}

/** A connection of NetworkManager's that has, or takes at the next boot, a netdev of the mesh. */
interface Hold {
  readonly profile: NetworkManagerProfile;
  readonly netdev: string;
}

interface Obstacles {
  /** Of hosts that were never changed: there is nothing safe to plan. */
  readonly faults: readonly HostLine[];
  /** Of the others: what they are committed to stands, and `up` changes nothing. */
  readonly blockers: readonly HostLine[];
}

/** @param hosts in the order of the views */
export function obstaclesOf(views: readonly HostView[], hosts: readonly HostPlan[]): Obstacles {
  const faults: HostLine[] = [];
  const blockers: HostLine[] = [];
  for (const [index, view] of views.entries()) {
    const host = hosts[index];
    if (!host || !isReached(view)) continue;
    const lines = [
      ...holdsOf(view, host).map(sayHold),
      ...(view.facts.unwritable ?? []).map(sayUnwritable),
      ...(host.trust?.state === "due" ? sshOwners(view) : []),
      ...cacheOwners(view),
    ].map((line) => ({ host: host.name, line: `${host.name}: ${line}` }));
    (view.facts.record ? blockers : faults).push(...lines);
  }
  return { faults, blockers };
}

/** Connections that came since the last commit. On a first visit they are no drift but a problem. */
export function profileDifferences(view: HostView, wanted: Wanted): readonly Difference[] {
  if (!isReached(view) || !view.facts.record) return [];
  return holdsOf(view, wanted).flatMap(({ profile, netdev }) =>
    differencesAbout(wanted.name, netdev, [
      { property: "NetworkManager connection", found: profile.name, wanted: "netplan's" },
    ]),
  );
}

/** What netplan itself refuses in a file that isn't ours: with it nothing can be applied. */
export function complaintLines({ config: { name: host }, facts }: ReachedHost, ownFile: string): readonly HostLine[] {
  const complaint = facts.netplanComplaint;
  if (!complaint || complaint.file === ownFile) return [];
  return [{ host, line: `${host}: ${sayComplaint(complaint)}` }];
}

function sayComplaint({ file, line, column, reason }: NetplanComplaint): string {
  return `${file}:${line}:${column}: netplan refuses it (${reason}); correct it there, for netplan applies nothing beside it`;
}

/** Where networkd renders, netplan has NetworkManager leave the netdev alone: one that isn't active stays so. */
function holdsOf({ facts }: ReachedHost, { renderer, netdevs }: Wanted): readonly Hold[] {
  return facts.cx7
    .filter(({ name }) => netdevs.some(({ netdev }) => netdev === name))
    .flatMap((netdev) =>
      facts.profiles
        .filter(
          (profile) => profile.active === netdev.name || (renderer === "NetworkManager" && takes(profile, netdev)),
        )
        .map((profile) => ({ profile, netdev: netdev.name })),
    );
}

function takes({ automatic, boundTo }: NetworkManagerProfile, { name, mac }: Cx7Netdev): boolean {
  return automatic && (boundTo === name || boundTo === mac.toLowerCase());
}

function sayHold({ profile: { name, uuid, file, active }, netdev }: Hold): string {
  const how = active === netdev ? "has it now" : "takes it at the next boot";
  const remove = `delete it: sudo nmcli connection delete uuid ${uuid}`;
  if (name === `netplan-${netdev}`) {
    return `${netdev}: found netplan's own connection changed in NetworkManager (${file}), which ${how}; ${remove}`;
  }
  return (
    `${netdev}: found NetworkManager's connection ${JSON.stringify(name)} (${file}), which ${how} and which netplan didn't ` +
    `write; ${remove}, or bind it to another netdev: sudo nmcli connection modify uuid ${uuid} connection.interface-name NETDEV`
  );
}

function sayUnwritable(folder: string): string {
  return `${folder}: found not writable by root, wanted writable; is its file system mounted read-only? sudo mount -o remount,rw it, or look at its disk (dmesg)`;
}

/** A user's name that a person may paste into a command. */
const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9._@-]*$/;

function chown(user: string, path: string): string {
  return PLAIN_NAME.test(user) ? `sudo chown ${user}: ${path.replace(/^~/, `~${user}`)}` : `sudo chown USER: ${path}`;
}

/** sshd takes root's files too, but nothing of the login user's could write our blocks there. */
function sshOwners({ facts: { system, trust } }: ReachedHost): readonly string[] {
  const { user } = system;
  if (!trust) return [`~/.ssh: found no folder that ${user} can read, wanted one; ${chown(user, "~/.ssh")}`];
  return trust.stats
    .filter(({ owner }) => owner !== "" && owner !== user)
    .map(({ path, owner }) => `${path}: found owned by ${owner}, wanted ${user}; ${chown(user, path)}`);
}

/** A container that ran as root may have made them. They matter where a model is still to come. */
function cacheOwners({ facts: { docker, system } }: ReachedHost): readonly string[] {
  const lacking = docker?.models.some(({ id, files, bytes, recorded }) => {
    return !id.startsWith("/") && !(recorded?.files === files && recorded.bytes === bytes);
  });
  if (!docker || !lacking) return [];
  return docker.unwritable.map((folder) => {
    return `${folder}: found not writable by ${system.user}, who fetches models to it; ${chown(system.user, folder)}`;
  });
}
