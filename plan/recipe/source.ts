import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Pair,
  parseDocument,
  type ScalarTag,
  visit,
} from "yaml";
import { Faults } from "../../config/faults";

type Path = readonly PropertyKey[];

/** A recipe's file as data that knows where each of its values stands. */
export interface RecipeSource {
  /** As it was named, for messages. */
  readonly file: string;
  /** The file's mapping, as YAML 1.1 reads it, but for dates and times, which stay texts. */
  readonly value: Readonly<Record<string, unknown>>;
  /** `FILE:LINE:COLUMN` of a value; where there is none, of what is around it. */
  at(path: Path): string;
  /** Of a key. */
  atKey(path: Path): string;
  /** Of one character of a text, whatever way the text is written. */
  inside(path: Path, offset: number): string;
  /** A scalar as it stands there: `0.80`, `0755`, `yes`; undefined for nothing and for what is no scalar. */
  written(path: Path): string | undefined;
  /** One line, place first, for every key that stands twice with the same value. */
  readonly repeated: readonly string[];
}

type Tags = NonNullable<Parameters<typeof parseDocument>[1]>["customTags"];

/** PyYAML, which other tools read with, keeps to YAML 1.1; a date or 12:30 is nobody's number in a recipe. */
const RECIPE_YAML = {
  version: "1.1",
  stringKeys: true,
  // PyYAML lets the last one count without a word; here that is judged by what the two say.
  uniqueKeys: false,
  customTags: ((tags: ScalarTag[]) => tags.filter((tag) => !isTime(tag))) as unknown as NonNullable<Tags>,
} as const;

function isTime({ tag, format }: ScalarTag): boolean {
  return tag === "tag:yaml.org,2002:timestamp" || format === "TIME";
}

/** @throws Faults where the text is no mapping in YAML. */
export function parseSource(file: string, text: string): RecipeSource {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, ...RECIPE_YAML });
  const place = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const [error] = [...document.errors, ...document.warnings];
  if (error) {
    const [reason = ""] = error.message.split("\n");
    throw new Faults("the recipe", [
      `${place(error.pos[0])}: malformed YAML (${reason.replace(/(;| at line) .*$/, "")})`,
    ]);
  }
  if (!isMap(document.contents))
    throw new Faults("the recipe", [`${place(startOf(document.contents) ?? 0)}: found no mapping; needed: a recipe`]);

  const nodeAt = (path: Path): unknown => document.getIn(path, true);
  const pairAt = (path: Path): Pair | undefined => {
    const parent = path.length === 1 ? document.contents : nodeAt(path.slice(0, -1));
    if (!isMap(parent)) return undefined;
    return parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
  };
  const at = (path: Path): string => {
    const start = startOf(nodeAt(path)) ?? startOf(pairAt(path)?.key);
    return start === undefined && path.length > 0 ? at(path.slice(0, -1)) : place(start ?? 0);
  };
  const repeated = repeatedKeys(document.contents, place);
  return {
    file,
    value: asMapping(document, place),
    repeated,
    at,
    atKey: (path) => place(startOf(pairAt(path)?.key) ?? 0),
    inside: (path, offset) => {
      const node = nodeAt(path);
      return isScalar(node) && node.range
        ? place(offsetInFile(text, node.range, String(node.value), offset))
        : at(path);
    },
    written: (path) => {
      const node = nodeAt(path);
      if (!isScalar(node) || node.value === null) return undefined;
      return typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
    },
  };
}

/** @throws Faults where a key stands twice with different values */
function repeatedKeys(contents: unknown, place: (offset: number) => string): readonly string[] {
  const lines: string[] = [];
  const faults: string[] = [];
  const look = (node: unknown): void => {
    if (isSeq(node)) node.items.forEach(look);
    if (!isMap(node)) return;
    node.items.forEach(({ key, value }, index) => {
      look(value);
      const name = String(key);
      const first = node.items.slice(0, index).find((item) => String(item.key) === name);
      if (!first) return;
      const where = `${place(startOf(key) ?? 0)}: ${name}: already at ${place(startOf(first.key) ?? 0)}`;
      if (String(first.value) === String(value)) lines.push(`${where}, with the same value`);
      else faults.push(`${where}, with another value`);
    });
  };
  look(contents);
  if (faults.length > 0) throw new Faults("the recipe", faults);
  return lines;
}

function startOf(node: unknown): number | undefined {
  return (node as { readonly range?: readonly [number, number, number] } | undefined)?.range?.[0];
}

function asMapping(document: Document, place: (offset: number) => string) {
  visit(document, {
    Alias: (_, alias) => {
      if (alias.resolve(document)) return;
      throw new Faults("the recipe", [`${place(startOf(alias) ?? 0)}: *${alias.source}: no such anchor before it`]);
    },
  });
  try {
    return document.toJS({ maxAliasCount: 20 }) as Readonly<Record<string, unknown>>;
  } catch {
    throw new Faults("the recipe", [`${place(0)}: too many aliases`]);
  }
}

/**
 * Where a character of a scalar's value stands in the file. All ways to write a text keep its visible characters in
 * their order, with nothing but white space, quotes and backslashes between them.
 */
function offsetInFile(
  text: string,
  [start, end]: readonly [number, number, number],
  value: string,
  offset: number,
): number {
  const isBlock = text[start] === "|" || text[start] === ">";
  const isQuoted = text[start] === '"' || text[start] === "'";
  let next = isBlock ? text.indexOf("\n", start) + 1 : start + (isQuoted ? 1 : 0);
  let found = next;
  for (const char of value.slice(0, offset + 1)) {
    found = next;
    if (/\s/.test(char)) continue;
    const index = text.indexOf(char, next);
    if (index === -1 || index >= end) break;
    found = index;
    next = index + 1;
  }
  return found;
}
