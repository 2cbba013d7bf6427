import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Asked, Said } from "./asking";
import { Faults } from "./config/faults";

/** A stack's hosts, asked beside the program. */
export interface Ahead {
  /** The stack's judged config. @throws Faults */
  readonly cluster: Promise<Asked["cluster"]>;
  /** What the hosts said. @throws Faults */
  readonly answers: Promise<Asked["answers"]>;
}

let ahead: Ahead | undefined;

/**
 * Judges the stack's config and asks its hosts, once, in a thread of its own: this one is busy with Pulumi's SDK, which
 * takes as long to load as the hosts take to answer.
 */
export function askAhead(): Ahead {
  ahead ??= start();
  return ahead;
}

function start(): Ahead {
  const worker = new Worker(join(__dirname, "asking.ts"), { execArgv: ["--require", join(__dirname, "loader.cjs")] });
  const part = <K extends keyof Asked>(wanted: K) =>
    new Promise<Asked[K]>((resolve, reject) => {
      worker.on("message", (said: Said) => {
        if ("faults" in said) reject(new Faults(said.faults.subject, said.faults.lines));
        else if (said.part === wanted) resolve(said.value as Asked[K]);
      });
      worker.once("error", reject);
      // A program that waits for nothing ends as if it had no resources.
      worker.once("exit", () => reject(new Error("asking the hosts ended without an answer")));
    });
  const cluster = part("cluster");
  // What is left of the sessions then ends with the program.
  const answers = part("answers").finally(() => worker.unref());
  // Whoever asks for them hears of a failure; until then it is no unhandled rejection.
  for (const each of [cluster, answers]) each.catch(() => undefined);
  return { cluster, answers };
}

// With `--require ./ahead.ts` the hosts are asked before anything of the SDK is loaded.
askAhead();
