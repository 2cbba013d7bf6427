/** The command `spark-mesh` with all that it can do. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { Command } from "@commander-js/extra-typings";
import { completeCommand, completionCommand } from "./completion";
import { discoverCommand } from "./discover";
import { doctorCommand } from "./doctor";
import { initCommand } from "./init";
import { version } from "./package";
import { recipeCommand } from "./recipe";
import { trustCommand } from "./trust";

const EXIT_CODES = `
Exit status: 0 all is well, 1 a problem, which is said, 2 a mistake in the command line.
With --json, stdout is one JSON document; where a problem ends the command, it is { "problems": [...] }.`;

/** In the order in which a person meets them. A command for something that runs goes before `doctor`. */
const COMMANDS: readonly (() => CommandUnknownOpts)[] = [
  initCommand,
  discoverCommand,
  trustCommand,
  recipeCommand,
  doctorCommand,
  completionCommand,
];

/** The whole command; it ends by CommanderError where help was asked for or its words are wrong. */
export function createProgram(): Command {
  const program = new Command("spark-mesh")
    .description("What a person runs beside `pulumi up`, for a mesh of NVIDIA DGX Sparks.")
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "print this text")
    .helpCommand(false)
    .exitOverride()
    .configureHelp({ sortSubcommands: false, helpWidth: 110 })
    .addHelpText("after", EXIT_CODES);
  for (const create of COMMANDS) program.addCommand(prepared(create(), program));
  program.addCommand(prepared(completeCommand(program), program), { hidden: true });
  return program;
}

/** A subcommand, and those below it, as the whole command has it. */
function prepared<T extends CommandUnknownOpts>(command: T, parent: CommandUnknownOpts, path = parent.name()): T {
  const own = `${path} ${command.name()}`;
  command.copyInheritedSettings(parent).helpOption("-h, --help", "print this text").helpCommand(false);
  command.showHelpAfterError(`\`${own} --help\` says what there is.`);
  for (const below of command.commands) prepared(below, command, own);
  return command.addHelpText("after", EXIT_CODES);
}
