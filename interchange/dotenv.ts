/** One assignment of a .env file, and where it is. */
export interface Assignment {
  /** From 1. */
  readonly line: number;
  readonly value: string;
}

interface DotEnv {
  readonly values: ReadonlyMap<string, Assignment>;
  /** Never with a value in them: that may be a secret. */
  readonly faults: readonly string[];
}

/**
 * A .env file as data: nothing in it is expanded or run. A value may stand in single or double quotes, which take
 * everything up to the closing one as it is; without quotes it ends before a ` #`.
 */
export function parseDotEnv(text: string): DotEnv {
  const values = new Map<string, Assignment>();
  const faults: string[] = [];
  text.split(/\r?\n/).forEach((raw, index) => {
    const line = index + 1;
    const words = raw.trim();
    if (words === "" || words.startsWith("#")) return;
    const equals = words.indexOf("=");
    const key = words.slice(0, equals).trim();
    if (equals < 0 || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) {
      faults.push(
        `line ${line}: found no KEY=value; allowed: that with letters, digits and _ in KEY, a comment or nothing`,
      );
      return;
    }
    const first = values.get(key);
    const value = unquoted(words.slice(equals + 1).trim());
    if (first) faults.push(`line ${line}: ${key}: it is in line ${first.line} already; a key comes once`);
    else if (value === undefined)
      faults.push(`line ${line}: ${key}: found an open quote; needed: the same quote at the end`);
    else values.set(key, { line, value });
  });
  return { values, faults };
}

/** Undefined where a quote is not closed. */
function unquoted(text: string): string | undefined {
  const quote = text.charAt(0);
  if (quote !== '"' && quote !== "'") return text.replace(/(^|\s+)#.*$/, "");
  for (let close = text.indexOf(quote, 1); close > 0; close = text.indexOf(quote, close + 1)) {
    const rest = text.slice(close + 1).trimStart();
    if (rest === "" || rest.startsWith("#")) return text.slice(1, close);
  }
  return undefined;
}
