import { RunError } from "@pulumi/pulumi/errors";

/**
 * A fault that ends the program with its message and no stack.
 *
 * The SDK passes what a program throws to `util.inspect`, and Node 20.20 needs a minute and gigabytes to shorten the
 * SDK's own frames in a stack: so a fault carries none.
 */
export function programFault(message: string): RunError {
  const fault = new RunError(message);
  fault.stack = message;
  return fault;
}
