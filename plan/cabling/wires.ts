import type { CableConfig, CableEnd, PortRef, SwitchRef } from "../../config/cluster";
import type { CableEvidence } from "../plan";
import { portKey } from "../views";

/** One cable before its addresses are planned, with those that were declared. A switch is the second end. */
export interface Wire extends Pick<CableConfig, "subnets" | "addresses"> {
  readonly ends: readonly [PortRef, CableEnd];
  readonly evidence: CableEvidence;
}

/** A cable from port to port. */
export interface PortWire extends Wire {
  readonly ends: readonly [PortRef, PortRef];
}

/** A cable from a port to a switch. */
export interface SwitchWire extends Wire {
  readonly ends: readonly [PortRef, SwitchRef];
}

export function isPortWire(wire: Wire): wire is PortWire {
  return !("switch" in wire.ends[1]);
}

export function isSwitchWire(wire: Wire): wire is SwitchWire {
  return "switch" in wire.ends[1];
}

/** The ends of a cable that are hosts' ports. */
export function portsOf({ ends }: Pick<Wire, "ends">): readonly PortRef[] {
  return ends.flatMap((end) => ("switch" in end ? [] : [end]));
}

/** The far end of every cabled port, by its key. */
export function farEnds(wires: readonly Pick<Wire, "ends">[]): ReadonlyMap<string, CableEnd> {
  return new Map(
    wires.flatMap(({ ends: [a, b] }): [string, CableEnd][] =>
      "switch" in b
        ? [[portKey(a), b]]
        : [
            [portKey(a), b],
            [portKey(b), a],
          ],
    ),
  );
}

/** Who shares a port's link, itself included, by its key: the two ends of a cable, or every port on a switch. */
export function linkSharers(wires: readonly Wire[]): ReadonlyMap<string, ReadonlySet<string>> {
  const atSwitch = new Map<string, Set<string>>();
  const sharers = new Map<string, ReadonlySet<string>>();
  for (const wire of wires) {
    const keys = portsOf(wire).map(portKey);
    const shared = isSwitchWire(wire) ? (atSwitch.get(wire.ends[1].switch) ?? new Set<string>()) : new Set<string>();
    if (isSwitchWire(wire)) atSwitch.set(wire.ends[1].switch, shared);
    for (const key of keys) sharers.set(key, shared.add(key));
  }
  return sharers;
}

/** `spark-1/0`, or the switch's name. */
export function endName(end: CableEnd): string {
  return "switch" in end ? end.switch : portKey(end);
}

/** `spark-1/0-spark-2/1`, in the order of the ends given. */
export function wireName([a, b]: readonly [PortRef, CableEnd]): string {
  return `${portKey(a)}-${endName(b)}`;
}
