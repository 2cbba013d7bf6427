import { isMap, LineCounter, parseDocument } from "yaml";
import type { Cx7Netdev, NetplanFileFact } from "../facts/hostFacts";
import type { Renderer } from "./plan";
import { compareText, type HostLine, type ReachedHost } from "./views";

export interface NetplanReading {
  readonly renderer: Renderer;
  readonly faults: readonly HostLine[];
}

/** Later folders hide files of the same name in earlier ones, as netplan has it. */
const FOLDERS = ["/lib/netplan", "/usr/lib/netplan", "/run/netplan", "/etc/netplan"];
const DEFAULT_RENDERER: Renderer = "networkd";
const CX7_DRIVER = "mlx5_core";

/**
 * The host's renderer, and what in other netplan files stands in our way: YAML that can't be read, and definitions of
 * CX7 netdevs, which netplan would merge with ours. Our own file is not judged: it will be replaced.
 *
 * Files that were not read are as they were when the record was written, and so is the renderer.
 *
 * @param ownFile path of the file that this project writes.
 */
export function readNetplan({ config, facts, recorded }: ReachedHost, ownFile: string): NetplanReading {
  const faults: HostLine[] = [];
  let renderer: Renderer | undefined;
  for (const { path, text } of mergedOrder(facts.netplanFiles)) {
    if (text === undefined || path === ownFile) continue;
    const fault = (what: string) => faults.push({ host: config.name, line: `${config.name}: ${path}: ${what}` });
    const parsed = parseNetplan(text);
    if (parsed.kind === "malformed") {
      fault(
        `malformed YAML in line ${parsed.line} (${parsed.reason}); correct it, netplan refuses to apply anything beside it`,
      );
      continue;
    }
    renderer = rendererOf(parsed.network) ?? renderer;
    for (const netdev of facts.cx7) {
      if (defines(parsed.network, netdev)) {
        fault(
          `defines the CX7 netdev ${netdev.name}, which ${ownFile} will define; remove it there, or move that file away`,
        );
      }
    }
  }
  return {
    renderer: facts.netplanRead ? (renderer ?? DEFAULT_RENDERER) : (recorded?.renderer ?? DEFAULT_RENDERER),
    faults,
  };
}

/** netplan merges by file name, whatever the folder. */
function mergedOrder(files: readonly NetplanFileFact[]): readonly NetplanFileFact[] {
  const byName = new Map<string, NetplanFileFact>();
  for (const file of [...files].sort((a, b) => folderRank(a) - folderRank(b) || compareText(a.path, b.path))) {
    byName.set(baseName(file), file);
  }
  return [...byName.values()].sort((a, b) => compareText(baseName(a), baseName(b)));
}

function baseName({ path }: NetplanFileFact): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function folderRank({ path }: NetplanFileFact): number {
  return FOLDERS.indexOf(path.slice(0, path.lastIndexOf("/")));
}

type Fields = Readonly<Record<string, unknown>>;
type Parsed =
  | { readonly kind: "network"; readonly network: Fields }
  | { readonly kind: "malformed"; readonly line: number; readonly reason: string };

function parseNetplan(text: string): Parsed {
  const lineCounter = new LineCounter();
  // netplan reads YAML 1.1, where `no` is false; duplicate keys are its own affair.
  const document = parseDocument(text, { lineCounter, version: "1.1", uniqueKeys: false });
  const [error] = document.errors;
  if (error) {
    const [reason = ""] = error.message.split("\n");
    return {
      kind: "malformed",
      line: lineCounter.linePos(error.pos[0]).line,
      reason: reason.replace(/ at line .*$/, ""),
    };
  }
  if (document.contents !== null && !isMap(document.contents)) {
    return { kind: "malformed", line: 1, reason: "not a mapping" };
  }
  try {
    return { kind: "network", network: fields(fields(document.toJS({ maxAliasCount: 20 })).network) };
  } catch {
    return { kind: "malformed", line: 1, reason: "aliases that don't resolve" };
  }
}

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}

function rendererOf({ renderer }: Fields): Renderer | undefined {
  return renderer === "NetworkManager" || renderer === "networkd" ? renderer : undefined;
}

/** A definition by name or by match, or a bond, bridge or VLAN that takes the netdev. */
function defines(network: Fields, netdev: Cx7Netdev): boolean {
  return Object.entries(network).some(([section, definitions]) =>
    Object.entries(fields(definitions)).some(([id, definition]) =>
      section === "ethernets" ? names(id, fields(definition), netdev) : takes(fields(definition), netdev),
    ),
  );
}

function names(id: string, { match, "set-name": setName }: Fields, netdev: Cx7Netdev): boolean {
  if (match === undefined || match === null) return id === netdev.name;
  const { name, macaddress, driver } = fields(match);
  // An empty match is NetworkManager's "any netdev that nobody else defines".
  return (
    setName === netdev.name ||
    matches(name, netdev.name) ||
    matches(macaddress, netdev.mac) ||
    matches(driver, CX7_DRIVER)
  );
}

function takes({ interfaces, link }: Fields, netdev: Cx7Netdev): boolean {
  return link === netdev.name || (Array.isArray(interfaces) && interfaces.includes(netdev.name));
}

/** netplan's globs: `*`, `?` and `[...]`, one or a list of them. */
function matches(pattern: unknown, value: string): boolean {
  if (Array.isArray(pattern)) return pattern.some((one) => matches(one, value));
  if (typeof pattern !== "string") return false;
  return globMatches(pattern.toLowerCase(), value.toLowerCase());
}

/** Without regular expressions: the pattern is a host's, and must not be able to make us spin. */
function globMatches(pattern: string, value: string): boolean {
  let reachable = new Set([0]);
  for (let at = 0; at < pattern.length; at += 1) {
    const next = new Set<number>();
    const close = pattern[at] === "[" ? pattern.indexOf("]", at + 1) : -1;
    for (const position of reachable) {
      if (pattern[at] === "*") for (let end = position; end <= value.length; end += 1) next.add(end);
      else if (position < value.length && fits(pattern, at, close, value.charAt(position))) next.add(position + 1);
    }
    if (close > 0) at = close;
    reachable = next;
  }
  return reachable.has(value.length);
}

function fits(pattern: string, at: number, close: number, character: string): boolean {
  if (close > 0) return classHas(pattern.slice(at + 1, close), character);
  return pattern[at] === "?" || pattern[at] === character;
}

function classHas(members: string, character: string): boolean {
  for (let at = 0; at < members.length; at += 1) {
    const ranged = members[at + 1] === "-" && at + 2 < members.length;
    if (ranged ? members.charAt(at) <= character && character <= members.charAt(at + 2) : members[at] === character)
      return true;
    if (ranged) at += 2;
  }
  return false;
}
