import { oneLine } from "../../config/judge";
import type { Parameters } from "./parameters";
import type { Recipe } from "./recipe";
import { expander, piecesOf } from "./template";
import { type LexedWord, lex } from "./words";

/** One argument of the server, and `FILE:LINE:COLUMN` of where it comes from. */
export interface Word {
  readonly text: string;
  readonly at: string;
}

/** A recipe's command as data. */
export interface Command {
  /** Variables that stand before the server, as a shell has them. */
  readonly env: Readonly<Record<string, string>>;
  readonly words: readonly Word[];
  /** Names of the parameters that were put in. */
  readonly used: ReadonlySet<string>;
  readonly faults: readonly string[];
}

const ASSIGNMENT = /^[A-Za-z_]\w*=/;

/**
 * The argument list that a recipe's command makes with these parameters; no shell is ever asked. Faults: what only a
 * shell could do, quotes that don't end, placeholders without a value, an argument in braces that is no JSON.
 */
export function renderCommand({ source, command = "" }: Recipe, parameters: Parameters): Command {
  const used = new Set<string>();
  const lexed = lex(piecesOf(command), expander(parameters, used));
  const at = (offset: number) => source.inside(["command"], offset);
  const line = (offset: number, text: string) => `${at(offset)}: command: ${text}`;
  const faults = lexed.faults.map(({ offset, text }) => line(offset, text));

  const variables: LexedWord[] = [];
  const before = lexed.commands.slice(0, -1);
  for (const [first, ...others] of before) {
    const words = first?.text === "export" ? others : first ? [first, ...others] : [];
    const stray = words.find(({ text }) => !ASSIGNMENT.test(text));
    if (stray) {
      const offset = first?.offset ?? stray.offset;
      faults.push(
        line(
          offset,
          "more than one command: before the server only `export NAME=value` may stand; end a line that goes on with \\, without a comment or an empty line after it",
        ),
      );
    } else variables.push(...words);
  }
  const server = [...(lexed.commands.at(-1) ?? [])];
  // `exec` and `env` are how people start a server in a script; here nothing is around it anyway.
  for (
    let [first] = server;
    first && (ASSIGNMENT.test(first.text) || /^(exec|env)$/.test(first.text));
    [first] = server
  ) {
    if (ASSIGNMENT.test(first.text)) variables.push(first);
    server.shift();
  }
  if (faults.length === 0)
    faults.push(
      ...server.flatMap((word, index) => {
        if (isCut(word)) return [cutFault(server, index, line)];
        return jsonFault(word, command).map((text) => line(word.offset, text));
      }),
    );
  return {
    env: Object.fromEntries(
      variables.map(({ text }) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)]),
    ),
    words: server.map(({ text, offset }) => ({ text, at: at(offset) })),
    used,
    faults,
  };
}

/** Whether a word is the beginning of something in braces that goes on in the next word. */
function isCut({ bare, text }: LexedWord): boolean {
  return bare && text.split("{").length > text.split("}").length;
}

/** Said of the flag, which is what a reader looks for. */
function cutFault(server: readonly LexedWord[], index: number, line: (offset: number, text: string) => string): string {
  const flag = server[index - 1];
  const named = flag?.text.startsWith("-") ? [flag] : [];
  const words = [...named, ...server.slice(index, index + 1)];
  const found = words.map(({ text }) => oneLine(text)).join(" ");
  return line(
    words[0]?.offset ?? 0,
    `${found} ...: an argument in braces must be JSON, and without quotes it is split at its spaces; quote the whole of it: '{"name": "value"}'`,
  );
}

/** An argument in braces with a colon is JSON to vLLM; a template in Jinja begins with two signs. */
function jsonFault({ text }: LexedWord, command: string): readonly string[] {
  if (!/^\{[^{%#].*:.*\}$/s.test(text)) return [];
  try {
    JSON.parse(text);
    return [];
  } catch {
    const remedy = command.includes("{{")
      ? "where a command has {{, {{ and }} are one brace each: double all of them"
      : `quote the whole argument: '{"name": "value"}'`;
    return [`found ${oneLine(text)}, which is no JSON; ${remedy}`];
  }
}
