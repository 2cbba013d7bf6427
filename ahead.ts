import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { Faults } from "./config/faults";
import type { Said, StackName, StackPlan } from "./planning";

/** A thread that plans, and what comes of it. */
interface Ahead {
  readonly worker: Worker;
  readonly planned: Promise<StackPlan>;
}

let ahead: Ahead | undefined;

/**
 * Judges the stack's config, asks its hosts and plans, once, in a thread of its own: this one is busy with Pulumi's SDK,
 * which takes as long to load as the hosts take to answer.
 *
 * @param name of the stack: the SDK knows it, which is loaded later.
 * @throws Faults where there is nothing to plan.
 */
export function planAhead(name: StackName): Promise<StackPlan> {
  ahead ??= start();
  // A program that waits for nothing ends as if it had no resources.
  ahead.worker.ref();
  ahead.worker.postMessage(name);
  return ahead.planned;
}

function start(): Ahead {
  const worker = new Worker(join(__dirname, "planning.ts"), { execArgv: ["--require", join(__dirname, "loader.cjs")] });
  const planned = new Promise<StackPlan>((resolve, reject) => {
    worker.once("message", (said: Said) => {
      if ("faults" in said) reject(new Faults(said.faults.subject, said.faults.lines, said.faults.count));
      else resolve(said.planned);
    });
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("planning ended without a plan")));
    // What is left of the sessions ends with the program.
  }).finally(() => worker.unref());
  worker.unref();
  // Whoever asks for the plan hears of a failure; until then it is no unhandled rejection.
  planned.catch(() => undefined);
  return { worker, planned };
}

// With `--require ./ahead.ts` the hosts are asked before anything of the SDK is loaded.
ahead = start();
