import { isDeepStrictEqual } from "node:util";
import { isCollection, isMap, isNode, isPair, isScalar, type Pair, parseDocument, type YAMLMap } from "yaml";
import { type Fields, fields, NETPLAN_YAML, parseNetplan } from "./netplanYaml";

/**
 * A netplan file's text without these definitions of its `ethernets:`; everything else stays as it is, byte for byte.
 * "" where nothing but the version would be left: the file can go. Undefined where the definitions can't be cut out
 * alone, e.g. since another one is an alias of theirs.
 *
 * @param ids keys under `ethernets:`.
 */
export function moveOut(text: string, ids: ReadonlySet<string>): string | undefined {
  const parsed = parseNetplan(text);
  if (parsed.kind === "malformed") return undefined;
  const wanted = without(parsed.network, ids);
  if (Object.keys(wanted).every((key) => key === "version")) return "";
  const left = cut(text, ids);
  const result = left === undefined ? undefined : parseNetplan(left);
  return result?.kind === "network" && isDeepStrictEqual(result.network, wanted) ? left : undefined;
}

function without(network: Fields, ids: ReadonlySet<string>): Fields {
  const { ethernets, ...others } = network;
  const kept = Object.entries(fields(ethernets)).filter(([id]) => !ids.has(id));
  if (kept.length === 0) return others;
  return Object.fromEntries(
    Object.entries(network).map(([key, value]) => [key, key === "ethernets" ? Object.fromEntries(kept) : value]),
  );
}

function cut(text: string, ids: ReadonlySet<string>): string | undefined {
  const network = parseDocument(text, NETPLAN_YAML).get("network");
  if (!isMap(network)) return undefined;
  const ethernets = network.items.filter((pair) => keyOf(pair) === "ethernets");
  const spans = ethernets.flatMap((pair) => {
    if (!isMap(pair.value)) return [undefined];
    const gone = pair.value.items.filter((definition) => ids.has(keyOf(definition)));
    // netplan refuses an `ethernets:` with nothing in it.
    if (gone.length === pair.value.items.length) return [spanOf(text, pair, network)];
    const map = pair.value;
    return gone.map((definition) => spanOf(text, definition, map));
  });
  let left = text;
  for (const span of spans.reverse()) {
    if (!span) return undefined;
    left = left.slice(0, span[0]) + left.slice(span[1]);
  }
  return left;
}

function keyOf({ key }: Pair): string {
  return isScalar(key) ? String(key.value) : "";
}

type Span = readonly [start: number, end: number];

function spanOf(text: string, pair: Pair, parent: YAMLMap): Span | undefined {
  const start = rangeOf(pair.key)?.[0];
  const end = endOf(pair);
  if (start === undefined || end === undefined) return undefined;
  return parent.flow ? flowSpan(text, start, end) : blockSpan(text, start, end);
}

function rangeOf(node: unknown): Span | undefined {
  const range = isNode(node) ? node.range : undefined;
  return range ? [range[0], range[1]] : undefined;
}

/** Where a pair's last word ends, before any comment that follows it. */
function endOf({ key, value }: Pick<Pair, "key" | "value">): number | undefined {
  if (isCollection(value) && !value.flow) {
    const last = value.items.at(-1);
    if (isPair(last)) return endOf(last);
    if (isNode(last)) return endOf({ key, value: last });
  }
  const empty = isScalar(value) && value.source === "";
  return rangeOf(empty || value === null ? key : value)?.[1];
}

/** Whole lines, with the comments on and inside them; undefined where the key isn't the first word of its line. */
function blockSpan(text: string, start: number, end: number): Span | undefined {
  const from = text.lastIndexOf("\n", start - 1) + 1;
  const indent = text.slice(from, start);
  if (indent.trim() !== "") return undefined;
  let to = text[end - 1] === "\n" ? end : lineEnd(text, end);
  // Comments that are deeper than the key are about what is inside it.
  for (let next = to; next < text.length; next = lineEnd(text, next)) {
    const line = text.slice(next, lineEnd(text, next));
    if (line.trim() === "") continue;
    if (!line.startsWith(`${indent} `) || !line.trimStart().startsWith("#")) break;
    to = lineEnd(text, next);
  }
  return [from, to];
}

function lineEnd(text: string, from: number): number {
  const newline = text.indexOf("\n", from);
  return newline < 0 ? text.length : newline + 1;
}

/** The pair and one comma beside it: the next one, or the one before where it is the last pair. */
function flowSpan(text: string, start: number, end: number): Span {
  const after = /^\s*,\s*/.exec(text.slice(end));
  if (after) return [start, end + after[0].length];
  const before = /,\s*$/.exec(text.slice(0, start));
  return [before ? before.index : start, end];
}
