import type { Resource } from "@pulumi/pulumi";
import { ResourceError, RunError } from "@pulumi/pulumi/errors";
import { Faults } from "../config/faults";

/**
 * What ends the program with a message and no stack: problems as they are said, anything else as a mistake of ours,
 * whose stack is what a report of it needs.
 *
 * The SDK passes what a program throws to `util.inspect`, and Node 20.20 needs a minute and gigabytes to shorten the
 * SDK's own frames in a stack: so a failure carries none.
 *
 * @param component that it is the failure of; without one, the program's.
 */
export function failureOf(error: unknown, component?: Resource): Error {
  const message = error instanceof Error && !(error instanceof Faults) ? (error.stack ?? error.message) : said(error);
  const failure = component ? new ResourceError(message, component, true) : new RunError(message);
  failure.stack = message;
  return failure;
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
