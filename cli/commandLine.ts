/** What the commands of `cli/` share: how they read their words, ask, tell faults and end. */

import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { Faults } from "../config/faults";

const SUBJECT = "the command line";

/** A mistake in the command line, one line each. */
export function misused(...lines: readonly string[]): Faults {
  return new Faults(SUBJECT, lines);
}

/** The words and options of a command line. @throws Faults with what isn't among `options` */
export function parseWords<T extends NonNullable<ParseArgsConfig["options"]>>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    throw misused(`${error instanceof Error ? error.message : error}; --help says what there is`);
  }
}

/** Runs a command to its end. Exit status: 2 for a mistake in the command line, 1 for any other fault. */
export function runCommand(command: () => Promise<void>): void {
  command().catch((error: unknown) => {
    process.stderr.write(
      `${error instanceof Faults || !(error instanceof Error) ? error : error.stack}\n`.replace(/^Faults: /, ""),
    );
    process.exitCode = error instanceof Faults && error.subject === SUBJECT ? 2 : 1;
  });
}

/** Asks for a line that isn't shown; reads it from stdin where there is no terminal. */
export async function askSecret(question: string): Promise<string> {
  const lines = openInput(new Writable({ write: (_chunk, _encoding, done) => done() }));
  process.stderr.write(question);
  const answer = (await answerOf(lines)) ?? "";
  process.stderr.write("\n");
  return answer;
}

/** Asks at the terminal for a yes; any other answer is a no. @throws Faults where there is none */
export async function askYes(question: string): Promise<boolean> {
  const lines = openInput(process.stderr);
  lines.setPrompt(`${question} [y/N] `);
  lines.prompt();
  const answer = await answerOf(lines);
  if (answer !== undefined) return /^y(es)?$/i.test(answer.trim());
  process.stderr.write("\n");
  throw new Faults("the answers", ["found the end of the input, wanted yes or no; nothing more was written"]);
}

/** From here on a terminal's Ctrl-C is the end of the input. */
function openInput(output: NodeJS.WritableStream): Interface {
  return createInterface({ input: process.stdin, output, terminal: process.stdin.isTTY === true });
}

/** The next line; undefined at the end of the input. */
function answerOf(lines: Interface): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer: string | undefined;
    lines.once("line", (line) => {
      answer = line;
      lines.close();
    });
    lines.once("close", () => resolve(answer));
  });
}
