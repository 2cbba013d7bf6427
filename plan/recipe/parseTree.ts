import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type ScalarTag,
  type YAMLMap,
} from "yaml";
import { Faults } from "../../config/faults";
import { oneLine, shown } from "../../config/judge";
import {
  type Entry,
  type MappingTree,
  type Origin,
  type Place,
  placeText,
  plainValue,
  type ScalarTree,
  sizeOf,
  type Tree,
} from "./tree";

/** A file's mapping. */
export interface ParsedTree {
  readonly root: MappingTree;
  /** One line, place first, for every key that stands twice with the same value. */
  readonly repeated: readonly string[];
}

type Tags = NonNullable<Parameters<typeof parseDocument>[1]>["customTags"];

/** PyYAML, which other tools read with, keeps to YAML 1.1; a date or 12:30 is nobody's number in a recipe. */
const RECIPE_YAML = {
  version: "1.1",
  stringKeys: true,
  // PyYAML lets the last one count without a word; here that is validated by what the two say.
  uniqueKeys: false,
  // Made pretty, each of many errors would take the longer, the more there are.
  prettyErrors: false,
  customTags: ((tags: ScalarTag[]) => tags.filter((tag) => !isTime(tag))) as unknown as NonNullable<Tags>,
} as const;

/** No recipe comes near: the largest public one has 20 KB and five levels. */
const MAX_LENGTH = 1 << 20;
const MAX_TOKENS = 100_000;
const MAX_DEPTH = 60;
/** Values, each alias counted with all that it stands for. */
const MAX_VALUES = 200_000;

function isTime({ tag, format }: ScalarTag): boolean {
  return tag === "tag:yaml.org,2002:timestamp" || format === "TIME";
}

/**
 * A recipe's file as a tree.
 *
 * @throws Faults where the text is no mapping in YAML, with a line and a column for each thing that is wrong.
 */
export function parseTree(file: string, text: string): ParsedTree {
  const lineCounter = new LineCounter();
  const origin: Origin = {
    text,
    place: (offset) => {
      const { line, col } = lineCounter.linePos(offset);
      return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
    },
  };
  const refuse = (offset: number, why: string): never => {
    throw new Faults("the recipe", [`${origin.place(offset)}: ${why}`]);
  };
  const tooMuch = excess(text);
  if (tooMuch !== undefined) return refuse(0, tooMuch);
  const document = parseDocument(text, { lineCounter, ...RECIPE_YAML });
  const [error] = [...document.errors, ...document.warnings];
  if (error) {
    const [reason = ""] = error.message.split("\n");
    return refuse(error.pos[0], `malformed YAML (${oneLine(reason.replace(/(;| at line) .*$/, ""))})`);
  }
  const contents: unknown = document.contents;
  if (!isMap(contents)) return refuse(startOf(contents) ?? 0, "found no mapping; needed: a recipe");
  const builder = new TreeBuilder(origin);
  const root = builder.build(contents, 0);
  if (builder.problems.length === 0 && root.kind === "mapping" && sizeOf(root) > MAX_VALUES)
    builder.problems.push(`${placeText(root.place)}: aliases make more than ${MAX_VALUES} values of it`);
  if (builder.problems.length > 0 || root.kind !== "mapping") throw new Faults("the recipe", builder.problems);
  return { root, repeated: builder.repeated };
}

/** What the parser is to be spared: it goes down a level for each level, and would take the process with it. */
function excess(text: string): string | undefined {
  if (text.length > MAX_LENGTH) return `found ${text.length} characters; allowed: ${MAX_LENGTH}`;
  let [tokens, flow, inLine] = [0, 0, 0];
  for (const token of new Lexer().lex(text)) {
    if (token === "[" || token === "{") flow++;
    else if (token === "]" || token === "}") flow--;
    else if (token === "-" || token === "?" || token === ":") inLine++;
    else if (token.includes("\n")) inLine = 0;
    if (flow + inLine > 2 * MAX_DEPTH) return `nested deeper than ${MAX_DEPTH} levels`;
    if (++tokens > MAX_TOKENS) return `found more than ${MAX_TOKENS} words and signs of YAML; allowed: so many`;
  }
  return undefined;
}

/** Goes through a document in its order, as anchors count from where they stand. */
class TreeBuilder {
  readonly problems: string[] = [];
  readonly repeated: string[] = [];
  /** Undefined while what is anchored isn't at its end. */
  private readonly anchors = new Map<string, Tree | undefined>();

  constructor(private readonly origin: Origin) {}

  build(node: unknown, depth: number): Tree {
    const place = this.placeOf(node);
    if (node === null || node === undefined) return this.nothing(place);
    if (depth > MAX_DEPTH) return this.problem(place, `nested deeper than ${MAX_DEPTH} levels`);
    if (isAlias(node)) {
      const anchored = this.anchors.get(node.source);
      if (anchored) return { ...anchored, place };
      const isOpen = this.anchors.has(node.source);
      return this.problem(
        place,
        `*${oneLine(node.source)}: ${isOpen ? "contains itself" : "no such anchor before it"}`,
      );
    }
    const anchor = (node as Node & { readonly anchor?: string }).anchor;
    if (anchor !== undefined) this.anchors.set(anchor, undefined);
    const tree = this.unanchored(node, place, depth);
    if (anchor !== undefined) this.anchors.set(anchor, tree);
    return tree;
  }

  private unanchored(node: unknown, place: Place, depth: number): Tree {
    if (isMap(node)) return this.mapping(node, place, depth);
    if (isSeq(node)) return { kind: "list", items: node.items.map((item) => this.build(item, depth + 1)), place };
    if (!isScalar(node)) return this.problem(place, "found a tag that no recipe needs");
    const { value, source, range } = node;
    if (typeof value === "bigint" || (typeof value === "object" && value !== null))
      return this.problem(place, "found a value that is no text, no number and not true or false");
    const written = value === null ? undefined : typeof value === "string" ? value : (source ?? String(value));
    const [start = place.offset, end = start] = range ?? [];
    const text = { origin: this.origin, start, end };
    return { kind: "scalar", value: value as ScalarTree["value"], written, place, text };
  }

  private mapping({ items }: YAMLMap, place: Place, depth: number): MappingTree {
    const own = new Map<string, Entry>();
    const merged = new Map<string, Entry>();
    for (const { key, value } of items as Pair[]) {
      // A key that isn't there stands where its value does.
      const keyTree = key ? this.build(key, depth + 1) : this.nothing(this.placeOf(value));
      const name = keyTree.kind === "scalar" ? (keyTree.written ?? "") : "";
      const tree = value ? this.build(value, depth + 1) : this.nothing(keyTree.place);
      const entry = { place: keyTree.place, tree };
      if (isMergeKey(key)) for (const [inner, from] of this.merged(entry.tree)) add(merged, inner, from);
      else if (!own.has(name)) own.set(name, entry);
      else this.again(name, own.get(name) ?? entry, entry);
    }
    // PyYAML has what is merged first, and the mapping's own over it.
    const entries = new Map([...merged, ...own]);
    return { kind: "mapping", entries, place };
  }

  /** What `<<` brings; of several mappings the first that has a key counts. */
  private merged(tree: Tree): readonly (readonly [string, Entry])[] {
    const mappings = tree.kind === "list" ? tree.items : [tree];
    return mappings.flatMap((mapping) => {
      if (mapping.kind === "mapping") return [...mapping.entries];
      // What has a problem of its own is said already.
      if (this.problems.length === 0)
        this.problem(
          mapping.place,
          `<<: found ${shown(plainValue(mapping))}; allowed: a mapping, or a list of mappings`,
        );
      return [];
    });
  }

  private again(name: string, first: Entry, second: Entry): void {
    const where = `${placeText(second.place)}: ${oneLine(name)}: already at ${placeText(first.place)}`;
    const isSame = textOf(first.tree) === textOf(second.tree);
    (isSame ? this.repeated : this.problems).push(`${where}, with ${isSame ? "the same" : "another"} value`);
  }

  private problem(place: Place, why: string): ScalarTree {
    this.problems.push(`${placeText(place)}: ${why}`);
    return this.nothing(place);
  }

  private nothing(place: Place): ScalarTree {
    const { origin, offset } = place;
    const text = { origin, start: offset, end: offset };
    return { kind: "scalar", value: null, written: undefined, place, text };
  }

  private placeOf(node: unknown): Place {
    return { origin: this.origin, offset: startOf(node) ?? 0 };
  }
}

function add<V>(map: Map<string, V>, key: string, value: V): void {
  if (!map.has(key)) map.set(key, value);
}

/** Plain: in quotes it is a name like any other. */
function isMergeKey(key: unknown): boolean {
  if (!isScalar(key) || (key.type !== undefined && key.type !== "PLAIN")) return false;
  const { value } = key;
  return value === "<<" || (typeof value === "symbol" && value.description === "<<");
}

function startOf(node: unknown): number | undefined {
  return (node as { readonly range?: readonly [number, number, number] } | undefined | null)?.range?.[0];
}

function textOf(tree: Tree): string {
  return sizeOf(tree) > MAX_VALUES ? placeText(tree.place) : JSON.stringify(plainValue(tree));
}
