import { compareText } from "../views";
import type { Member } from "./members";

/** What tells one run of a deployment from the next: every one of them has other containers, and leaves other records. */
export function standingOf(members: readonly Member[]): readonly string[] {
  return members
    .flatMap(({ host, record, containers }) => [
      `${host} ${record?.transaction ?? "-"}`,
      ...containers.map(({ name, id, startedAt }) => `${host} ${name} ${id} ${startedAt}`),
    ])
    .sort(compareText);
}
