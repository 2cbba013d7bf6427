/** Questions to the person at the terminal. They go to stderr, so that stdout is the command's own. */

import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";
import { Faults } from "../config/faults";

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
  return /^y(es)?$/i.test(await askText(`${question} [y/N]`, "yes or no"));
}

/** Asks at the terminal for a line. @param wanted what the answer is, for messages. @throws Faults where there is none */
export async function askText(question: string, wanted: string): Promise<string> {
  const lines = openInput(process.stderr);
  lines.setPrompt(`${question} `);
  lines.prompt();
  const answer = await answerOf(lines);
  if (answer !== undefined) return answer.trim();
  process.stderr.write("\n");
  throw new Faults("the answers", [`found the end of the input, wanted ${wanted}; nothing more was written`]);
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
