import { Faults } from "../config/faults";

const SUBJECT = "the command line";

/** A mistake in the command line, one line each. */
export function misused(...lines: readonly string[]): Faults {
  return new Faults(SUBJECT, lines);
}

/** Whether an error is a mistake in the command line. */
export function isMisuse(error: unknown): error is Faults {
  return error instanceof Faults && error.subject === SUBJECT;
}
