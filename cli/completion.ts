/** Completion for shells: a script for each, and what it asks for while a person types. */

import { Argument, Command, type CommandUnknownOpts, type Option } from "@commander-js/extra-typings";
import { shippedFiles } from "../sources/recipeFile";
import { stacksHere } from "./cluster";

/** The program is the word that was typed, so that a path to it completes too. A candidate is never code to the shell. */
const SCRIPTS = {
  bash: `_spark_mesh() {
	mapfile -t COMPREPLY < <("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _spark_mesh spark-mesh
`,
  zsh: `#compdef spark-mesh
_spark_mesh() {
	local -a found
	found=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
	[[ -n \${found[1]} ]] && compadd -a found || _files
}
compdef _spark_mesh spark-mesh
`,
  fish: `complete -c spark-mesh -a '(spark-mesh complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
} as const;

const SHELLS = ["bash", "zsh", "fish"] as const;

const HOW = `
  bash   eval "$(npx spark-mesh completion bash)" in ~/.bashrc
  zsh    eval "$(npx spark-mesh completion zsh)" in ~/.zshrc, after compinit
  fish   npx spark-mesh completion fish | source, in config.fish

It completes \`spark-mesh\` as a command of its own: put node_modules/.bin of the clone into PATH.`;

export function completionCommand() {
  return new Command("completion")
    .summary("print what makes a shell complete this command")
    .description("Prints what makes a shell complete this command.")
    .addArgument(new Argument("<SHELL>").choices(SHELLS))
    .addHelpText("after", HOW)
    .action((shell) => {
      process.stdout.write(SCRIPTS[shell]);
    });
}

/** What the scripts call; not for people. @param program the whole command */
export function completeCommand(program: CommandUnknownOpts) {
  return new Command("complete")
    .argument("[WORD...]", "the words so far, the last one unfinished")
    .allowUnknownOption()
    .action((words) => {
      process.stdout.write(
        candidates(program, words)
          .map((word) => `${word}\n`)
          .join(""),
      );
    });
}

/** Words that may stand in the place of the last one, and begin like it. */
export function candidates(program: CommandUnknownOpts, words: readonly string[]): readonly string[] {
  const [typed = "", ...before] = [...words].reverse();
  let command: CommandUnknownOpts = program;
  let awaited: Option | undefined;
  for (const word of before.reverse()) {
    const option: Option | undefined = awaited
      ? undefined
      : command.options.find(({ long, short }) => word === long || word === short);
    if (!awaited && !option) command = visible(command).find((below) => below.name() === word) ?? command;
    awaited = option?.required ? option : undefined;
  }
  const all = awaited ? valuesOf(awaited.argChoices, awaited.long ?? "") : wordsOf(command, typed);
  return all.filter((word) => word.startsWith(typed));
}

function visible(command: CommandUnknownOpts): readonly CommandUnknownOpts[] {
  return command.createHelp().visibleCommands(command);
}

function wordsOf(command: CommandUnknownOpts, typed: string): readonly string[] {
  if (typed.startsWith("-")) {
    return command
      .createHelp()
      .visibleOptions(command)
      .flatMap(({ long }) => long ?? []);
  }
  return [
    ...visible(command).map((below) => below.name()),
    ...command.registeredArguments.flatMap((argument) => valuesOf(argument.argChoices, argument.name())),
  ];
}

/** The values that an option or argument may have, where they can be told; files are the shell's own. */
function valuesOf(choices: readonly string[] | undefined, name: string): readonly string[] {
  if (choices !== undefined) return choices;
  if (name === "--stack") return stacksHere();
  return name === "RECIPE" ? recipeNames() : [];
}

function recipeNames(): readonly string[] {
  return shippedFiles().flatMap((file) => /^(.+)\.ya?ml$/.exec(file)?.[1] ?? []);
}
