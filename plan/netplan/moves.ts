import { sha256 } from "../digest";
import type { Difference, FileMove } from "../plan";
import { compareText, type HostView } from "../views";
import type { NetplanReading } from "./netplanFiles";
import { baseName } from "./netplanYaml";

/** What is to be moved now, beside what was before: its original stays ours to put back. */
export function planMoves(
  { recorded }: HostView,
  netplanFile: string,
  reading: NetplanReading | undefined,
): FileMove[] {
  const now = (reading?.migrated ?? []).map(({ path, before, text }) => ({
    name: baseName({ path }),
    change: { before: sha256(before), after: text },
  }));
  const names = new Set([...(recorded?.moved ?? []), ...now.map(({ name }) => name)]);
  names.delete(baseName({ path: netplanFile }));
  return [...names].sort(compareText).map((name) => now.find((move) => move.name === name) ?? { name });
}

/** A file that defines CX7 netdevs again after they were moved out of it. */
export function moveDifferences(view: HostView, moves: readonly FileMove[]): readonly Difference[] {
  return moves
    .filter(({ name, change }) => change && view.recorded?.moved?.includes(name))
    .map(({ name }) => ({
      host: view.config.name,
      object: `/etc/netplan/${name}`,
      property: "CX7 definitions",
      found: "some again",
      wanted: "none",
    }));
}
