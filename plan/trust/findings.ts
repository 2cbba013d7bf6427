import { fingerprint } from "../../facts/hostKey";
import type { TrustFacts, TrustStat } from "../../facts/trustFacts";
import { TRUST_FILES, type TrustFile } from "../../facts/trustFiles";
import { differencesAbout, type Finding } from "../difference";
import type { Difference, TrustBlocks } from "../plan";
import { hostOf, linesOf } from "./blocks";
import { isKeyDue } from "./identities";

const FOLDER = "~/.ssh/spark-mesh";
const KEY_FILE = `${FOLDER}/id_ed25519`;

/** Modes of what is ours alone. Of what is the user's only the write bits of others matter: sshd refuses those. */
const OWN_MODES: ReadonlyMap<string, string> = new Map([
  [FOLDER, "700"],
  [KEY_FILE, "600"],
  [`${KEY_FILE}.pub`, "644"],
]);
const OTHERS_WRITE = 0o022;
/** Characters of a line in a message. */
const LONGEST_SHOWN = 60;

/**
 * What somebody changed on a host since trust was last made there.
 *
 * @param wanted the blocks as they should be, as far as that is known.
 * @param written the blocks as they may have been written last; undefined where that can't be told.
 */
export function trustDifferences(
  host: string,
  trust: TrustFacts,
  wanted: TrustBlocks | undefined,
  written: TrustBlocks | undefined,
): readonly Difference[] {
  if (trust.record === undefined) return [];
  const damaged = trust.record === "damaged" ? [{ property: "record", found: "damaged", wanted: "as written" }] : [];
  return [
    ...trust.stats.flatMap((stat) => differencesAbout(host, stat.path, statFindings(stat, trust.stats))),
    ...differencesAbout(host, FOLDER, damaged),
    ...differencesAbout(host, KEY_FILE, keyFindings(trust)),
    ...TRUST_FILES.flatMap((file) =>
      differencesAbout(
        host,
        `~/.ssh/${file}`,
        written ? blockFindings(file, trust.blocks[file], wanted?.[file] ?? written[file], written[file]) : [],
      ),
    ),
  ];
}

function statFindings({ path, mode, owner, type }: TrustStat, stats: readonly TrustStat[]): readonly Finding[] {
  const wantedType = path === "~/.ssh" || path === FOLDER ? "directory" : "regular file";
  if (type.replace("empty ", "") !== wantedType) return [{ property: "type", found: type, wanted: wantedType }];
  // A folder takes its group from the one around it where that one has the bit for it.
  const bits = Number.parseInt(mode, 8) & 0o777;
  const wantedMode = OWN_MODES.get(path) ?? (bits & ~OTHERS_WRITE).toString(8);
  // Its owner is who logs in, by the name that stat has for them.
  const wantedOwner = stats.find((stat) => stat.path === FOLDER)?.owner ?? owner;
  return [
    ...(bits === Number.parseInt(wantedMode, 8) ? [] : [{ property: "mode", found: mode, wanted: wantedMode }]),
    ...(owner === wantedOwner ? [] : [{ property: "owner", found: owner, wanted: wantedOwner }]),
  ];
}

function keyFindings(trust: TrustFacts): readonly Finding[] {
  const { publicKey, privateKey, record } = trust;
  if (!privateKey || publicKey === undefined) {
    const found = privateKey ? "no public half" : publicKey === undefined ? "none" : "no private half";
    return [{ property: "key pair", found, wanted: "one of this host's own" }];
  }
  if (!isKeyDue({ ...trust, rotate: false }) || typeof record !== "object") return [];
  return [{ property: "public key", found: fingerprint(publicKey), wanted: fingerprint(record.publicKey) }];
}

function blockFindings(
  file: TrustFile,
  found: string | false | null,
  wanted: string,
  written: string,
): readonly Finding[] {
  // A damaged one is no difference: nobody but a person can tell what of the file is whose.
  if (found === false) return [];
  if (found === null) return [{ property: "block", found: "none", wanted: "present" }];
  const whole = found.endsWith("\n") ? found : `${found}\n`;
  if (whole === wanted || whole === written) return [];
  const findings = file === "config" ? firstLine(whole, wanted) : keyLines(file, whole, wanted);
  return findings.length > 0 ? findings : [{ property: "block", found: "lines in another order", wanted: "by number" }];
}

function firstLine(found: string, wanted: string): readonly Finding[] {
  const foundLines = found.trimEnd().split("\n");
  const wantedLines = wanted.trimEnd().split("\n");
  const index = [...foundLines.keys(), foundLines.length].find((at) => foundLines[at] !== wantedLines[at]) ?? 0;
  const [first, second] = [foundLines[index], wantedLines[index]].map((line) =>
    line === undefined ? "none" : quoted(line.trim()),
  );
  return [{ property: lineName(index), found: first ?? "none", wanted: second ?? "none" }];
}

/** A line for a host: ours, edited, or gone; and those that are nobody's. */
function keyLines(file: TrustFile, found: string, wanted: string): readonly Finding[] {
  const strangers = linesOf(found).map((line, at) => ({ line, name: lineName(at + 1), host: hostOf(line) }));
  const take = (fits: (stranger: (typeof strangers)[number]) => boolean) => {
    const at = strangers.findIndex(fits);
    return at < 0 ? undefined : strangers.splice(at, 1)[0];
  };
  const missing = linesOf(wanted).filter((wantedLine) => !take(({ line }) => line === wantedLine));
  const edited = missing.flatMap((wantedLine): readonly Finding[] => {
    const host = hostOf(wantedLine);
    const property = `${file === "known_hosts" ? "host key" : "key"} of ${host}`;
    const stranger = take((one) => one.host === host);
    const [foundKey, wantedKey] = [keyIn(stranger?.line ?? ""), keyIn(wantedLine)];
    if (!stranger) return [{ property, found: "none", wanted: shownKey(wantedKey) }];
    if (foundKey !== wantedKey) return [{ property, found: shownKey(foundKey), wanted: shownKey(wantedKey) }];
    const [first, second] = whereTheyDiffer(stranger.line, wantedLine);
    return [{ property: stranger.name, found: first, wanted: second }];
  });
  return [...edited, ...strangers.map(({ line, name }) => ({ property: name, found: quoted(line), wanted: "none" }))];
}

/** Counted in the file, where the block is at its top; the first line is its marker. */
function lineName(index: number): string {
  return `line ${index + 1}`;
}

function keyIn(line: string): string | undefined {
  return /ssh-ed25519 [A-Za-z0-9+/]+=*/.exec(line)?.[0];
}

function shownKey(key: string | undefined): string {
  return key === undefined ? "no key" : fingerprint(key);
}

/** Both lines from shortly before the first character in which they differ. */
function whereTheyDiffer(a: string, b: string): readonly [string, string] {
  const at = [...a].findIndex((char, index) => char !== b[index]);
  const start = Math.max(0, (at < 0 ? a.length : at) - 20);
  return [quoted(a, start), quoted(b, start)];
}

function quoted(line: string, start = 0): string {
  const end = start + LONGEST_SHOWN;
  return `"${start > 0 ? "..." : ""}${line.slice(start, end)}${line.length > end ? "..." : ""}"`;
}
