import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
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
const text = { type: "string" } as const;
const on = { type: "boolean" } as const;
const everywhere = { stack: text, color: text, "non-interactive": on };

/** The flags of each verb, besides those of all. `diff` is accepted; what changes is named, but not shown in detail. */
const verbs = {
  preview: { diff: on, "expect-no-changes": on, "save-plan": text },
  up: { yes: on, "skip-preview": on, diff: on, "expect-no-changes": on, plan: text },
  destroy: { yes: on, "skip-preview": on, diff: on, "run-program": on, "continue-on-error": on },
  refresh: { yes: on, "skip-preview": on },
  cancel: { yes: on },
  "stack init": {},
  "stack output": {},
  "stack export": {},
  "config set": { secret: on, path: on },
};
type Verb = keyof typeof verbs;

const flags = { ...everywhere, ...verbs.preview, ...verbs.up, ...verbs.destroy, ...verbs["config set"] };
const parse = (args: string[]) => parseArgs({ args, options: flags, allowPositionals: true });
type Flags = ReturnType<typeof parse>["values"];

async function main(args: string[]): Promise<void> {
  process.stderr.write("lab engine: not the Pulumi CLI; a stand-in for places where it can't be downloaded\n");
  const { values, positionals } = parse(args);
  const verb = (Object.keys(verbs) as Verb[]).find((one) => `${positionals.join(" ")} `.startsWith(`${one} `));
  if (verb === undefined) throw new Error(`lab engine: ${positionals.join(" ")}: not implemented`);
  const foreign = Object.keys(values).find((flag) => !(flag in { ...everywhere, ...verbs[verb] }));
  if (foreign) throw new Error(`lab engine: --${foreign} of ${verb}: not implemented`);
  const name = positionals[verb.split(" ").length];
  const stack = verb === "stack init" ? name : values.stack;
  if (stack === undefined) throw new Error("lab engine: name the stack, by --stack NAME");
  const project = readProject(stack);
  switch (verb) {
    case "stack init":
      return makeState(project);
    case "stack export":
      return console.log(JSON.stringify(reveal(loadState(project), "[secret]"), undefined, 2));
    case "stack output": {
      const { outputs } = loadState(project).find(({ urn }) => typeOf(urn) === "pulumi:pulumi:Stack") ?? {};
      const output = reveal(outputs ?? {}, "[secret]")[name ?? ""];
      if (output === undefined) throw new Error(`current stack does not have output property '${name}'`);
      return console.log(typeof output === "string" ? output : JSON.stringify(output));
    }
    case "config set":
      if (!values.secret || !values.path || !name) throw new Error("lab engine: config set takes --secret --path KEY");
      return setSecret(project, name, readFileSync(0, "utf8").replace(/\n$/, ""));
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
