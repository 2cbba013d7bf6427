import type { RecipeSource } from "./source";

/** Values by name, as texts: what a placeholder or a flag gets. */
export type Parameters = Readonly<Record<string, string>>;

type Plain = string | number | boolean | null;

/**
 * `defaults` as texts: a scalar as it is written, a list as its items with spaces between them, a mapping as JSON, and
 * each scalar in a mapping as `name.key`. A null has no value.
 */
export function flatten(source: RecipeSource, defaults: Readonly<Record<string, unknown>>): Parameters {
  const entries = Object.entries(defaults).flatMap(([name, value]): readonly (readonly [string, string])[] => {
    if (value === null) return [];
    if (Array.isArray(value)) {
      return [[name, value.map((item, index) => source.written(["defaults", name, index]) ?? String(item)).join(" ")]];
    }
    if (typeof value === "string") return [[name, withoutDoubled(value)]];
    if (typeof value !== "object") return [[name, source.written(["defaults", name]) ?? String(value)]];
    const parts = Object.entries(value as Record<string, Plain>)
      .filter(([, part]) => part !== null && typeof part !== "object")
      .map(([key, part]) => [`${name}.${key}`, source.written(["defaults", name, key]) ?? String(part)] as const);
    return [[name, JSON.stringify(value)], ...parts];
  });
  return Object.fromEntries(entries);
}

/** No JSON has `{{`: who writes it doubles all braces, for a template that takes one of two. */
function withoutDoubled(text: string): string {
  return text.includes("{{") ? text.replaceAll("{{", "{").replaceAll("}}", "}") : text;
}
