import type { HostFacts } from "../facts/hostFacts";
import { sha256 } from "./digest";
import type { Difference } from "./plan";
import { compareText } from "./views";

const MAX_REASON_LENGTH = 200;
const MAX_ID_LENGTH = 40;

/**
 * Why a host is due, in one line of `[A-Za-z0-9 .,:/=_-]`, with the id of its last transaction: it becomes a shell
 * comment, and much of it is the host's own words.
 *
 * The id makes a second, identical drift differ from the first. A host that remembers no transaction (new, or with its
 * state folder gone) is told apart by its netplan files instead.
 */
export function noteOf(facts: HostFacts, differences: readonly Difference[]): string {
  const reason = differences
    .map(({ object, property, found, wanted }) => `${object} ${property}=${found} wanted ${wanted}`)
    .join(", ");
  const last = lastTransaction(facts);
  const text = reason || (facts.record ? "the wish changed" : "first visit");
  const mark = last ? `last=${clean(last, MAX_ID_LENGTH)}` : `files=${fingerprint(facts)}`;
  return `${clean(text, MAX_REASON_LENGTH)}, ${mark}`;
}

/** The newest transaction that the host remembers, committed or not. */
function lastTransaction({ record, armed, rolledBack }: HostFacts): string | undefined {
  return [record, armed, rolledBack]
    .flatMap((memory) => (memory ? [memory.transaction] : []))
    .sort(compareText)
    .at(-1);
}

function fingerprint({ netplanFiles }: HostFacts): string {
  const stats = netplanFiles.map(({ path, inode, ctime }) => `${path} ${inode} ${ctime}`).sort(compareText);
  return sha256(stats.join("\n")).slice(0, 12);
}

function clean(text: string, length: number): string {
  return text
    .replace(/[^A-Za-z0-9 .,:/=_-]/g, "_")
    .slice(0, length)
    .trim();
}
