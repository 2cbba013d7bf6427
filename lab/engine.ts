import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { FLAGS } from "./commands";
import { Deployment, type Plan } from "./engine/deployment";
import { Display, typeOf } from "./engine/display";
import { decrypt, encrypt } from "./engine/encryption";
import { runProgram } from "./engine/program";
import { loadState, lock, makeState, type Project, readConfig, readProject, setSecret, unlock } from "./engine/project";
import { reveal } from "./engine/values";

/**
 * A small deployment engine for places where the Pulumi CLI can't be downloaded: it runs the unmodified program of the
 * project in the current folder, speaks the SDK's own protocol with it, keeps state between runs below
 * PULUMI_BACKEND_URL, and gives command:remote:Command its real meaning over SSH. Verbs, flags and exit codes are the
 * CLI's; what isn't implemented is refused by name.
 */
const EVERYWHERE = ["--stack=", "--color=", "--non-interactive"] as const;

type Verb = keyof typeof FLAGS;
/** The name of a flag, without dashes, and the type of its value. */
type Name<F extends string> = F extends `--${infer N}=` ? N : F extends `--${infer N}` ? N : never;
type Value<F extends string> = F extends `${string}=` ? string : boolean;
type Given = (typeof FLAGS)[Verb][number] | (typeof EVERYWHERE)[number];
type Flags = { readonly [F in Given as Name<F>]?: Value<F> };

/** Reads a command line, which may have the flags of its verb and those of all. `--diff` is accepted; what changes is named, but not shown in detail. */
function parse(args: string[]): { verb: Verb; operand: string | undefined; values: Flags } {
  const all = [...EVERYWHERE, ...Object.values(FLAGS).flat()];
  const options = Object.fromEntries(all.map((flag) => [nameOf(flag), { type: typeOfValue(flag) }]));
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const verb = (Object.keys(FLAGS) as Verb[]).find((one) => `${positionals.join(" ")} `.startsWith(`${one} `));
  if (verb === undefined) throw new Error(`lab engine: ${positionals.join(" ")}: not implemented`);
  const known = [...EVERYWHERE, ...FLAGS[verb]].map(nameOf);
  const foreign = Object.keys(values).find((name) => !known.includes(name));
  if (foreign) throw new Error(`lab engine: --${foreign} of ${verb}: not implemented`);
  return { verb, operand: positionals[verb.split(" ").length], values };
}

const nameOf = (flag: string): string => flag.replace(/^--|=$/g, "");
const typeOfValue = (flag: string): "string" | "boolean" => (flag.endsWith("=") ? "string" : "boolean");

async function main(args: string[]): Promise<void> {
  process.stderr.write("lab engine: not the Pulumi CLI; a stand-in for places where it can't be downloaded\n");
  const { verb, operand, values } = parse(args);
  const stack = verb === "stack init" ? operand : values.stack;
  if (stack === undefined) throw new Error("lab engine: name the stack, by --stack NAME");
  const project = readProject(stack);
  switch (verb) {
    case "stack init":
      return makeState(project);
    case "stack export":
      return console.log(JSON.stringify(reveal(loadState(project), "[secret]"), undefined, 2));
    case "stack output":
      return console.log(showOutput(project, operand, values.json === true));
    case "config set":
      if (!values.secret || !values.path || !operand)
        throw new Error("lab engine: config set takes --secret --path KEY");
      return setSecret(project, operand, readFileSync(0, "utf8").replace(/\n$/, ""));
    case "cancel":
      return unlock(project);
    case "refresh":
      // command:remote:Command has no read: no host is asked, and nothing changes.
      return console.log(`Resources:\n    ${loadState(project).length} unchanged`);
    case "preview":
      return pass(verb, true, project, values);
  }
  if (!values.yes) throw new Error("--yes must be passed in to proceed when running in non-interactive mode");
  lock(project);
  try {
    if (!values["skip-preview"]) await pass(verb, true, project, values);
    await pass(verb, false, project, values);
  } finally {
    unlock(project);
  }
}

/** One output of the stack, as text or as JSON; a secret is not shown. */
function showOutput(project: Project, name: string | undefined, json: boolean): string {
  const stack = loadState(project).find(({ urn }) => typeOf(urn) === "pulumi:pulumi:Stack");
  if (name === undefined) throw new Error("lab engine: stack output without a name: not implemented");
  const output = reveal(stack?.outputs ?? {}, "[secret]")[name];
  if (output === undefined) throw new Error(`current stack does not have output property '${name}'`);
  return typeof output === "string" && !json ? output : JSON.stringify(output, undefined, json ? 2 : undefined);
}

/** Runs a verb over the program and the stack, or foretells it. An Error says what failed. */
async function pass(verb: Verb, dryRun: boolean, project: Project, values: Flags): Promise<void> {
  const destroy = verb === "destroy";
  const display = new Display(dryRun, readConfig(project).secrets);
  display.print(`${dryRun ? "Previewing" : "Running"} ${destroy ? "destroy" : "update"} (${project.stack}):`);
  const continueOnError = values["continue-on-error"] === true;
  const plan = values.plan === undefined ? undefined : decrypt<Plan>(readFileSync(values.plan, "utf8"));
  const deployment = new Deployment(project, display, { destroy, continueOnError, plan });
  if (!destroy || values["run-program"]) await runProgram(deployment);
  await deployment.finish();
  display.summary();
  if (deployment.failed) throw new Error(`${dryRun ? "preview" : "update"} failed`);
  if (values["expect-no-changes"] && Object.values(deployment.steps).some(({ op }) => op !== "same")) {
    process.exitCode = 7;
    throw new Error("no changes were expected but changes were proposed");
  }
  if (values["save-plan"]) writeFileSync(values["save-plan"], encrypt(deployment.steps), { mode: 0o600 });
}

main(process.argv.slice(2))
  .catch((error: Error) => {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode ||= 1;
  })
  .finally(() => process.exit());
