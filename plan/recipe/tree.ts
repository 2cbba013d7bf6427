/** A file's text that knows its lines. */
export interface Origin {
  readonly text: string;
  /** `FILE:LINE:COLUMN` of an offset. */
  place(offset: number): string;
}

/** Where something starts. */
export interface Place {
  readonly origin: Origin;
  readonly offset: number;
}

export interface ScalarTree {
  readonly kind: "scalar";
  readonly value: string | number | boolean | null;
  /** As it stands there: `0.80`, `0755`, `yes`; undefined for nothing. */
  readonly written: string | undefined;
  readonly place: Place;
  /** Where its text is: with an alias, that of its anchor. */
  readonly text: { readonly origin: Origin; readonly start: number; readonly end: number };
}

export interface ListTree {
  readonly kind: "list";
  readonly items: readonly Tree[];
  readonly place: Place;
}

export interface MappingTree {
  readonly kind: "mapping";
  readonly entries: ReadonlyMap<string, Entry>;
  readonly place: Place;
}

export interface Entry {
  /** Of the key. */
  readonly place: Place;
  readonly tree: Tree;
}

/** A value of a YAML file: aliases are what they stand for, and merge keys are merged. */
export type Tree = ScalarTree | ListTree | MappingTree;

export function placeText({ origin, offset }: Place): string {
  return origin.place(offset);
}

/** How many values it has, aliases counted with what they stand for; looked at once a value. */
export function sizeOf(tree: Tree, known = new Map<unknown, number>()): number {
  if (tree.kind === "scalar") return 1;
  const inner = tree.kind === "list" ? tree.items : tree.entries;
  const before = known.get(inner);
  if (before !== undefined) return before;
  let size = 1;
  for (const child of tree.kind === "list" ? tree.items : [...tree.entries.values()].map((entry) => entry.tree))
    size += sizeOf(child, known);
  known.set(inner, size);
  return size;
}

/** A tree as plain data. */
export function plainValue(tree: Tree): unknown {
  if (tree.kind === "scalar") return tree.value;
  if (tree.kind === "list") return tree.items.map(plainValue);
  return Object.fromEntries([...tree.entries].map(([key, entry]) => [key, plainValue(entry.tree)]));
}
