import { nearest } from "../../config/nearest";
import type { Parameters } from "./parameters";

/** One character of a command, or one placeholder, and where it is in the command's text. */
export type Piece =
  | { readonly kind: "char"; readonly char: string; readonly offset: number }
  | { readonly kind: "placeholder"; readonly name: string; readonly offset: number };

const PLACEHOLDER = /\{([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)?)\}/y;

/**
 * A command template as its pieces. A placeholder is `{name}` or `{name.name}`, with dashes in names as under `defaults`;
 * any other brace is literal, and so are `{{` and `}}`, for one brace each, where the command has a `{{` at all.
 */
export function piecesOf(template: string): readonly Piece[] {
  const doubled = template.includes("{{");
  const pieces: Piece[] = [];
  for (let offset = 0; offset < template.length; ) {
    const char = template[offset] ?? "";
    if (doubled && (char === "{" || char === "}") && template[offset + 1] === char) {
      pieces.push({ kind: "char", char, offset });
      offset += 2;
      continue;
    }
    PLACEHOLDER.lastIndex = offset;
    const name = PLACEHOLDER.exec(template)?.[1];
    pieces.push(name === undefined ? { kind: "char", char, offset } : { kind: "placeholder", name, offset });
    offset += name === undefined ? 1 : name.length + 2;
  }
  return pieces;
}

/** A parameter's value with the placeholders in it replaced, or why there is none. */
export type Expanded = { readonly value: string } | { readonly fault: string };

/**
 * What a placeholder stands for. Values may hold placeholders, in single braces only.
 *
 * @param used gets the name of every parameter that was looked at.
 */
export function expand(
  name: string,
  parameters: Parameters,
  used: Set<string>,
  path: readonly string[] = [],
): Expanded {
  if (path.includes(name)) return { fault: `placeholders in a cycle: ${[...path, name].join(" -> ")}` };
  const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
  if (value === undefined) {
    const near = nearest(name, Object.keys(parameters));
    const hint = near === undefined ? "" : ` (did you mean {${near}}?)`;
    const within = path.length === 0 ? "" : ` in ${path.at(-1)}`;
    return { fault: `no value for {${name}}${within}${hint}; give it one under defaults or as an override` };
  }
  used.add(name).add(name.replace(/\..*$/, ""));
  let fault: string | undefined;
  const text = value.replace(new RegExp(PLACEHOLDER.source, "g"), (whole, inner: string) => {
    const expanded = expand(inner, parameters, used, [...path, name]);
    if ("value" in expanded) return expanded.value;
    fault ??= expanded.fault;
    return whole;
  });
  return fault === undefined ? { value: text } : { fault };
}
