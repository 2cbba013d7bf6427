/** What the commands say: to a person, or as one JSON document. Nothing of it moves a terminal's cursor. */

/** A text without control and format characters, but for ends of lines and tabs. */
export function printableText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => (char === "\n" || char === "\t" ? char : "?"));
}

/** Says what was asked for, on stdout. */
export function print(text: string): void {
  process.stdout.write(printableText(text));
}

/** Says what a person should know besides, on stderr. */
export function tell(text: string): void {
  process.stderr.write(printableText(text));
}

/** Prints the one document of `--json`. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2).replace(/[\p{Cf}\p{Zl}\p{Zp}]/gu, escaped)}\n`);
}

function escaped(char: string): string {
  return Array.from({ length: char.length }, (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, "0")}`).join(
    "",
  );
}

/** Ends the command with 1 where there are problems, with 0 where there are none. */
export function exitFor(problems: readonly string[]): void {
  process.exitCode = problems.length > 0 ? 1 : 0;
}
