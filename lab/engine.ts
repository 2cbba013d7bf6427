import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Deployment } from "./engine/deployment";
import { Display, typeOf } from "./engine/display";
import { Plan } from "./engine/plan";
import { runProgram } from "./engine/program";
import { type Project, readConfig, readProject, setSecret } from "./engine/project";
import { Store } from "./engine/state";
import { Fault, redact } from "./engine/values";

/**
 * A small deployment engine for places where the Pulumi CLI can't be downloaded: it runs the unmodified program of the
 * project in the current folder, speaks the SDK's own protocol with it, keeps state between runs below
 * PULUMI_BACKEND_URL, and gives command:remote:Command its real meaning over SSH. Verbs, flags and exit codes are the
 * CLI's; what isn't implemented is refused by name.
 */
const flags = {
  stack: { type: "string" },
  "non-interactive": { type: "boolean" },
  color: { type: "string" },
  yes: { type: "boolean" },
  "skip-preview": { type: "boolean" },
  // Accepted; what changes is always named, but not shown in detail.
  diff: { type: "boolean" },
  "expect-no-changes": { type: "boolean" },
  "save-plan": { type: "string" },
  plan: { type: "string" },
  "run-program": { type: "boolean" },
  "continue-on-error": { type: "boolean" },
  secret: { type: "boolean" },
  path: { type: "boolean" },
} as const;

type Flag = keyof typeof flags;
type Flags = ReturnType<typeof parse>["values"];

/** The flags of each verb, besides those of all. */
const verbs: Record<string, readonly Flag[]> = {
  preview: ["diff", "expect-no-changes", "save-plan"],
  up: ["yes", "skip-preview", "diff", "expect-no-changes", "plan"],
  destroy: ["yes", "skip-preview", "diff", "run-program", "continue-on-error"],
  refresh: ["yes", "skip-preview"],
  cancel: ["yes"],
  "stack init": [],
  "stack output": [],
  "stack export": [],
  "config set": ["secret", "path"],
};
const everywhere: readonly Flag[] = ["stack", "non-interactive", "color"];

function parse(args: string[]) {
  return parseArgs({ args, options: flags, allowPositionals: true });
}

async function main(args: string[]): Promise<void> {
  process.stderr.write("lab engine: not the Pulumi CLI; a stand-in for places where it can't be downloaded\n");
  const { values, positionals } = parse(args);
  const verb = Object.keys(verbs).find((one) => `${positionals.join(" ")} `.startsWith(`${one} `));
  if (verb === undefined) throw new Fault(`lab engine: ${positionals.join(" ")}: not implemented`);
  const foreign = Object.keys(values).find((flag) => ![...everywhere, ...(verbs[verb] ?? [])].includes(flag as Flag));
  if (foreign) throw new Fault(`lab engine: --${foreign} of ${verb}: not implemented`);
  await run(verb, positionals[verb.split(" ").length], values);
}

async function run(verb: string, name: string | undefined, values: Flags): Promise<void> {
  const stack = verb === "stack init" ? name : values.stack;
  if (stack === undefined) throw new Fault("lab engine: name the stack, by --stack NAME");
  const project = readProject(process.cwd());
  const store = new Store(project.name, stack);
  switch (verb) {
    case "stack init":
      return store.create();
    case "stack export":
      return print(JSON.stringify(redact(store.load()), undefined, 2));
    case "stack output": {
      const { outputs } = store.load().find(({ urn }) => typeOf(urn) === "pulumi:pulumi:Stack") ?? {};
      const value = redact(outputs?.[name ?? ""]);
      if (value === undefined) throw new Fault(`current stack does not have output property '${name}'`);
      return print(typeof value === "string" ? value : JSON.stringify(value));
    }
    case "config set":
      if (!values.secret || !values.path || !name) throw new Fault("lab engine: config set takes --secret --path KEY");
      return setSecret(project, stack, name, readFileSync(0, "utf8").replace(/\n$/, ""));
    case "cancel":
      return store.unlock();
    case "refresh":
      // command:remote:Command has no read: no host is asked, and nothing changes.
      return print(`Resources:\n    ${store.load().length} unchanged`);
    default:
      return change(verb, project, store, values);
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** `preview`, `up` and `destroy`; the latter two preview first, under the stack's lock. A Fault says what failed. */
async function change(verb: string, project: Project, store: Store, values: Flags): Promise<void> {
  const destroy = verb === "destroy";
  const continueOnError = values["continue-on-error"] === true;
  const pass = async (dryRun: boolean) => {
    const display = new Display(dryRun, readConfig(project, store.stack).secrets);
    display.print(`${dryRun ? "Previewing" : "Running"} ${destroy ? "destroy" : "update"} (${store.stack}):`);
    const plan = new Plan(values.plan);
    const deployment = new Deployment(store, { dryRun, destroy, continueOnError }, display, plan);
    if (!destroy || values["run-program"]) await runProgram(project, deployment);
    await deployment.finish();
    display.summary();
    if (deployment.failed) throw new Fault(`${dryRun ? "preview" : "update"} failed`);
    if (values["expect-no-changes"] && display.changed)
      throw new Fault("no changes were expected but changes were proposed", 7);
    if (values["save-plan"] !== undefined) plan.save(values["save-plan"]);
  };
  if (verb === "preview") return pass(true);
  if (!values.yes) throw new Fault("--yes must be passed in to proceed when running in non-interactive mode");
  store.lock();
  try {
    if (!values["skip-preview"]) await pass(true);
    await pass(false);
  } finally {
    store.unlock();
  }
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: Error) => {
    process.stderr.write(`error: ${error.message}\n`);
    process.exit(error instanceof Fault ? error.code : 1);
  },
);
