import { nearest } from "../../config/nearest";
import type { Parameters } from "./parameters";

/** One character of a command, or one placeholder, and where it is in the command's text. */
export interface Piece {
  readonly kind: "char" | "placeholder";
  /** The character, or the placeholder's name. */
  readonly text: string;
  readonly offset: number;
}

const PLACEHOLDER = /\{([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)?)\}/;
const FIRST = new RegExp(`^${PLACEHOLDER.source}`);
const INNER = new RegExp(PLACEHOLDER.source, "g");

/** With its braces; longer ones are nobody's names. */
const MAX_NAME = 200;

/**
 * A command template as its pieces. A placeholder is `{name}` or `{name.name}`, with dashes in names as under `defaults`;
 * any other brace is literal, and so are `{{` and `}}`, for one brace each, where the command has a `{{` at all.
 */
export function piecesOf(template: string): readonly Piece[] {
  const doubled = template.includes("{{");
  // A text that was put together is slow to look into, character by character.
  const chars = template.split("");
  const pieces: Piece[] = [];
  for (let offset = 0; offset < chars.length; ) {
    const char = chars[offset] ?? "";
    const isDouble = doubled && (char === "{" || char === "}") && chars[offset + 1] === char;
    const name = char === "{" && !isDouble ? placeholderAt(chars, offset) : undefined;
    pieces.push({ kind: name === undefined ? "char" : "placeholder", text: name ?? char, offset });
    offset += isDouble ? 2 : name === undefined ? 1 : name.length + 2;
  }
  return pieces;
}

function placeholderAt(chars: readonly string[], offset: number): string | undefined {
  const text = chars.slice(offset, offset + MAX_NAME).join("");
  return FIRST.exec(text)?.[1];
}

/** A parameter's value with the placeholders in it replaced, or why there is none. */
export type Expanded = { readonly value: string } | { readonly fault: string };

/** Longer than any argument that a kernel takes: values that hold each other again and again grow without an end. */
const MAX_LENGTH = 128 << 10;

/**
 * What placeholders stand for. Values may hold placeholders, in single braces only; each is looked at once.
 *
 * @param used gets the name of every parameter that was looked at.
 */
export function expander(parameters: Parameters, used: Set<string>): (name: string) => Expanded {
  const known = new Map<string, Expanded>();
  const expand = (name: string, path: readonly string[]): Expanded => {
    const before = known.get(name);
    if (before) return before;
    if (path.includes(name)) return { fault: `placeholders in a cycle: ${[...path, name].join(" -> ")}` };
    const value = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
    if (value === undefined) {
      const near = nearest(name, Object.keys(parameters));
      const hint = near === undefined ? "" : ` (did you mean {${near}}?)`;
      const within = path.length === 0 ? "" : ` in ${path.at(-1)}`;
      return { fault: `no value for {${name}}${within}${hint}; give it one under defaults or as an override` };
    }
    used.add(name).add(name.replace(/\..*$/, ""));
    const expanded = inner(value, name, path);
    known.set(name, expanded);
    return expanded;
  };
  const inner = (value: string, name: string, path: readonly string[]): Expanded => {
    let fault: string | undefined;
    let length = value.length;
    const text = value.replace(INNER, (whole, placeholder: string) => {
      if (fault !== undefined) return whole;
      const expanded = expand(placeholder, [...path, name]);
      if ("fault" in expanded) fault = expanded.fault;
      else length += expanded.value.length;
      if (length > MAX_LENGTH) fault ??= `{${name}}: more than ${MAX_LENGTH} characters with the values in it`;
      return "value" in expanded && fault === undefined ? expanded.value : whole;
    });
    return fault === undefined ? { value: text } : { fault };
  };
  return (name) => expand(name, []);
}
