import type { Parameters } from "../recipe/parameters";

type Values = Readonly<Record<string, string | number | boolean>>;

/**
 * The default that an override like `speculative_config.method` changes one value of; undefined where it is no mapping.
 * A mapping may be written as JSON, too.
 */
export function rootOf(key: string, defaults: Parameters): string | undefined {
  const [root = ""] = key.split(".");
  if (root === key || !Object.hasOwn(defaults, root)) return undefined;
  return mappingOf(defaults[root] ?? "") && root;
}

function mappingOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isMapping(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The mappings that overrides change values of, as JSON, and those values by their own names: `name.key`. */
export function changedWithin(defaults: Parameters, values: Values): Parameters {
  const changed: Record<string, string> = {};
  const depth = (key: string) => key.split(".").length;
  const keys = Object.keys(values).filter((key) => rootOf(key, defaults) !== undefined);
  // The shorter first: what is set within a mapping counts over the whole of it.
  for (const key of keys.sort((a, b) => depth(a) - depth(b))) {
    const [root = "", ...path] = key.split(".");
    const mapping = mappingOf(changed[root] ?? String(values[root] ?? defaults[root])) ?? {};
    changed[root] = JSON.stringify(withValue(mapping, path, values[key]));
    changed[key] = String(values[key]);
  }
  return changed;
}

function withValue(mapping: Readonly<Record<string, unknown>>, path: readonly string[], value: unknown): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return value;
  const below = Object.hasOwn(mapping, name) ? mapping[name] : undefined;
  return { ...mapping, [name]: withValue(isMapping(below) ? below : {}, rest, value) };
}
