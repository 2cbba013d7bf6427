import type { z } from "zod";
import { placeOfKey } from "./depth";
import { nearest } from "./nearest";

/** Key, index or nothing after a path: `hosts`, `hosts[2]`, `hosts[2].number`. */
function joined(path: string, keys: readonly PropertyKey[]): string {
  return keys.reduce<string>(
    (so, key) => (typeof key === "number" ? `${so}[${key}]` : so === "" ? keyText(key) : `${so}.${keyText(key)}`),
    path,
  );
}

/** A path inside a document as a person would write it: `hosts[2].number`. */
export function pathText(keys: readonly PropertyKey[]): string {
  return joined("", keys);
}

/** A key as a person wrote it, quoted where it isn't plain. */
function keyText(key: PropertyKey): string {
  return /^[A-Za-z0-9_-]{1,64}$/.test(String(key)) ? String(key) : quoted(String(key));
}

/** A text on one line, its control and direction characters escaped, its end cut off where it is long. */
export function oneLine(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}...` : text;
  return escaped(short);
}

/** The same in quotes. */
function quoted(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}...` : text;
  return escaped(JSON.stringify(short));
}

function escaped(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

/** A value for a reader. Never one that may be a key or hold a password, wherever somebody put it by mistake. */
export function shown(value: unknown): string {
  if (typeof value === "string") {
    if (/PRIVATE KEY/.test(value)) return "the text of a private key";
    if (/:[^@/]*@/.test(value)) return "a text with a password in it";
    return quoted(value);
  }
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value === null) return "nothing";
  return typeof value === "object" ? "an object" : String(value);
}

/** A problem's line about a key that doesn't exist, or not there; its value is not looked at. */
export function unknownKey(path: string, key: string, known: readonly string[]): string {
  const place = placeOfKey(key);
  if (place !== undefined) return `${joined(path, [key])}: unknown key at this depth; it belongs ${place}`;
  const near = nearest(key, known);
  const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
  return `${joined(path, [key])}: unknown key${hint}; allowed: ${known.join(", ")}`;
}

/** The value at `keys` inside `value`; undefined where there is none. */
function at(value: unknown, keys: readonly PropertyKey[]): unknown {
  return keys.reduce<unknown>(
    (so, key) => (typeof so === "object" && so !== null ? (so as Record<PropertyKey, unknown>)[key] : undefined),
    value,
  );
}

/**
 * `value` as `schema` makes it, or undefined after adding a line to `faults` for everything that is wrong:
 * the path, what was found, what is allowed. With `secret`, what was found stays unsaid.
 */
export function judge<T>(
  faults: string[],
  schema: z.ZodType<T>,
  value: unknown,
  path: string,
  options: { readonly keys?: readonly string[]; readonly secret?: boolean } = {},
): T | undefined {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const said = new Set<string>();
  for (const issue of result.error.issues) {
    const where = joined(path, issue.path);
    if (said.has(where)) continue;
    if (issue.code === "unrecognized_keys") {
      for (const key of issue.keys) faults.push(unknownKey(where, key, options.keys ?? []));
      continue;
    }
    said.add(where);
    const found = at(value, issue.path);
    if (found === undefined) faults.push(`${where}: missing; needed: ${issue.message}`);
    else if (options.secret) faults.push(`${where}: allowed: ${issue.message}`);
    else faults.push(`${where}: found ${shown(found)}; allowed: ${issue.message}`);
  }
  return undefined;
}
