import { printable } from "./printable";

/**
 * Everything that is wrong, said at once.
 *
 * One line a fault: the path or the host first, then what was found, what is allowed and what to do,
 * e.g. `hosts[2].number: 1 is already used by hosts[0]; every host needs its own`.
 */
export class Faults extends Error {
  /** The faults, in the order in which a reader meets them; never empty. Much in them is a host's word: printable. */
  readonly lines: readonly string[];

  constructor(
    /** What was being judged, e.g. `the stack config`. */
    readonly subject: string,
    lines: readonly string[],
    /** How many of the lines are faults; others say what explains them. */
    readonly count: number = lines.length,
  ) {
    const said = lines.map(printable);
    super(
      `${count === 1 ? "1 fault" : `${count} faults`} in ${subject}:\n${said.map((line) => `  ${line}`).join("\n")}`,
    );
    this.name = "Faults";
    this.lines = said;
  }
}
