/**
 * The program's own share of a preview, without SSH and without an engine: what `hosts.ts` starts in a process of its
 * own, for a preview pays for code that was never run before. A job comes in on stdin, a share goes out on stdout.
 */

import { performance } from "node:perf_hooks";
import { text } from "node:stream/consumers";
import * as pulumi from "@pulumi/pulumi";
import { Mesh } from "../../components/mesh";
import { ANSWER_MARK } from "../../components/operations";
import { parseClusterConfig } from "../../config/load";
import { planMesh } from "../../plan/planMesh";
import { type Answers, loginsOf, readAnswers } from "./playedSparks";

export interface ShareJob {
  /** As Pulumi gives it to the program. */
  readonly config: Readonly<Record<string, string>>;
  /** In rank order. */
  readonly answers: readonly Answers[];
}

/** Milliseconds of each step of index.ts, by the clock. */
export interface Share {
  readonly config: number;
  readonly answers: number;
  readonly plan: number;
  /** Building the components. */
  readonly components: number;
  /** The SDK's part: what the components are as messages to an engine, which answers at once here. */
  readonly registrations: number;
  /** All of them on the processor, in all threads: what other work on the machine disturbs least. */
  readonly processor: number;
}

async function main(): Promise<void> {
  const job: ShareJob = JSON.parse(await text(process.stdin));
  await pulumi.runtime.setMocks(
    {
      newResource: ({ name, inputs }) => ({
        id: name,
        // What any of the commands that are waited for may print.
        state: { ...inputs, stdout: `20261101T100000-00000001\n${ANSWER_MARK}{"publicKey":"ssh-ed25519 AAAA"}\n` },
      }),
      call: () => ({}),
    },
    "spark-mesh",
    "test",
    true,
    "organization",
  );
  const before = process.cpuUsage();
  const marks = [performance.now()];
  const mark = () => marks.push(performance.now());
  const cluster = parseClusterConfig(job.config, "/nobody", []);
  mark();
  const probes = readAnswers(cluster, job.answers);
  mark();
  const logins = loginsOf(cluster);
  const plan = planMesh(cluster, probes, logins);
  mark();
  new Mesh("mesh", { cluster, plan, logins });
  mark();
  await pulumi.runtime.disconnect();
  mark();
  const { user, system } = process.cpuUsage(before);
  const [config = 0, answers = 0, planned = 0, components = 0, registrations = 0] = marks
    .slice(1)
    .map((end, index) => end - (marks[index] ?? end));
  const processor = (user + system) / 1000;
  const share: Share = { config, answers, plan: planned, components, registrations, processor };
  console.log(JSON.stringify(share));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
