/** The command line of the lab: verbs, flags, and what to say about a wrong one. */

/** A flag: what its value is called, or nothing for a switch. */
export interface Flag {
  readonly value?: string;
  readonly about: string;
}

export interface Verb {
  /** The words after the verb, as the usage shows them. */
  readonly operands: readonly string[];
  readonly about: string;
  readonly flags: Readonly<Record<string, Flag>>;
  /** Whether a command for the host may follow `--`. */
  readonly command?: "optional" | "required";
}

export interface Arguments {
  readonly verb: string;
  readonly operands: readonly string[];
  readonly values: Readonly<Record<string, string>>;
  readonly switches: ReadonlySet<string>;
  readonly command: readonly string[];
}

/** Thrown for a command line that means nothing; the message says what would. */
export class UsageError extends Error {}

/** Reads a command line. `help` as a verb, or `--help` anywhere before `--`, gives the verb `help`. */
export function parseArguments(verbs: Readonly<Record<string, Verb>>, words: readonly string[]): Arguments {
  const end = words.indexOf("--");
  const own = end === -1 ? words : words.slice(0, end);
  const command = end === -1 ? [] : words.slice(end + 1);
  const [name, ...rest] = own;
  if (name === undefined || name === "help" || own.includes("--help") || own.includes("-h")) {
    const about = [name, ...rest].find((word) => word !== undefined && word in verbs);
    return { verb: "help", operands: about === undefined ? [] : [about], values: {}, switches: new Set(), command: [] };
  }
  const verb = verbs[name];
  if (verb === undefined) {
    throw new UsageError(unknown("verb", name, Object.keys(verbs)));
  }
  const parsed = parseFlags(verb, rest);
  if (parsed.operands.length !== verb.operands.length) {
    const wanted = verb.operands.length === 0 ? "no operand" : verb.operands.join(" ");
    throw new UsageError(`${name}: found ${parsed.operands.join(" ") || "nothing"}, wanted ${wanted}`);
  }
  if (verb.command === undefined && end !== -1) {
    throw new UsageError(`${name}: found a command after --, wanted none`);
  }
  if (verb.command === "required" && command.length === 0) {
    throw new UsageError(`${name}: found no command, wanted one after --, like \`${name} spark-1 -- ip address\``);
  }
  return { verb: name, ...parsed, command };
}

function parseFlags(verb: Verb, words: readonly string[]): Pick<Arguments, "operands" | "values" | "switches"> {
  const operands: string[] = [];
  const values: Record<string, string> = {};
  const switches = new Set<string>();
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (!word.startsWith("-")) {
      operands.push(word);
      continue;
    }
    const [flagName = "", inline] = word.split(/=(.*)/s);
    const flag = verb.flags[flagName];
    if (flag === undefined) {
      throw new UsageError(unknown("flag", flagName, Object.keys(verb.flags)));
    }
    if (flag.value === undefined) {
      if (inline !== undefined) {
        throw new UsageError(`${flagName}: found a value, wanted none`);
      }
      switches.add(flagName);
      continue;
    }
    const value = inline ?? words[++index];
    if (value === undefined || (inline === undefined && value.startsWith("--"))) {
      throw new UsageError(`${flagName}: found no value, wanted ${flag.value}`);
    }
    values[flagName] = value;
  }
  return { operands, values, switches };
}

/** The usage of all verbs, or of one with its flags. */
export function usage(program: string, verbs: Readonly<Record<string, Verb>>, only?: string): string {
  const chosen = Object.entries(verbs).filter(([name]) => only === undefined || name === only);
  const lines = chosen.map(([name, verb]) => {
    const command = verb.command === "required" ? ["-- COMMAND"] : verb.command === "optional" ? ["[-- COMMAND]"] : [];
    const head = `  ${[name, ...verb.operands, ...command].join(" ")}`;
    const flags = Object.entries(verb.flags).map(
      ([flag, { value, about }]) => `      ${(value === undefined ? flag : `${flag} ${value}`).padEnd(26)} ${about}`,
    );
    return [`${head.padEnd(32)} ${verb.about}`, ...flags].join("\n");
  });
  return `Usage: ${program} VERB\n\n${lines.join("\n")}`;
}

function unknown(kind: string, found: string, known: readonly string[]): string {
  const nearest = [...known].sort((a, b) => distance(found, a) - distance(found, b))[0];
  const remedy = nearest === undefined ? "this verb takes none" : `did you mean ${nearest}?`;
  return `unknown ${kind} ${found}; ${remedy}`;
}

/** How many letters have to be changed, added or removed to make one word the other. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const change = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
