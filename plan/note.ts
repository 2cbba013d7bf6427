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
  return noteText(differences, occasion(facts.record !== undefined), transactionMark(facts, lastTransaction(facts)));
}

/** Why a host's system is due, likewise; it has a record of its own. */
export function systemNoteOf(facts: HostFacts, differences: readonly Difference[]): string {
  const { record } = facts.system;
  return noteText(differences, occasion(record !== undefined), transactionMark(facts, record?.transaction));
}

/** Why the program on a host is due, likewise; `programs` are those that are there, so that a second, identical drift differs. */
export function programNoteOf({ system }: HostFacts, differences: readonly Difference[]): string {
  const files = system.programs.map(({ digest, intact, ctime }) => `${digest} ${intact} ${ctime}`);
  const reason = files.length > 0 ? "another program" : "first visit";
  return noteText(differences, reason, `programs=${shortHash([...files, system.record?.transaction ?? ""])}`);
}

/**
 * Why a host's trust is due, likewise. It has no transactions: the change times in ~/.ssh tell a second, identical drift
 * from the first.
 */
export function trustNoteOf(trust: TrustFacts | undefined, differences: readonly Difference[]): string {
  const reason = trust?.rotate ? "a new key was asked for" : occasion(trust?.record !== undefined);
  const stats = (trust?.stats ?? []).map(({ path, ctime }) => `${path} ${ctime}`).sort(compareText);
  return noteText(differences, reason, `ssh=${shortHash(stats)}`);
}

/**
 * Why something of a deployment is due, likewise; `otherwise` where it isn't for a difference.
 *
 * @param standing what its hosts have of it, so that a second, identical drift differs from the first.
 */
export function deploymentNoteOf(
  differences: readonly Difference[],
  otherwise: string,
  standing: readonly string[],
): string {
  const placed = differences.map((difference) => ({
    ...difference,
    object: `${difference.host} ${difference.object}`,
  }));
  return noteText(placed, otherwise, `ranks=${shortHash(standing)}`);
}

/** Why a host is due without a difference. */
function occasion(visited: boolean): string {
  return visited ? "the wish changed" : "first visit";
}

function transactionMark(facts: HostFacts, last: string | undefined): string {
  return last ? `last=${clean(last, MAX_ID_LENGTH)}` : `files=${fingerprint(facts)}`;
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
