/** `npm run bench`: what spark-mesh costs, on the real Pulumi CLI; mostly ratios within one run. */

import { parseArgs } from "node:util";
import { benchCopies } from "./bench/copies";
import { benchDiscovery } from "./bench/discovery";
import { benchHosts } from "./bench/hosts";
import { benchRing } from "./bench/ring";
import { benchServing } from "./bench/serving";
import { type Engine, findEngine } from "./cli";

const USAGE = `npm run bench [-- --only NAME]
  Measures what spark-mesh costs, on the real Pulumi CLI.
  --only NAME  one section:
     ring       sessions, facts, preview, memory and first up of three virtual Sparks
     discovery  discovery of three fresh virtual Sparks, against the longest probe in it
     hosts      facts, preview and the program's own share with 2 to 64 played hosts on a switch
     serving    the no-change preview with a deployment of three ranks, against the same mesh without
     copies     an image and a model to another virtual Spark, against what people type for it
  --help       this text`;

const SECTIONS: Readonly<Record<string, (engine: Engine) => Promise<void>>> = {
  ring: benchRing,
  discovery: benchDiscovery,
  hosts: benchHosts,
  serving: benchServing,
  copies: benchCopies,
};

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: "string" }, help: { type: "boolean", short: "h" } } });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const { only } = values;
  const sections = Object.entries(SECTIONS).filter(([name]) => only === undefined || name === only);
  if (sections.length === 0) {
    throw new Error(`--only: found ${only}; allowed: ${Object.keys(SECTIONS).join(", ")}`);
  }
  const engine = findEngine();
  if (engine.kind !== "cli") {
    throw new Error(`bench: found ${engine.about}; figures count only on the real Pulumi CLI`);
  }
  console.log(`engine: ${engine.about}`);
  for (const [name, bench] of sections) {
    console.log(`\n== ${name}`);
    await bench(engine);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
