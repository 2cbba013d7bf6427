import type { Expanded, Piece } from "./template";

/** One argument, and where it starts in the command's text. */
export interface LexedWord {
  readonly text: string;
  readonly offset: number;
  /** Whether it begins with a brace outside of quotes. */
  readonly bare: boolean;
}

interface LexFault {
  readonly offset: number;
  readonly text: string;
}

interface Lexed {
  /** What a shell would run one after the other: ended by a line's end, `;` or `&&`. */
  readonly commands: readonly (readonly LexedWord[])[];
  readonly faults: readonly LexFault[];
}

/** What a shell would do with a character outside of quotes, and what to do instead. */
const SHELL: Readonly<Record<string, string>> = {
  "|": "a pipe needs a shell, and the server is the container's own process; leave it out",
  "&": "a command in the background needs a shell; the server is the container's own process",
  "<": "a redirection needs a shell; leave it out",
  ">": "a redirection needs a shell; docker keeps the server's log",
  "(": "a subshell needs a shell; write the command itself",
  ")": "a subshell needs a shell; write the command itself",
  "`": "a command substitution needs a shell; write its result",
};

const EITHER = "an alternative needs a shell; docker starts a server again that has ended";
const DOLLAR =
  "a variable or a substitution needs a shell; write its value, or a {placeholder} with one under defaults";
const QUOTED_VALUE =
  "its value has white space and quotes, and would be split at the white space; put the quotes around the placeholder, '{name}'";

/**
 * Words in shell quoting, without a shell. A placeholder is what a variable would be to one: in quotes it stays one
 * argument, outside of them it is split at white space, and nothing in it is ever code.
 */
export function lex(pieces: readonly Piece[], expanded: (name: string) => Expanded): Lexed {
  const commands: LexedWord[][] = [[]];
  const faults: LexFault[] = [];
  let word: { text: string; readonly offset: number; readonly bare: boolean } | undefined;
  let quote: { char: "'" | '"'; offset: number } | undefined;

  const endWord = () => {
    if (word) commands.at(-1)?.push(word);
    word = undefined;
  };
  const endCommand = () => {
    endWord();
    if (commands.at(-1)?.length !== 0) commands.push([]);
  };
  const add = (text: string, offset: number, quoted = quote !== undefined) => {
    if (word) word.text += text;
    else word = { text, offset, bare: !quoted && text.startsWith("{") };
  };
  const charAt = (index: number): string | undefined => {
    const piece = pieces[index];
    return piece?.kind === "char" ? piece.text : piece && "{";
  };

  for (let index = 0; index < pieces.length; index++) {
    const piece = pieces[index];
    if (!piece) break;
    const { offset } = piece;
    if (piece.kind === "placeholder") {
      const result = expanded(piece.text);
      if ("fault" in result) faults.push({ offset, text: result.fault });
      else if (quote) add(quote.char === '"' ? unescaped(result.value) : result.value, offset);
      else if (/\s/.test(result.value.trim()) && /["']/.test(result.value)) {
        faults.push({ offset, text: `{${piece.text}}: ${QUOTED_VALUE.replace("name", piece.text)}` });
      } else {
        const [first = "", ...others] = unescaped(result.value).split(/\s+/);
        if (first !== "") add(first, offset);
        for (const part of others) {
          endWord();
          if (part !== "") add(part, offset);
        }
      }
      continue;
    }
    const { text: char } = piece;
    const next = charAt(index + 1);
    if (quote?.char === "'") {
      if (char === "'") quote = undefined;
      else add(char, offset);
    } else if (char === "$" || (quote && char === "`")) {
      faults.push({ offset, text: char === "$" ? DOLLAR : (SHELL[char] ?? "") });
      // What follows is the variable's name or the substitution, and not a placeholder.
      if (pieces[index + 1]?.kind === "placeholder") index++;
      else if (next === "(" || next === "{") index = skipTo(pieces, index + 1, next === "(" ? ")" : "}");
      add("", offset);
    } else if (quote) {
      if (char === '"') quote = undefined;
      else if (char === "\\" && next === "\n") index++;
      else if (char === "\\" && next !== undefined && '$`"\\'.includes(next)) {
        add(next, offset);
        index++;
      } else add(char, offset);
    } else if (char === "'" || char === '"') {
      quote = { char, offset };
      add("", offset);
    } else if (char === "\\") {
      const rest = continuation(pieces, index, word !== undefined);
      if (rest !== undefined) {
        endWord();
        index = rest;
      } else if (next !== undefined) {
        add(next, offset);
        index++;
      }
    } else if (char === "\n" || char === ";") endCommand();
    else if (/\s/.test(char)) endWord();
    else if (char === "&" && next === "&") {
      endCommand();
      index++;
    } else if (char in SHELL) {
      endWord();
      const either = char === "|" && next === char;
      faults.push({ offset, text: either ? EITHER : (SHELL[char] ?? "") });
      if (next === char) index++;
    } else if (char === "#" && !word) {
      while (index + 1 < pieces.length && charAt(index + 1) !== "\n") index++;
    } else {
      if (char === "~" && !word)
        faults.push({ offset, text: "a home folder needs a shell; write the path in the container" });
      add(char, offset);
    }
  }
  if (quote) faults.push({ offset: quote.offset, text: `a quote (${quote.char}) that doesn't end` });
  endWord();
  return { commands: commands.filter(({ length }) => length > 0), faults };
}

/** Other tools let a shell read a value, and people escape its quotes for that: `{\"a\": 1}`. */
function unescaped(value: string): string {
  return value.includes('\\"') ? value.replace(/\\(["\\])/g, "$1") : value;
}

/**
 * The last piece of a backslash and what it joins: a line's end, white space before it as people leave it there, or in
 * a folded text the space that the line's end became. Undefined where the backslash stands for something else.
 */
function continuation(pieces: readonly Piece[], index: number, inWord: boolean): number | undefined {
  let last = index;
  for (let at = index + 1; at < pieces.length; at++) {
    const piece = pieces[at];
    if (piece?.kind !== "char" || !/\s/.test(piece.text)) break;
    last = at;
    if (piece.text === "\n") return at;
  }
  const atEnd = last === pieces.length - 1;
  return atEnd || (last > index && !inWord) ? last : undefined;
}

function skipTo(pieces: readonly Piece[], from: number, end: string): number {
  const index = pieces.findIndex((piece, at) => at > from && piece.kind === "char" && piece.text === end);
  return index === -1 ? pieces.length : index;
}
