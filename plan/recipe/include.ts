import { Faults } from "../../config/faults";
import { shown } from "../../config/judge";
import { parseSource, type RecipeSource, sourceOf } from "./source";
import type { Entry, MappingTree } from "./tree";

/** The file of a recipe, as messages name it, and its text. */
export interface RecipeText {
  readonly file: string;
  readonly text: string;
}

/**
 * Reads the recipe that another one is built on.
 *
 * @param file the one that includes it.
 * @param name as it is written there, with or without .yaml, or `@registry/name`.
 * @throws Faults where there is none.
 */
export type ReadBase = (file: string, name: string) => RecipeText;

/** As many as sparkrun follows. */
const MAX_DEPTH = 8;

/** Each of their values is one setting, and replaced whole. */
const ATOMIC = ["defaults", "env"];

/** A file's name beside the recipe, or a recipe of a registry: nothing that leads anywhere else. */
const BASE = /^(@[A-Za-z0-9][\w.-]*\/)?[A-Za-z0-9_][A-Za-z0-9._+-]*$/;

/**
 * A recipe with what it includes under it: mappings key by key, `overrides` one list after the other, all else replaced,
 * and a null takes away what the base has.
 *
 * @throws Faults where a base can't be had, includes in a circle, or is of version 1.
 */
export function withIncluded(source: RecipeSource, readBase: ReadBase, files: readonly string[] = []): RecipeSource {
  if (!source.tree.entries.has("include")) return source;
  const problem = (why: string): Faults => new Faults("the recipe", [`${source.at(["include"])}: include: ${why}`]);
  const name = source.written(["include"])?.trim() ?? "";
  if (!BASE.test(name)) {
    const found = shown(source.value.include);
    throw problem(
      `found ${found}; allowed: the name of a recipe's file beside this one, without a folder, or @registry/name`,
    );
  }
  if (isVersion1(source)) throw problem("needs recipe_version 2; version 1 has no include");
  const path = [...files, source.file];
  if (path.length > MAX_DEPTH) throw problem(`a chain of more than ${MAX_DEPTH} recipes`);
  const text = baseText(() => readBase(source.file, name), problem);
  if (path.includes(text.file)) throw problem(`recipes in a cycle: ${[...path, text.file].join(" -> ")}`);
  const found = parseSource(text.file, text.text);
  if (isVersion1(found)) throw problem(`${text.file} is of version 1, which can't be built on`);
  const base = withIncluded(found, readBase, path);
  return sourceOf(source.file, mergedOver(base.tree, source.tree), [...base.repeated, ...source.repeated]);
}

function baseText(read: () => RecipeText, problem: (why: string) => Faults): RecipeText {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Faults)) throw error;
    throw problem(error.lines.join("; "));
  }
}

function isVersion1(source: RecipeSource): boolean {
  return /^1(\.0)?$/.test(source.written(["recipe_version"]) ?? "");
}

function mergedOver(base: MappingTree, outer: MappingTree): MappingTree {
  const entries = new Map(base.entries);
  for (const [key, entry] of outer.entries) {
    const below = entries.get(key)?.tree;
    if (isNothing(entry)) entries.delete(key);
    else if (key === "overrides" && entry.tree.kind === "list" && below?.kind === "list")
      entries.set(key, { ...entry, tree: { ...entry.tree, items: [...below.items, ...entry.tree.items] } });
    else if (entry.tree.kind === "mapping" && below?.kind === "mapping")
      entries.set(key, { ...entry, tree: mappingOver(below, entry.tree, ATOMIC.includes(key)) });
    else entries.set(key, entry);
  }
  entries.delete("include");
  return { ...outer, entries };
}

/** @param isAtomic whether a mapping in it is replaced, too. */
export function mappingOver(base: MappingTree, outer: MappingTree, isAtomic: boolean): MappingTree {
  const entries = new Map(base.entries);
  for (const [key, entry] of outer.entries) {
    const below = entries.get(key)?.tree;
    if (isNothing(entry)) entries.delete(key);
    else if (!isAtomic && entry.tree.kind === "mapping" && below?.kind === "mapping")
      entries.set(key, { ...entry, tree: mappingOver(below, entry.tree, false) });
    else entries.set(key, entry);
  }
  return { ...outer, entries };
}

function isNothing({ tree }: Entry): boolean {
  return tree.kind === "scalar" && tree.value === null;
}
