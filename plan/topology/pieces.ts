import type { PortWire } from "../cabling/wires";
import { byNumber, type HostView } from "../views";

/** A part of a ring: hosts in the order of the cables between them. */
export interface Piece {
  readonly hosts: readonly string[];
  /** From each host to the next; closed, also from the last to the first. */
  readonly wires: readonly PortWire[];
  readonly closed: boolean;
}

/** The pieces that cables between hosts make of a ring, a host without a cable among them. Loops don't count. */
export function piecesOf(hosts: readonly HostView[], wires: readonly PortWire[]): readonly Piece[] {
  const at = new Map<string, PortWire[]>();
  for (const wire of wires.filter(({ ends: [a, b] }) => a.host !== b.host)) {
    for (const { host } of wire.ends) at.set(host, [...(at.get(host) ?? []), wire]);
  }
  const seen = new Set<string>();
  const names = byNumber(hosts).map(({ config }) => config.name);
  // An open piece is walked from an end.
  const starts = [...names.filter((name) => (at.get(name) ?? []).length < 2), ...names];
  return starts.flatMap((start) => (seen.has(start) ? [] : [walk(start, at, seen)]));
}

function walk(start: string, at: ReadonlyMap<string, readonly PortWire[]>, seen: Set<string>): Piece {
  const hosts = [start];
  const wires: PortWire[] = [];
  for (const host of hosts) {
    seen.add(host);
    const wire = at.get(host)?.find((one) => !wires.includes(one));
    if (!wire) break;
    wires.push(wire);
    const next = wire.ends.find((end) => end.host !== host)?.host ?? start;
    if (next === start) return { hosts, wires, closed: true };
    hosts.push(next);
  }
  return { hosts, wires, closed: false };
}

/**
 * For each straight cable of a closed ring, the host that is turned the other way than most: its two plugs are to be
 * swapped.
 */
export function turnedHosts({ hosts, wires, closed }: Piece): ReadonlyMap<PortWire, string> {
  if (!closed) return new Map();
  const ahead = hosts.map((host, index) => wires[index]?.ends.find((end) => end.host === host)?.port);
  const ones = ahead.filter((port) => port === 1).length;
  const usual = ones * 2 === hosts.length ? ahead[0] : ones * 2 > hosts.length ? 1 : 0;
  return new Map(
    wires.flatMap((wire, index): [PortWire, string][] => {
      const sides = [index, (index + 1) % hosts.length];
      const turned = sides.filter((side) => ahead[side] !== usual).map((side) => hosts[side]);
      return turned.length === 1 && turned[0] !== undefined ? [[wire, turned[0]]] : [];
    }),
  );
}
