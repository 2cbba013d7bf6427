import type { PortRef } from "../../config/cluster";
import { type HostLine, type HostView, isReached, portKey } from "../views";
import { groupByPort, type Sighting } from "./sightings";
import {
  endName,
  isPortWire,
  isSwitchWire,
  type PortWire,
  portsOf,
  type SwitchWire,
  type Wire,
  wireName,
} from "./wires";

/**
 * The recorded cables without those whose plugs were moved to other ports of the same hosts: nothing is left where they
 * were, and the same hosts hear each other through a cable of which no record knows, or the same switch is heard there.
 */
export function withoutReplugged(
  recorded: readonly Wire[],
  discovered: readonly Wire[],
  hosts: readonly HostView[],
  heard: readonly Sighting[],
): { readonly wires: readonly Wire[]; readonly warnings: readonly HostLine[] } {
  const groups = groupByPort(heard);
  const isPulled = ({ host, port }: PortRef) =>
    hosts.some(
      (view) =>
        view.config.name === host &&
        isReached(view) &&
        view.facts.cx7.every((netdev) => netdev.port !== port || (netdev.up && !netdev.carrier)),
    );
  const hears = (end: PortRef, other: PortRef) =>
    (groups.get(portKey(end)) ?? []).some(({ peers }) => peers.some((peer) => portKey(peer) === portKey(other)));
  const isFollowed = (was: Wire) => (now: Wire) =>
    (isPortWire(was) &&
      isPortWire(now) &&
      joinsSame(was, now) &&
      hears(...now.ends) &&
      hears(now.ends[1], now.ends[0])) ||
    (isSwitchWire(was) && isSwitchWire(now) && isSamePlace(was, now));
  const moves = recorded
    .filter((was) => portsOf(was).every(isPulled))
    .flatMap((was) => discovered.filter(isFollowed(was)).map((now) => ({ was, now })));
  return {
    wires: recorded.filter((wire) => moves.every(({ was }) => was !== wire)),
    warnings: moves.map(({ was, now }) => sayReplugged(was, now)),
  };
}

function joinsSame({ ends }: PortWire, now: PortWire): boolean {
  return ends.every(({ host }) => now.ends.some((end) => end.host === host));
}

function isSamePlace({ ends: [was, at] }: SwitchWire, { ends: [now, there] }: SwitchWire): boolean {
  return was.host === now.host && at.switch === there.switch;
}

function sayReplugged(was: Wire, { ends }: Wire): HostLine {
  const [{ host, port }, far] = ends;
  const seen = "host" in far ? " (seen from both ends)" : "";
  return {
    host,
    line: `${host}: port ${port} is cabled to ${endName(far)} now${seen}, and nothing is left of the recorded cable ${wireName(was.ends)}; the cable ${wireName(ends)} is planned instead`,
  };
}
