import { parseTree } from "./parseTree";
import { type Entry, type MappingTree, placeText, plainValue, type ScalarTree, type Tree } from "./tree";

type Path = readonly PropertyKey[];

/** A recipe as data that knows where each of its values stands. */
export interface RecipeSource {
  /** As its file was named, for messages. */
  readonly file: string;
  readonly tree: MappingTree;
  /** The mapping, as YAML 1.1 reads it, but for dates and times, which stay texts. */
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

/** @throws Faults where the text is no mapping in YAML. */
export function parseSource(file: string, text: string): RecipeSource {
  const { root, repeated } = parseTree(file, text);
  return sourceOf(file, root, repeated);
}

/** A tree, of one file or merged from several, as what a recipe is read from. */
export function sourceOf(file: string, tree: MappingTree, repeated: readonly string[]): RecipeSource {
  const at = (path: Path): string => {
    const found = path.length === 0 ? tree : (treeAt(tree, path) ?? entryAt(tree, path));
    return found ? placeText(found.place) : at(path.slice(0, -1));
  };
  return {
    file,
    tree,
    value: plainValue(tree) as RecipeSource["value"],
    repeated,
    at,
    atKey: (path) => placeText((entryAt(tree, path) ?? tree).place),
    inside: (path, offset) => {
      const found = treeAt(tree, path);
      if (found?.kind !== "scalar" || found.written === undefined) return at(path);
      return found.text.origin.place(offsetsOf(found)[offset] ?? found.text.start);
    },
    written: (path) => {
      const found = treeAt(tree, path);
      return found?.kind === "scalar" ? found.written : undefined;
    },
  };
}

function treeAt(tree: Tree, path: Path): Tree | undefined {
  let found: Tree | undefined = tree;
  for (const key of path) {
    if (found?.kind === "mapping") found = found.entries.get(String(key))?.tree;
    else if (found?.kind === "list") found = found.items[Number(key)];
    else return undefined;
  }
  return found;
}

function entryAt(tree: Tree, path: Path): Entry | undefined {
  const parent = treeAt(tree, path.slice(0, -1));
  return parent?.kind === "mapping" ? parent.entries.get(String(path.at(-1))) : undefined;
}

const known = new WeakMap<ScalarTree, readonly number[]>();

/**
 * Where each character of a scalar's value stands in the file. All ways to write a text keep its visible characters in
 * their order, with nothing but white space, quotes and backslashes between them.
 */
function offsetsOf(scalar: ScalarTree): readonly number[] {
  const before = known.get(scalar);
  if (before) return before;
  const { origin, start, end } = scalar.text;
  const { text } = origin;
  const isBlock = text[start] === "|" || text[start] === ">";
  const isQuoted = text[start] === '"' || text[start] === "'";
  let next = isBlock ? text.indexOf("\n", start) + 1 : start + (isQuoted ? 1 : 0);
  const offsets: number[] = [];
  for (const char of scalar.written ?? "") {
    const index = /\s/.test(char) ? -1 : indexWithin(text, char, next, end);
    // A character of two units has two offsets.
    for (let unit = 0; unit < char.length; unit++) offsets.push(index === -1 ? next : index);
    if (index !== -1) next = index + 1;
  }
  known.set(scalar, offsets);
  return offsets;
}

/** Like `indexOf`, without a look behind the end. */
function indexWithin(text: string, char: string, from: number, end: number): number {
  for (let index = from; index < end; index++) if (text.startsWith(char, index)) return index;
  return -1;
}
