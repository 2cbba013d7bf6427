import type { CableEnd, PortRef } from "../../config/cluster";
import type { CablePlan, NetdevPlan } from "../plan";
import { type HostLine, type HostView, isReached, portKey, type ReachedHost } from "../views";
import { type Sighting, sightings } from "./sightings";
import { farEnds } from "./wires";

/** An end of a planned cable on which nothing can pass, and the line that says so. */
export interface DeadEnd {
  readonly host: string;
  readonly line: string;
  /** True on a host's first visit, while both ends answer, as far as they are hosts: nothing could be verified there, and nothing ever was. */
  readonly fault: boolean;
}

/**
 * Every planned port that is absent or has no carrier, on the hosts that answer.
 *
 * No command brings a pulled cable back, so on a committed host this is a warning and nothing to repair. A peer whose
 * netdev is down explains a lost carrier, unless a switch is between: its link is what is repaired.
 *
 * @param netdevsOf the planned netdevs of a host.
 */
export function deadEnds(
  hosts: readonly HostView[],
  cables: readonly CablePlan[],
  netdevsOf: (host: HostView) => readonly NetdevPlan[],
): readonly DeadEnd[] {
  const byName = new Map(hosts.map((host) => [host.config.name, host]));
  const far = farEnds(cables);
  const reached = hosts.filter(isReached);
  const heard = sightings(reached);
  return reached.flatMap((host) =>
    ([0, 1] as const).flatMap((port): DeadEnd[] => {
      const name = host.config.name;
      const end = far.get(portKey({ host: name, port }));
      if (!end) return [];
      const peer = "host" in end ? byName.get(end.host) : undefined;
      const planned = netdevsOf(host).filter((netdev) => netdev.port === port);
      const silent = planned.flatMap((netdev) => {
        const state = silence(netdev, host, peer);
        return state ? [{ netdev, state }] : [];
      });
      if (silent.length === 0) return [];
      const asked = "switch" in end || (peer !== undefined && isReached(peer));
      const other = { host: name, port: port === 0 ? 1 : 0 } as const;
      const open = far.has(portKey(other)) ? [] : heard.filter((at) => isLiveAt(at, other));
      return [
        {
          host: name,
          line: sayDeadEnd({ host: name, port }, end, silent, planned.length, open),
          fault: !host.facts.record && asked,
        },
      ];
    }),
  );
}

type Silence = "absent" | "no carrier";

interface SilentNetdev {
  readonly netdev: NetdevPlan;
  readonly state: Silence;
}

function silence(planned: NetdevPlan, { facts }: ReachedHost, peer: HostView | undefined): Silence | undefined {
  if (peer?.kind === "abandoned") return undefined;
  const live = facts.cx7.find(({ name }) => name === planned.netdev);
  if (!live) return "absent";
  if (!live.up || live.carrier) return undefined;
  const [faced] = planned.peers;
  const far = peer && isReached(peer) ? peer.facts.cx7.find(({ name }) => name === faced?.netdev) : undefined;
  return far && !far.up ? undefined : "no carrier";
}

function isLiveAt({ host, netdev }: Sighting, at: PortRef): boolean {
  return host === at.host && netdev.port === at.port && netdev.carrier;
}

/** @param open the live netdevs of the host's other port, where no cable is planned: the plug may be there. */
function sayDeadEnd(
  { host, port }: PortRef,
  far: CableEnd,
  silent: readonly SilentNetdev[],
  planned: number,
  open: readonly Sighting[],
): string {
  const names = silent.map(({ netdev, state }) => `${netdev.netdev} ${state}`).join(", ");
  const to = "host" in far ? far.host : far.switch;
  const [at] = open;
  if (at && silent.length === planned) {
    const seen = [...new Set(open.flatMap(({ peers, strangers }) => [...peers.map(portKey), ...strangers]))].join(", ");
    const there = `port ${at.netdev.port}, where no cable is planned, has carrier${seen && ` and sees ${seen}`}`;
    return `${host}: port ${port} to ${to}: ${names}: the cable carries nothing; ${there}; move the plug back, or declare spark-mesh:cables as they are now`;
  }
  const what = silent.length < planned ? "one rail of the cable is dead" : "the cable carries nothing";
  return `${host}: port ${port} to ${to}: ${names}: ${what}; check that it is plugged in at both ends, then reboot ${host} with it in`;
}

/** A dead end as a line of a message. */
export function asLine({ host, line }: DeadEnd): HostLine {
  return { host, line };
}
