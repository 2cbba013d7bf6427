import { mappingOver } from "./include";
import { type Recipe, recipeOf, type Written } from "./recipe";
import { sourceOf } from "./source";
import type { Entry, MappingTree } from "./tree";

/** What a launch is without the recipe's `overrides`: what their conditions ask of. */
export interface LaunchShape {
  readonly tensor: number;
  readonly pipeline: number;
  readonly data: number;
  readonly expert: number;
  readonly context: number;
  /** How many hosts it takes. */
  readonly nodes: number;
  /** As sparkrun calls it: `vllm-distributed`, `vllm-ray`. */
  readonly runtime: string;
  /** A default or what overrides it, as it was written; undefined for nothing. */
  readonly config: (name: string) => unknown;
}

/** One entry of `overrides`. */
type Layer = NonNullable<Written["overrides"]>[number];

type Operands = readonly (readonly [string, unknown])[];

/** A Spark, in sparkrun's words. */
const SPARK: Readonly<Record<string, unknown>> = {
  platform: "dgx-spark",
  vendor: "nvidia",
  accelerator: "gb10",
  arch: "sm_121",
  capability: new Set(["cuda", "gb10", "rdma:roce-v2", "unified-memory"]),
  memory_gb: 121,
  gpus_per_node: 1,
};

const NUMERIC = ["gt", "gte", "lt", "lte"];
const OPERATORS = ["eq", "ne", "in", "not_in", ...NUMERIC];
/** Names: none of them is more than another. */
const UNORDERED = ["runtime", "runtime_family", "platform", "vendor", "accelerator", "arch", "capability"];

/**
 * A recipe with its `overrides` that apply, in their order and the later over the earlier; as sparkrun has them, what
 * can't be understood doesn't apply, with a warning.
 *
 * @throws Faults where what they make is no recipe.
 */
export function withLayers(recipe: Recipe, shapeOf: (recipe: Recipe) => LaunchShape): Recipe {
  if (recipe.layers.length === 0) return recipe;
  const { source } = recipe;
  const shape = shapeOf(recipe);
  const warnings: string[] = [];
  let tree: MappingTree = source.tree;
  recipe.layers.forEach((layer, index) => {
    const unknown = notUnderstood(layer);
    const at = `${source.at(["overrides", index, "when"])}: overrides[${index}].when`;
    if (unknown.length > 0) warnings.push(`${at}: doesn't apply: ${unknown.join(", ")}`);
    else if (Object.entries(layer.when).every(([selector, wanted]) => holds(selector, wanted, shape))) {
      if ("memory_gb" in layer.when) warnings.push(`${at}: memory_gb is taken for ${SPARK.memory_gb}, a Spark's`);
      const written = source.tree.entries.get("overrides")?.tree;
      const own = written?.kind === "list" ? written.items[index] : undefined;
      if (own?.kind === "mapping") tree = layerOver(tree, own);
    }
  });
  const layered = recipeOf(sourceOf(source.file, tree, source.repeated));
  return { ...layered, layers: [], warnings: [...layered.warnings, ...warnings] };
}

function layerOver(tree: MappingTree, layer: MappingTree): MappingTree {
  const entries = new Map(tree.entries);
  for (const key of ["defaults", "env", "container"]) {
    const entry = layer.entries.get(key);
    if (entry) entries.set(key, entryOver(entries.get(key), entry));
  }
  return { ...tree, entries };
}

function entryOver(below: Entry | undefined, above: Entry): Entry {
  if (above.tree.kind !== "mapping" || below?.tree.kind !== "mapping") return above;
  return { ...above, tree: mappingOver(below.tree, above.tree, true) };
}

/** A value, a list of which one fits, or operators. */
function operandsOf(wanted: unknown): Operands {
  if (Array.isArray(wanted)) return [["in", wanted]];
  return typeof wanted === "object" && wanted !== null ? Object.entries(wanted) : [["eq", wanted]];
}

const SHAPES: Readonly<Record<string, (shape: LaunchShape) => unknown>> = {
  tp: ({ tensor }) => tensor,
  pp: ({ pipeline }) => pipeline,
  dp: ({ data }) => data,
  ep: ({ expert }) => expert,
  cp: ({ context }) => context,
  nodes: ({ nodes }) => nodes,
  runtime: ({ runtime }) => runtime,
  runtime_family: ({ runtime }) => runtime.replace(/-.*/, ""),
};

/** What sparkrun doesn't know either: of such a condition nobody can say that it holds. */
function notUnderstood({ when }: Layer): readonly string[] {
  return Object.entries(when).flatMap(([selector, wanted]) => {
    if (selector === "config")
      return Object.entries(wanted as Record<string, unknown>).flatMap(([key, inner]) =>
        unknownOperators(`config.${key}`, inner),
      );
    if (!Object.hasOwn(SHAPES, selector) && !Object.hasOwn(SPARK, selector)) return [`unknown condition ${selector}`];
    return unknownOperators(selector, wanted);
  });
}

function unknownOperators(selector: string, wanted: unknown): readonly string[] {
  return operandsOf(wanted).flatMap(([operator]) => {
    if (!OPERATORS.includes(operator)) return [`${selector}: unknown operator ${operator}`];
    const isOrder = NUMERIC.includes(operator) && UNORDERED.includes(selector);
    return isOrder ? [`${selector}: ${operator} needs a number`] : [];
  });
}

function holds(selector: string, wanted: unknown, shape: LaunchShape): boolean {
  if (selector === "config")
    return Object.entries(wanted as Record<string, unknown>).every(([key, inner]) => {
      const actual = shape.config(key);
      return operandsOf(inner).every(([operator, operand]) => test(key, operator, operand, actual));
    });
  const actual = Object.hasOwn(SHAPES, selector) ? SHAPES[selector]?.(shape) : SPARK[selector];
  return operandsOf(wanted).every(([operator, operand]) => test(selector, operator, operand, actual));
}

function test(selector: string, operator: string, operand: unknown, actual: unknown): boolean {
  if (actual === undefined || actual === null) return operator === "ne" || operator === "not_in";
  const wanted = (Array.isArray(operand) ? operand : [operand]).map((one) => plain(selector, one));
  if (NUMERIC.includes(operator)) {
    const [a, b] = [plain(selector, actual), plain(selector, operand)];
    if (typeof a !== "number" || typeof b !== "number") return false;
    return operator === "gt" ? a > b : operator === "gte" ? a >= b : operator === "lt" ? a < b : a <= b;
  }
  const found = actual instanceof Set ? [...actual] : [actual];
  const isOne = found.some((one) => wanted.includes(plain(selector, one)));
  return operator === "eq" || operator === "in" ? isOne : !isOne;
}

/** What is compared: a text without its case, a number however it is written; true is no 1. */
function plain(selector: string, value: unknown): string | number | boolean {
  const text = String(value).trim().toLowerCase();
  if (selector === "arch") return architecture(text);
  if (typeof value === "boolean" || typeof value === "number") return value;
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** `sm_121`, also for `sm_121a` and `12.1`. */
function architecture(text: string): string {
  const [, major, minor] = /^(\d+)\.(\d)$/.exec(text) ?? [];
  return major === undefined ? text.replace(/^(sm_\d+)[a-z]$/, "$1") : `sm_${major}${minor}`;
}
