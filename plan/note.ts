import type { HostFacts } from "../facts/hostFacts";
import type { TrustFacts } from "../facts/trustFacts";
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
  const last = lastTransaction(facts);
  const mark = last ? `last=${clean(last, MAX_ID_LENGTH)}` : `files=${fingerprint(facts)}`;
  return noteText(differences, facts.record ? "the wish changed" : "first visit", mark);
}

/**
 * Why a host's trust is due, likewise. It has no transactions: the change times in ~/.ssh tell a second, identical drift
 * from the first.
 */
export function trustNoteOf(trust: TrustFacts | undefined, differences: readonly Difference[]): string {
  const visited = trust?.record !== undefined;
  const otherwise = trust?.rotate ? "a new key was asked for" : visited ? "the wish changed" : "first visit";
  const stats = (trust?.stats ?? []).map(({ path, ctime }) => `${path} ${ctime ?? ""}`).sort(compareText);
  return noteText(differences, otherwise, `ssh=${shortHash(stats)}`);
}

function noteText(differences: readonly Difference[], otherwise: string, mark: string): string {
  const reason = differences
    .map(({ object, property, found, wanted }) => `${object} ${property}=${found} wanted ${wanted}`)
    .join(", ");
  return `${clean(reason || otherwise, MAX_REASON_LENGTH)}, ${mark}`;
}

/** The newest transaction that the host remembers, committed or not. */
function lastTransaction({ record, armed, rolledBack }: HostFacts): string | undefined {
  return [record, armed, rolledBack]
    .flatMap((memory) => (memory ? [memory.transaction] : []))
    .sort(compareText)
    .at(-1);
}

function fingerprint({ netplanFiles }: HostFacts): string {
  return shortHash(netplanFiles.map(({ path, inode, ctime }) => `${path} ${inode} ${ctime}`).sort(compareText));
}

function shortHash(lines: readonly string[]): string {
  return sha256(lines.join("\n")).slice(0, 12);
}

function clean(text: string, length: number): string {
  return text
    .replace(/[^A-Za-z0-9 .,:/=_-]/g, "_")
    .slice(0, length)
    .trim();
}
