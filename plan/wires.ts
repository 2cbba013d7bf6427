import type { PortRef } from "../config/cluster";
import type { CableEvidence } from "./plan";
import { portKey } from "./views";

/** One cable before it has addresses. */
export interface Wire {
  readonly ends: readonly [PortRef, PortRef];
  readonly evidence: CableEvidence;
}

/** The far end of every cabled port, by its key. */
export function farEnds(wires: readonly Wire[]): ReadonlyMap<string, PortRef> {
  return new Map(
    wires.flatMap(({ ends: [a, b] }): [string, PortRef][] => [
      [portKey(a), b],
      [portKey(b), a],
    ]),
  );
}

/** `spark-1/0-spark-2/1`, in the order of the ends given. */
export function wireName([a, b]: readonly [PortRef, PortRef]): string {
  return `${portKey(a)}-${portKey(b)}`;
}
