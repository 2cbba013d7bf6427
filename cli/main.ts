import { CommanderError } from "@commander-js/extra-typings";
import { Faults } from "../config/faults";
import { isMisuse } from "./misuse";
import { printJson, tell } from "./output";
import { createProgram } from "./program";

/**
 * Runs the command `spark-mesh` to its end. Exit status: 0 all is well, 1 a problem, 2 a mistake in the command line.
 *
 * @param words of the command line, without the program's own.
 */
export async function main(words: readonly string[]): Promise<void> {
  const program = createProgram();
  let asJson = false;
  program.hook("preAction", (_program, action) => {
    asJson = (action.opts() as { readonly json?: boolean }).json === true;
  });
  try {
    await program.parseAsync(words, { from: "user" });
  } catch (error) {
    // Help and the version end this way, too; what was wrong with the words has been said.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else fail(error, asJson);
  }
}

function fail(error: unknown, asJson: boolean): void {
  process.exitCode = isMisuse(error) ? 2 : 1;
  if (isMisuse(error)) {
    for (const line of error.lines) tell(`error: ${line}\n`);
  } else if (error instanceof Faults) {
    if (asJson) printJson({ problems: error.lines });
    tell(`${error.message}\n`);
  } else tell(`${error instanceof Error ? error.stack : error}\n`);
}
