import type { Cx7Netdev, HostFacts, LiveAddress } from "../facts/hostFacts";
import {
  type ArpSettings,
  type FileStat,
  type HostRecord,
  type RecordedNetdev,
  type SeenFile,
  SYSCTL_FILE,
  sameStat,
} from "../facts/record";
import { differencesAbout, type Finding } from "./difference";
import { sha256 } from "./digest";
import type { Difference, HostPlan, NetdevPlan } from "./plan";
import { compareText } from "./views";

const FILE_OWNER = "root:root";

/** What of a host's plan can differ from what is found. */
type HostWish = Pick<HostPlan, "name" | "netplanFile" | "netplanText" | "sysctlText" | "netdevs" | "digest">;

/** One of our files as it should be; the text "" for none. */
interface FileWish {
  readonly path: string;
  readonly text: string;
  /** Octal. */
  readonly mode: string;
}

/**
 * What somebody or something changed since the last commit, file and live state each by itself.
 *
 * Where the wish changed since, what is still as committed is no drift; a host that was never visited has none at all.
 * Absent netdevs and lost carriers are not listed: no file and no command of ours brings them back.
 */
export function differencesOf(wish: HostWish, facts: HostFacts): readonly Difference[] {
  const { record } = facts;
  const about = (object: string, findings: readonly Finding[]) => differencesAbout(wish.name, object, findings);
  const transaction = about("transaction", transactionFindings(wish, facts));
  if (!record) return transaction;
  return [
    ...filesOf(wish).flatMap((file) => about(file.path, fileFindings(file, wish, facts, record))),
    ...wish.netdevs.flatMap((netdev) => about(netdev.netdev, liveFindings(netdev, wish, facts, record))),
    ...transaction,
  ];
}

function transactionFindings(wish: HostWish, { record, armed, rolledBack }: HostFacts): readonly Finding[] {
  const findings: Finding[] = [];
  if (armed) findings.push({ property: "armed", found: armed.transaction, wanted: "none" });
  // A rollback that an equal commit preceded changed nothing that is still wished.
  const open = record?.digest !== wish.digest;
  if (open && rolledBack && (!record || rolledBack.transaction > record.transaction)) {
    const found = `${rolledBack.transaction} rolled back (${rolledBack.cause})`;
    findings.push({ property: "last change", found, wanted: "committed" });
  }
  return findings;
}

function filesOf({ netplanFile, netplanText, sysctlText }: HostWish): readonly FileWish[] {
  return [
    { path: netplanFile, text: netplanText, mode: "600" },
    { path: SYSCTL_FILE, text: sysctlText, mode: "644" },
  ].filter(({ text }) => text !== "");
}

function fileFindings(
  { path, text, mode }: FileWish,
  wish: HostWish,
  { netplanFiles, sysctlFile }: HostFacts,
  record: HostRecord,
): readonly Finding[] {
  const wishChanged = record.digest !== wish.digest;
  const file = path === SYSCTL_FILE ? sysctlFile : netplanFiles.find((one) => one.path === path);
  const committed = record.files.find((one) => one.path === path);
  if (!file) {
    return wishChanged && !committed ? [] : [{ property: "file", found: "missing", wanted: "present" }];
  }
  const asCommitted = (hash: string) => wishChanged && hash === committed?.sha256;
  const hash = hashOf(file, committed);
  const findings: Finding[] = [];
  if (hash === undefined) {
    findings.push({ property: "text", found: "changed since the last commit, and not read", wanted: "as committed" });
  } else if (hash !== sha256(text) && !asCommitted(hash)) {
    findings.push(firstDifference(file.text, text));
  }
  return [...findings, ...standingFindings(file, mode)];
}

/** What of a file of root's anybody may see. */
export function standingFindings(file: FileStat, wanted: string): readonly Finding[] {
  const findings: Finding[] = [];
  const found = file.mode.replace(/^0+/, "");
  if (found !== wanted) findings.push({ property: "mode", found, wanted });
  if (file.owner !== FILE_OWNER) findings.push({ property: "owner", found: file.owner, wanted: FILE_OWNER });
  return findings;
}

/** Text decides where it was read; else an equal stat means that the recorded hash holds. */
export function hashOf(
  file: SeenFile,
  committed: (FileStat & { readonly sha256: string }) | undefined,
): string | undefined {
  if (file.text !== undefined) return sha256(file.text);
  return committed && sameStat(file, committed) ? committed.sha256 : undefined;
}

function firstDifference(found: string | undefined, wanted: string): Finding {
  if (found === undefined) return { property: "text", found: "not what was planned", wanted: "as planned" };
  const foundLines = found.split("\n");
  const wantedLines = wanted.split("\n");
  const count = Math.max(foundLines.length, wantedLines.length);
  const index = Array.from({ length: count }, (_, at) => at).find((at) => foundLines[at] !== wantedLines[at]) ?? 0;
  const say = (line: string | undefined) => line?.trim() || "nothing";
  return { property: `line ${index + 1}`, found: say(foundLines[index]), wanted: say(wantedLines[index]) };
}

function liveFindings(planned: NetdevPlan, wish: HostWish, facts: HostFacts, record: HostRecord): readonly Finding[] {
  const live = facts.cx7.find(({ name }) => name === planned.netdev);
  if (!live) return [];
  const wishChanged = record.digest !== wish.digest;
  const committed = wishChanged ? committedNetdev(record, planned.netdev) : undefined;
  if (wishChanged && !committed) return [];
  return [
    ...(live.up ? [] : [{ property: "link", found: "down", wanted: "up" }]),
    ...(live.mtu === planned.mtu || live.mtu === committed?.mtu
      ? []
      : [{ property: "mtu", found: `${live.mtu}`, wanted: `${planned.mtu}` }]),
    ...(wishChanged && !committed?.arp ? [] : arpFindings(live.arp, planned.arp)),
    ...addressFindings(live, planned.address, committed?.address),
  ];
}

function arpFindings(live: ArpSettings | undefined, wanted: ArpSettings | undefined): readonly Finding[] {
  if (!wanted) return [];
  return (["ignore", "announce"] as const).flatMap((setting) =>
    live?.[setting] === wanted[setting]
      ? []
      : [{ property: `arp_${setting}`, found: `${live?.[setting] ?? "unknown"}`, wanted: `${wanted[setting]}` }],
  );
}

function committedNetdev({ host, mesh }: HostRecord, netdev: string): RecordedNetdev | undefined {
  return mesh.hosts.find(({ name }) => name === host)?.netdevs.find((one) => one.netdev === netdev);
}

/**
 * Link-local ones count as foreign: they move GIDs about and confuse NCCL's routing. A missing one is no finding while
 * the cable carries nothing: networkd takes addresses away with the carrier, and brings them back with it.
 */
function addressFindings(live: Cx7Netdev, wanted: string, committed: string | undefined): readonly Finding[] {
  const has = (cidr: string) => live.addresses.some((address) => cidrOf(address) === cidr);
  const expected = live.carrier || !live.up;
  const missing = expected && !has(wanted) && !(committed !== undefined && has(committed));
  const foreign = live.addresses.filter((address) => ![wanted, committed].includes(cidrOf(address)));
  return [
    ...(missing ? [{ property: "address", found: "missing", wanted }] : []),
    ...[...foreign]
      .sort((a, b) => compareText(cidrOf(a), cidrOf(b)))
      .map((address) => ({
        property: address.linkLocal ? "link-local" : "address",
        found: cidrOf(address),
        wanted: "none",
      })),
  ];
}

function cidrOf({ address, prefixLength }: LiveAddress): string {
  return `${address}/${prefixLength}`;
}
