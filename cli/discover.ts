/** `npm run discover`: what is cabled to what, and the stack config that says so. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import type { CableConfig } from "../config/cluster";
import { Faults } from "../config/faults";
import { gatherFacts } from "../facts/gather";
import { type Survey, type SurveyedAdoption, surveyAdoption, surveyMesh } from "../plan/survey";
import { endName } from "../plan/wires";
import { DISCOVER_HELP, type DiscoverOptions, parseDiscover } from "./arguments";
import { type NamedCluster, namedCluster, stackFilePath } from "./cluster";
import { renderSurvey } from "./report";
import { type StackConfigBlock, writeStackFile } from "./stackFile";

async function main(): Promise<void> {
  const options = parseDiscover(process.argv.slice(2));
  if (options === "help") {
    process.stdout.write(DISCOVER_HELP);
    return;
  }
  const named = namedCluster(options, options.askSudo ? await askSecret("sudo password of the Sparks: ") : undefined);
  const { cluster } = named;
  process.stderr.write(`asking ${cluster.hosts.map(({ name }) => name).join(", ")} ...\n`);
  const { probes } = await gatherFacts(cluster);
  const survey = surveyMesh(cluster, probes);
  const adoption = options.adopt ? surveyAdoption(cluster, probes) : undefined;
  const written =
    options.write && (survey.faults.length === 0 || adoption) ? write(options, named, survey, adoption) : undefined;

  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ ...survey, ...(adoption && { adoption }), ...(written && { written }) }, null, 2)}\n`,
    );
  } else {
    process.stdout.write(renderSurvey(survey));
    for (const line of [...named.notes, ...(adoption?.notes ?? [])]) process.stdout.write(`note: ${line}\n`);
    if (adoption && !written)
      process.stdout.write(`\n${writeStackFile("", blockOf(named, survey, adoption), "stdout")}`);
    if (written) process.stdout.write(`wrote ${written}\n`);
    else if (options.write) process.stdout.write("wrote nothing: correct what is wrong first\n");
  }
  process.exitCode = survey.faults.length > 0 ? 1 : 0;
}

function blockOf(named: NamedCluster, survey: Survey, adoption: SurveyedAdoption | undefined): StackConfigBlock {
  const cables = adoption?.cables ?? survey.cables.map(({ ends: [from, to] }): CableConfig => ({ from, to }));
  return {
    hosts: named.hosts,
    cables: cables.map(({ from, to, ...addressing }) => ({ from: endName(from), to: endName(to), ...addressing })),
    ...(adoption && { network: adoption.network }),
  };
}

/** Writes the block into the stack's file and returns its path. */
function write(
  options: DiscoverOptions,
  named: NamedCluster,
  survey: Survey,
  adoption: SurveyedAdoption | undefined,
): string {
  const path = stackFilePath(options.stack ?? "");
  const before = existsSync(path) ? readFileSync(path, "utf8") : "";
  const after = writeStackFile(before, blockOf(named, survey, adoption), path);
  if (after !== before) writeFileSync(path, after);
  return path;
}

/** Asks for a line that isn't shown; reads it from stdin where there is no terminal. */
function askSecret(question: string): Promise<string> {
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: process.stdin.isTTY === true });
  return new Promise((resolve) => {
    let answer = "";
    lines.once("line", (line) => {
      answer = line;
      lines.close();
    });
    lines.once("close", () => {
      process.stderr.write("\n");
      resolve(answer);
    });
  });
}

main().catch((error: unknown) => {
  process.stderr.write(
    `${error instanceof Faults || !(error instanceof Error) ? error : error.stack}\n`.replace(/^Faults: /, ""),
  );
  process.exitCode = error instanceof Faults && error.subject === "the command line" ? 2 : 1;
});
