/** The command lines that demo, tests and benchmark give an engine: what isn't here can't be asked of one. */

/**
 * The verbs, and the flags that each is given. A flag that ends in `=` takes a value. The lab engine implements all of
 * them; `tests/lab/commands.test.ts` holds it to that.
 */
export const FLAGS = {
  preview: ["--diff", "--expect-no-changes", "--save-plan="],
  up: ["--yes", "--skip-preview", "--diff", "--expect-no-changes", "--plan="],
  destroy: ["--yes", "--skip-preview", "--diff", "--run-program", "--continue-on-error"],
  refresh: ["--yes", "--skip-preview"],
  cancel: ["--yes"],
  "stack init": [],
  "stack output": ["--json"],
  "stack export": [],
  "config set": ["--secret", "--path"],
} as const;

/** What only the Pulumi CLI is asked, where a test or the benchmark has made sure that it is one. */
const CLI_FLAGS = {
  ...FLAGS,
  destroy: [...FLAGS.destroy, "--target="],
  config: ["--json", "--show-secrets"],
} as const;

export type Verb = keyof typeof CLI_FLAGS;

/** A flag of a verb, as it is written: `--plan=FILE` where it takes a value. */
export type Flag<V extends Verb> = Spelled<(typeof CLI_FLAGS)[V][number]>;
type Spelled<F extends string> = F extends `${string}=` ? `${F}${string}` : F;

/** What follows a verb. */
export interface Words<V extends Verb> {
  /** A stack's name, an output's, or a path of the config. */
  readonly operand?: string;
  readonly flags?: readonly Flag<V>[];
}

/** The words of a command line after the engine's own. */
export function wordsOf<V extends Verb>(verb: V, { operand, flags = [] }: Words<V>): string[] {
  return [...verb.split(" "), ...(operand === undefined ? [] : [operand]), ...flags];
}
