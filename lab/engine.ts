import { readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Deployment } from "./engine/deployment";
import { Display } from "./engine/display";
import { runProgram } from "./engine/program";
import { type Config, type Project, readProject, StackFile } from "./engine/project";
import { Crypter, type Snapshot, Store, selectedStack, stacks } from "./engine/state";
import { Plan } from "./engine/updatePlan";
import { Fault, redact, reveal, type Value, type Values } from "./engine/values";

/**
 * A small deployment engine for places where the Pulumi CLI can't be downloaded: it runs the unmodified program of the
 * project in the current folder, speaks the SDK's own protocol with it, keeps state between runs below
 * PULUMI_BACKEND_URL, and gives command:remote:Command its real meaning over SSH. Verbs, flags, messages and exit codes
 * are the CLI's; what isn't implemented is refused by name.
 */
const flags = {
  stack: { type: "string", short: "s" },
  yes: { type: "boolean", short: "y" },
  "non-interactive": { type: "boolean" },
  color: { type: "string" },
  cwd: { type: "string", short: "C" },
  "skip-preview": { type: "boolean", short: "f" },
  diff: { type: "boolean" },
  json: { type: "boolean", short: "j" },
  "expect-no-changes": { type: "boolean" },
  "save-plan": { type: "string" },
  plan: { type: "string" },
  parallel: { type: "string", short: "p" },
  "event-log": { type: "string" },
  target: { type: "string", short: "t", multiple: true },
  "target-dependents": { type: "boolean" },
  "run-program": { type: "boolean" },
  "continue-on-error": { type: "boolean" },
  secret: { type: "boolean" },
  path: { type: "boolean" },
  force: { type: "boolean" },
  "show-secrets": { type: "boolean" },
} as const;

type Flag = keyof typeof flags;
type Flags = ReturnType<typeof parse>["values"];

const everywhere: Flag[] = ["stack", "yes", "non-interactive", "color", "cwd"];
const running: Flag[] = ["diff", "json", "parallel", "event-log", "expect-no-changes"];
/** The flags that each verb takes, besides those that all do. */
const verbs: Record<string, Flag[]> = {
  preview: [...running, "save-plan"],
  up: [...running, "skip-preview", "plan"],
  destroy: [...running, "skip-preview", "target", "target-dependents", "run-program", "continue-on-error"],
  refresh: ["skip-preview", "event-log"],
  cancel: [],
  "stack init": [],
  "stack select": [],
  "stack ls": [],
  "stack rm": ["force"],
  "stack output": ["json", "show-secrets"],
  "stack export": ["show-secrets"],
  "config set": ["secret", "path"],
};

function parse(args: string[]) {
  return parseArgs({ args, options: flags, allowPositionals: true });
}

/** Runs one command line and gives its exit code. */
export async function main(args: string[]): Promise<number> {
  try {
    const { values, positionals } = parse(args);
    const verb = [positionals.slice(0, 2).join(" "), positionals[0] ?? ""].find((one) => one in verbs);
    if (verb === undefined) throw new Fault(`lab engine: "${positionals.join(" ")}": not implemented`);
    const foreign = Object.keys(values).find((flag) => ![...everywhere, ...(verbs[verb] ?? [])].includes(flag as Flag));
    if (foreign) throw new Fault(`lab engine: --${foreign} of ${verb}: not implemented`);
    process.stderr.write("lab engine: not the Pulumi CLI; a stand-in for places where it can't be downloaded\n");
    return await run(verb, positionals.slice(verb.split(" ").length), values, readProject(values.cwd ?? process.cwd()));
  } catch (error) {
    process.stderr.write(`error: ${(error as Error).message}\n`);
    return error instanceof Fault ? error.code : 1;
  }
}

async function run(verb: string, names: string[], values: Flags, project: Project): Promise<number> {
  const named = verb === "stack init" || verb === "stack select" || verb === "stack rm" ? names[0] : undefined;
  const name = named ?? values.stack ?? process.env.PULUMI_STACK ?? selectedStack(project.name);
  if (verb === "stack ls") return print(stacks(project.name).join("\n"));
  const stack = name?.split("/").at(-1);
  if (stack === undefined)
    throw new Fault("no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one");
  const store = new Store(project.name, stack);
  const file = new StackFile(project, stack);
  if (verb === "stack init") {
    const salt = file.salt ?? Crypter.salt();
    Crypter.open(salt);
    store.create(salt);
    if (!file.salt) file.writeSalt(salt);
    selectedStack(project.name, stack);
    return print(`Created stack '${stack}'`);
  }
  if (!store.exists()) throw new Fault(`no stack named '${stack}' found`, 6);
  switch (verb) {
    case "stack select":
      selectedStack(project.name, stack);
      return 0;
    case "stack rm":
      if (!values.yes) throw new Fault("non-interactive mode requires --yes flag");
      if (store.load().resources.length > 0 && !values.force)
        throw new Fault(
          `'${stack}' still has resources; removal rejected. Run \`pulumi destroy\`, or \`pulumi stack rm --force\``,
        );
      store.remove();
      rmSync(join(project.root, `Pulumi.${stack}.yaml`), { force: true });
      return print(`Stack '${stack}' has been removed!`);
    case "stack export":
      return print(JSON.stringify(store.export(values["show-secrets"] === true), undefined, 4));
    case "stack output":
      return output(store, names[0], values);
    case "config set": {
      const [key, given] = names;
      if (key === undefined) throw new Fault("lab engine: config set takes a key and a value", 2);
      const text = given ?? readFileSync(0, "utf8").replace(/\r?\n$/, "");
      const crypter = values.secret ? (file.salt ? Crypter.open(file.salt) : store.crypter) : undefined;
      file.set(key, text, { path: values.path === true, crypter });
      return 0;
    }
    case "cancel":
      store.unlock();
      return print(`The currently running update for '${stack}' has been canceled!`);
    case "preview":
      return preview(project, store, file, values);
    default:
      return change(verb, project, store, file, values);
  }
}

function print(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

function output(store: Store, name: string | undefined, values: Flags): number {
  const stack = store.load().resources.find(({ type }) => type === "pulumi:pulumi:Stack");
  const all = (values["show-secrets"] ? reveal : redact)(stack?.outputs ?? {}) as Values;
  if (name !== undefined && all[name] === undefined)
    throw new Fault(`current stack does not have output property '${name}'`);
  const text = (value: Value) => (typeof value === "string" ? value : JSON.stringify(value));
  if (values.json) return print(JSON.stringify(name === undefined ? all : all[name], undefined, 2));
  if (name !== undefined) return print(text(all[name] ?? null));
  return print(
    Object.entries(all)
      .map(([key, value]) => `${key}  ${text(value)}`)
      .join("\n"),
  );
}

/** `preview`: nothing is locked, dialled or written, but for the plan. */
async function preview(project: Project, store: Store, file: StackFile, values: Flags): Promise<number> {
  const plan = new Plan(values["save-plan"] === undefined ? "off" : "record");
  const code = await deploy({ verb: "preview", dryRun: true, project, store, file, values, plan });
  if (code !== 0 || values["save-plan"] === undefined) return code;
  plan.save(values["save-plan"], store);
  process.stderr.write(`Update plan written to '${values["save-plan"]}'\n`);
  return 0;
}

/** `up`, `destroy` and `refresh`: under the stack's lock, first a preview, then the thing itself. */
async function change(verb: string, project: Project, store: Store, file: StackFile, values: Flags): Promise<number> {
  if (!values.yes && !values["skip-preview"])
    throw new Fault(
      "--yes or --skip-preview or --preview-only must be passed in to proceed when running in non-interactive mode",
    );
  store.lock();
  try {
    const shared = { verb, project, store, file, values };
    const load = () => (values.plan === undefined ? new Plan("off") : Plan.load(values.plan, store));
    if (!values["skip-preview"] && verb !== "refresh") {
      const code = await deploy({ ...shared, dryRun: true, plan: load() });
      if (code !== 0) return code;
    }
    return await deploy({ ...shared, dryRun: false, plan: load() });
  } finally {
    store.unlock();
  }
}

interface Run {
  verb: string;
  dryRun: boolean;
  project: Project;
  store: Store;
  file: StackFile;
  values: Flags;
  plan: Plan;
}

const titles: Record<string, [dry: string, real: string]> = {
  destroy: ["Previewing destroy", "Destroying"],
  refresh: ["Previewing refresh", "Refreshing"],
};

async function deploy({ verb, dryRun, project, store, file, values, plan }: Run): Promise<number> {
  const snapshot = store.load();
  const config: Config = file.read(store.crypter);
  const [dry, real] = titles[verb] ?? ["Previewing update", "Updating"];
  const display = new Display(
    {
      title: dryRun ? dry : real,
      stack: store.stack,
      dryRun,
      diff: values.diff === true,
      json: values.json === true,
      eventLog: values["event-log"],
      secrets: config.secrets,
    },
    project.name,
  );
  warnInterrupted(verb, snapshot, display);
  const parallel = Number(values.parallel ?? availableParallelism() * 4);
  const destroy = verb === "destroy";
  const continueOnError = values["continue-on-error"] === true;
  const deployment = new Deployment(store, { dryRun, parallel, destroy, continueOnError }, display, plan, snapshot);
  const cancel = () => deployment.fail("", "update canceled");
  process.once("SIGINT", cancel).once("SIGTERM", cancel);
  let clean = true;
  if (verb === "refresh") deployment.refresh();
  else if (!destroy || values["run-program"]) {
    clean = await runProgram(project, store.stack, config, deployment);
    for (const problem of clean && !deployment.failed ? plan.missing() : []) deployment.fail("", problem);
    deployment.finishOutputs(clean);
  }
  if (clean && !deployment.failed && verb !== "refresh") await deletes(deployment, destroy, values);
  await deployment.settle();
  process.off("SIGINT", cancel).off("SIGTERM", cancel);
  if (deployment.failed && !plan.violated) display.diagnostic("error", "", dryRun ? "preview failed" : "update failed");
  display.summary(destroy || (dryRun && !display.changed) ? undefined : deployment.outputs);
  if (deployment.failed || !clean) return 1;
  if (values["expect-no-changes"] && display.changed)
    throw new Fault(`no changes were expected${verb === "preview" ? " for preview" : ""} but changes were proposed`, 7);
  if (destroy && !dryRun && store.load().resources.length === 0)
    print(
      `The resources in the stack have been deleted, but the history and configuration associated with the stack are still maintained. \nIf you want to remove the stack completely, run \`pulumi stack rm ${store.stack}\`.`,
    );
  return 0;
}

async function deletes(deployment: Deployment, destroy: boolean, values: Flags): Promise<void> {
  if (!destroy) return deployment.deletePhase("unseen");
  if (!values.target) return deployment.deletePhase("all");
  const targets = new Set(values.target);
  for (const urn of targets) if (!deployment.has(urn)) throw new Fault(`no resource named '${urn}' found`);
  for (let more = deployment.dependents(targets); more.length > 0; more = deployment.dependents(targets)) {
    if (!values["target-dependents"]) {
      const remedy = "Either include resource in --target list or pass --target-dependents to proceed.";
      for (const urn of more)
        deployment.fail(urn, `Resource '${urn}' will be destroyed but was not specified in --target list.\n${remedy}`);
      return;
    }
    for (const urn of more) targets.add(urn);
  }
  await deployment.deletePhase(targets);
}

function warnInterrupted(verb: string, { operations }: Snapshot, display: Display): void {
  if (operations.length === 0 || verb === "refresh") return;
  const list = operations.map(({ urn, type }) => `  * ${urn}, interrupted while ${type}`).join("\n");
  const title = `Attempting to deploy or update resources with ${operations.length} pending operations from previous deployment.`;
  display.diagnostic("warning", "", `${title}\n${list}`);
}

if (require.main === module) void main(process.argv.slice(2)).then((code) => process.exit(code));
