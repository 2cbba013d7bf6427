import type { NetdevPlan } from "./plan";
import { type HostLine, type HostView, isReached, type ReachedHost } from "./views";

/** An end of a planned cable on which nothing can pass, and the line that says so. */
interface DeadEnd {
  readonly host: string;
  readonly line: string;
  /** True on a host's first visit, while both ends answer: nothing could be verified there, and nothing ever was. */
  readonly fault: boolean;
}

/**
 * Every planned port that is absent or has no carrier, on the hosts that answer.
 *
 * No command brings a pulled cable back, so on a committed host this is a warning and nothing to repair. A peer whose
 * netdev is down explains a lost carrier: its link is what is repaired.
 *
 * @param netdevsOf the planned netdevs of a host.
 */
export function deadEnds(
  hosts: readonly HostView[],
  netdevsOf: (host: HostView) => readonly NetdevPlan[],
): readonly DeadEnd[] {
  const byName = new Map(hosts.map((host) => [host.config.name, host]));
  return hosts.filter(isReached).flatMap((host) =>
    ([0, 1] as const).flatMap((port): DeadEnd[] => {
      const planned = netdevsOf(host).filter((netdev) => netdev.port === port);
      const silent = planned.flatMap((netdev) => {
        const state = silence(netdev, host, byName.get(netdev.peer.host));
        return state ? [{ netdev, state }] : [];
      });
      const [first] = silent;
      if (!first) return [];
      const peer = byName.get(first.netdev.peer.host);
      return [
        {
          host: host.config.name,
          line: sayDeadEnd(host.config.name, port, silent, planned.length),
          fault: !host.facts.record && peer !== undefined && isReached(peer),
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
  const far = peer && isReached(peer) ? peer.facts.cx7.find(({ name }) => name === planned.peer.netdev) : undefined;
  return far && !far.up ? undefined : "no carrier";
}

function sayDeadEnd(host: string, port: 0 | 1, silent: readonly SilentNetdev[], planned: number): string {
  const names = silent.map(({ netdev, state }) => `${netdev.netdev} ${state}`).join(", ");
  const peers = [...new Set(silent.map(({ netdev }) => netdev.peer.host))].join(", ");
  const what = silent.length < planned ? "one twin of the cable is dead" : "the cable carries nothing";
  return `${host}: port ${port} to ${peers}: ${names}: ${what}; check that it is plugged in at both ends, then reboot ${host} with it in`;
}

/** A dead end as a line of a message. */
export function asLine({ host, line }: DeadEnd): HostLine {
  return { host, line };
}
