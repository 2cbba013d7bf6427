import { join } from "node:path";
import { gatherFacts } from "../../facts/gather";
import type { Engine } from "../cli";
import { must } from "../hosts/process";
import { checkout, Project } from "../project";
import { inTurns, median, ratio, seconds } from "./measure";
import type { Share, ShareJob } from "./ownShare";
import { allConfig, type PlayedHosts, playHosts } from "./playedHosts";
import { answersOf, freshSparks, type PlayedSpark } from "./playedSparks";
import { OUR_LOADER, succeeds } from "./programs";

const COUNTS = [2, 8, 32, 64];
const RUNS = 3;
const SHARE_RUNS = 7;
/** What the program itself may take for each of 64 hosts, in milliseconds. */
const MOST_PER_HOST = 30;

/** Medians of one number of hosts, in milliseconds. */
interface Row {
  readonly count: number;
  readonly facts: number;
  readonly preview: number;
  /** On the processor, where nothing changes. */
  readonly own: number;
  /** On the processor, of a first visit. */
  readonly ownFresh: number;
}

/**
 * Facts, preview and the program's own share of it, from 2 to 64 hosts that are settled on a switch, played by this
 * process: their SSH servers take part of its time.
 */
export async function benchHosts(engine: Engine): Promise<void> {
  console.log(
    `played hosts, settled on a switch; medians of ${RUNS} runs in turns, of ${SHARE_RUNS} for the own share`,
  );
  const empty = await Project.empty(engine, OUR_LOADER);
  const rows: Row[] = [];
  try {
    for (const count of COUNTS) {
      rows.push(await benchCount(engine, empty, count));
    }
  } finally {
    empty.remove();
  }
  rows.slice(1).forEach((row, index) => {
    const before = rows[index];
    if (before) sayGrowth(before, row);
  });
  const [largest] = rows.slice(-1);
  if (largest) {
    const perHost = Math.max(largest.own, largest.ownFresh) / largest.count;
    console.log(`own share at ${largest.count} hosts: ${perHost.toFixed(1)} ms a host (at most ${MOST_PER_HOST})`);
  }
}

async function benchCount(engine: Engine, empty: Project, count: number): Promise<Row> {
  const hosts = await playHosts(count);
  const project = await Project.create(engine, { hosts: [] }, { config: hosts.config });
  try {
    await succeeds(project.up("--skip-preview"));
    const [preview, emptyPreview, facts] = await inTurns(
      RUNS,
      () => succeeds(project.preview("--expect-no-changes")),
      () => succeeds(empty.preview()),
      () => gatherFacts(hosts.cluster),
    );
    console.log(
      `${count} hosts: facts ${seconds(facts)}, preview / an empty program's ${ratio(preview, emptyPreview)}`,
    );
    const own = await benchOwnShare("own share", hosts, hosts.sparks);
    const ownFresh = await benchOwnShare("own share of a first visit", hosts, freshSparks(count));
    return { count, facts, preview, own, ownFresh };
  } finally {
    project.remove();
    hosts.close();
  }
}

/**
 * Milliseconds on the processor of the program without SSH and without an engine, each time in a process of its own.
 * Where nothing else runs the clock shows about as much; elsewhere it shows what else runs.
 */
async function benchOwnShare(what: string, hosts: PlayedHosts, sparks: readonly PlayedSpark[]): Promise<number> {
  const job: ShareJob = { config: allConfig(hosts.config), answers: answersOf(hosts.cluster, sparks) };
  const shares: Share[] = [];
  for (let run = 0; run < SHARE_RUNS; run += 1) {
    shares.push(JSON.parse(await must(OWN_SHARE, { stdin: JSON.stringify(job) })));
  }
  const processor = median(shares.map((share) => share.processor));
  const steps = ["config", "answers", "plan", "components", "registrations"] as const;
  const listed = steps.map((step) => `${step} ${median(shares.map((share) => share[step])).toFixed(0)} ms`);
  console.log(
    `  ${what}: ${(processor / sparks.length).toFixed(1)} ms a host, ${seconds(processor)} on the processor; by the clock: ${listed.join(", ")}`,
  );
  return processor;
}

const OWN_SHARE = [
  process.execPath,
  "--require",
  join(checkout, "loader.cjs"),
  join(__dirname, "ownShare.ts"),
] as const;

function sayGrowth(before: Row, row: Row): void {
  const growth = (of: (row: Row) => number) => `${((of(row) - of(before)) / (row.count - before.count)).toFixed(1)} ms`;
  const parts = {
    facts: growth(({ facts }) => facts),
    preview: growth(({ preview }) => preview),
    "own share": growth(({ own }) => own),
    "own share of a first visit": growth(({ ownFresh }) => ownFresh),
  };
  const listed = Object.entries(parts).map(([part, time]) => `${part} ${time}`);
  console.log(`growth per host from ${before.count} to ${row.count}: ${listed.join(", ")}`);
}
