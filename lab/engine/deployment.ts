import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { type Display, nameOf, type Op, type Step } from "./display";
import { CommandProvider, checkCommand, foretell } from "./remoteCommand";
import type { Operation, Resource, Snapshot, Store } from "./state";
import type { Plan } from "./updatePlan";
import { changes, Fault, isSecret, secret, unknown, type Value, type Values } from "./values";

const stackType = "pulumi:pulumi:Stack";
const commandType = "command:remote:Command";

/** What a program gets back for a resource. */
export interface Registered {
  urn: string;
  id: string;
  outputs: Values;
  /** The resource was skipped by `destroy --run-program`: its outputs will stay unknown. */
  skipped: boolean;
}

export interface DeploymentOptions {
  dryRun: boolean;
  /** How many commands run at a time. */
  parallel: number;
  /** `destroy --run-program`: the program is asked for options only. */
  destroy: boolean;
  continueOnError: boolean;
}

/** One run over a stack: takes registrations, decides and takes the steps, and saves state after each. */
export class Deployment {
  /** Set once a step failed or the run was cancelled: nothing new starts. */
  failed = false;
  outputs: Values | undefined;
  readonly #current = new Map<string, Resource>();
  /** Originals of replacements, still to be deleted. */
  readonly #replaced: Resource[] = [];
  readonly #seen = new Set<string>();
  readonly #operations = new Set<Operation>();
  readonly #provider = new CommandProvider();
  readonly #running = new Set<Promise<unknown>>();
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(
    readonly store: Store,
    readonly options: DeploymentOptions,
    readonly display: Display,
    readonly plan: Plan,
    snapshot: Snapshot,
  ) {
    for (const one of snapshot.resources) one.delete ? this.#replaced.push(one) : this.#current.set(one.urn, one);
    // Like the CLI: an interrupted create stays on record, because the resource may exist; the rest is repaired by doing it again.
    for (const one of snapshot.operations) if (one.type === "creating") this.#operations.add(one);
  }

  /** Stops the run with a message about a resource, or about the stack where `urn` is "". */
  fail(urn: string, message: string): void {
    this.display.diagnostic("error", urn, message);
    this.failed = true;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** One registration of the program. Rejects when the run is over, or is over because of this one. */
  async register(request: RegisterResourceRequest): Promise<Registered> {
    const goal = this.#goal(request);
    const { urn } = goal.resource;
    try {
      if (this.failed) throw new Stopped();
      return await this.#take(goal);
    } catch (error) {
      this.#abort(urn, error);
      throw error;
    }
  }

  /** The outputs of a component or of the stack. */
  registerOutputs(urn: string, outputs: Values): void {
    if (this.failed) throw new Stopped();
    const resource = this.#current.get(urn);
    if (resource?.type === stackType) this.outputs = outputs;
    else if (resource) resource.outputs = outputs;
    this.#save();
  }

  /** Waits for what still runs, then closes all connections. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#running);
    this.#provider.close();
  }

  /** Makes the program's outputs the stack's; after a failed run old ones that weren't renewed stay. */
  finishOutputs(clean: boolean): void {
    const stack = [...this.#current.values()].find(({ type }) => type === stackType);
    if (!stack || !this.outputs || this.options.destroy) return;
    stack.outputs = this.failed || !clean ? { ...stack.outputs, ...this.outputs } : this.outputs;
    this.#save();
  }

  /** `refresh`: command:remote:Command has no read, so nothing is dialled and nothing changes. */
  refresh(): void {
    for (const { urn } of this.#current.values()) this.display.done({ op: "same", urn });
    this.#save();
  }

  has(urn: string): boolean {
    return this.#current.has(urn);
  }

  /** URNs of the given resources' dependents and children that aren't among them. */
  dependents(targets: Set<string>): string[] {
    const tied = (one: Resource) => [...one.dependencies, one.parent ?? ""].some((urn) => targets.has(urn));
    return [...this.#current.values()].flatMap((one) => (!targets.has(one.urn) && tied(one) ? [one.urn] : []));
  }

  /** Deletes what the program no longer has (or all, or the targets), dependents first, one layer after the other. */
  async deletePhase(which: "unseen" | "all" | Set<string>): Promise<void> {
    const condemned = [...this.#current.values()]
      .filter(({ urn }) => which === "all" || (which === "unseen" ? !this.#seen.has(urn) : which.has(urn)))
      .concat(which instanceof Set ? [] : this.#replaced)
      .reverse();
    for (const { urn } of which instanceof Set ? this.#current.values() : [])
      if (!condemned.some((one) => one.urn === urn)) this.display.done({ op: "same", urn });
    const left = new Set(condemned);
    while (left.size > 0 && (!this.failed || this.options.continueOnError)) {
      const needed = new Set([...left].flatMap((one) => [...one.dependencies, one.parent ?? ""]));
      const layer = [...left].filter(({ urn, delete: replaced }) => replaced || !needed.has(urn));
      const done = await Promise.all(layer.map((one) => this.#delete(one)));
      layer.forEach((one, index) => {
        if (done[index]) left.delete(one);
        else this.#hold(one, left);
      });
    }
  }

  /** Takes a resource whose delete failed, and all that it depends on, out of those to delete. */
  #hold(resource: Resource, left: Set<Resource>): void {
    left.delete(resource);
    for (const one of left)
      if (resource.parent === one.urn || resource.dependencies.includes(one.urn)) this.#hold(one, left);
  }

  async #delete(resource: Resource): Promise<boolean> {
    const { urn, id, outputs, inputs, retainOnDelete } = resource;
    const op: Op = resource.delete ? "delete-replaced" : "delete";
    const step: Step = { op, urn, id, before: inputs, retain: retainOnDelete };
    try {
      this.plan.check(urn, op, undefined);
      const idle = this.options.dryRun || resource.protect;
      if (idle) this.display.begin(step);
      if (resource.protect) {
        const remedy = "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`";
        throw new Fault(`resource "${urn}" cannot be deleted\nbecause it is protected. To unprotect it, ${remedy}`);
      }
      if (idle) this.display.done(step);
      else {
        const work = (line: (text: string) => void) =>
          resource.type === commandType && !retainOnDelete
            ? this.#provider.delete(outputs, resource.customTimeouts.delete, line)
            : Promise.resolve();
        await this.#slot(async () => {
          this.display.begin(step);
          await this.#operate(step, "deleting", work);
        });
        if (resource.delete) this.#replaced.splice(this.#replaced.indexOf(resource), 1);
        else this.#current.delete(urn);
        this.#save();
      }
      return true;
    } catch (error) {
      this.#abort(urn, error);
      return false;
    }
  }

  /** What the program asks for. Options that this engine doesn't honour are refused by name. */
  #goal(request: RegisterResourceRequest): Goal {
    const asked = request.toObject();
    const unsupported = Object.entries({
      aliases: asked.aliasurnsList.length + asked.aliasesList.length,
      deleteBeforeReplace: asked.deletebeforereplace,
      deletedWith: asked.deletedwith,
      envVarMappings: asked.envvarmappingsMap.length,
      hooks: asked.hooks,
      import: asked.importid,
      packageRef: asked.packageref,
      pluginDownloadURL: asked.plugindownloadurl,
      provider: asked.provider,
      providers: asked.providersMap.length,
      remote: asked.remote,
      replaceWith: asked.replaceWithList.length,
      replacementTrigger: asked.replacementTrigger,
      transforms: asked.transformsList.length,
      type: asked.custom && asked.type !== commandType,
    }).flatMap(([name, value]) => (value ? [name === "type" ? `resource type ${asked.type}` : `option ${name}`] : []));
    const parent = this.#current.get(asked.parent);
    const chain = parent && parent.type !== stackType ? `${parent.urn.split("::")[2]}$` : "";
    const urn = `urn:pulumi:${this.store.stack}::${this.store.project}::${chain}${asked.type}::${asked.name}`;
    const limit = (name: "create" | "update" | "pb_delete") => seconds(asked.customtimeouts?.[name] ?? "");
    const [create, update, remove] = [limit("create"), limit("update"), limit("pb_delete")];
    const resource: Resource = {
      urn,
      type: asked.type,
      custom: asked.custom,
      inputs: (request.getObject()?.toJavaScript() ?? {}) as Values,
      outputs: {},
      ...(asked.parent && { parent: asked.parent }),
      dependencies: asked.dependenciesList,
      additionalSecretOutputs: asked.additionalsecretoutputsList,
      protect: request.hasProtect() ? request.getProtect() === true : (parent?.protect ?? false),
      retainOnDelete: request.hasRetainondelete()
        ? request.getRetainondelete() === true
        : (parent?.retainOnDelete ?? false),
      customTimeouts: { ...(create && { create }), ...(update && { update }), ...(remove && { delete: remove }) },
    };
    const { ignorechangesList: ignored, replaceonchangesList: replacing, hidediffsList: hidden } = asked;
    const nested = [...ignored, ...hidden].filter((path) => /[.[*]/.test(path));
    if (nested.length > 0) unsupported.push(`path ${nested.join(", ")} in ignoreChanges or hideDiffs`);
    return { resource, unsupported, ignored, hidden, replacing: replacing.map((path) => path.replace(/[.[].*$/, "")) };
  }

  async #take({ resource, unsupported, ignored, hidden, replacing }: Goal): Promise<Registered> {
    const { urn, custom } = resource;
    if (unsupported.length > 0) throw new Fault(`lab engine: ${unsupported.join(", ")}: not implemented`);
    if (this.#seen.has(urn)) throw new Fault(`Duplicate resource URN '${urn}'; try giving it a unique name`);
    this.#seen.add(urn);
    const old = this.#current.get(urn);
    for (const key of old ? ignored : []) {
      const before = old?.inputs[key];
      if (before === undefined) delete resource.inputs[key];
      else resource.inputs[key] = before;
    }
    if (custom) checkCommand(resource.inputs);
    if (this.options.destroy) return this.#keep(resource, old);
    const all = old ? changes(old.inputs, resource.inputs) : new Map<string, "+" | "-" | "~">();
    const replace = custom && replacing.some((key) => all.has(key));
    const op: Op = !old ? "create" : replace ? "create-replacement" : all.size > 0 ? "update" : "same";
    if (replace && old?.protect && resource.protect)
      throw new Fault(`unable to replace resource "${urn}"\nas it is currently marked for protection.`);
    this.plan.check(urn, replace ? "replace" : op, resource.inputs);
    const diff = new Map([...all].filter(([key]) => !hidden.includes(key)));
    const step: Step = { op, urn, id: old?.id, before: old?.inputs, after: resource.inputs, diff };
    if (op === "same" || !custom) {
      this.display.begin(step);
      resource.outputs = old?.outputs ?? {};
      if (old?.id !== undefined) resource.id = old.id;
    } else {
      await this.#apply(step, resource, old);
    }
    if (replace && old) {
      const swap: Step = { ...step, op: "replace" };
      this.display.begin(swap);
      this.display.done(swap);
      this.#replaced.push({ ...old, delete: true });
    } else this.display.done(step);
    this.#current.set(urn, resource);
    this.#save();
    const { outputs } = resource;
    return { urn, id: resource.id ?? "", outputs: custom ? outputs : {}, skipped: false };
  }

  async #apply(step: Step, resource: Resource, old: Resource | undefined): Promise<void> {
    const { inputs, customTimeouts: limits } = resource;
    const updates = step.op === "update" && old !== undefined;
    if (updates && old.id !== undefined) resource.id = old.id;
    if (this.options.dryRun) {
      this.display.begin(step);
      resource.outputs = foretell(inputs);
    } else {
      if (JSON.stringify(inputs).includes(unknown)) throw new Fault("inputs hold a value that is still unknown");
      resource.id ??= `${nameOf(step.urn)}${Math.random().toString(16).slice(2, 10)}`;
      await this.#slot(async () => {
        this.display.begin(step);
        await this.#operate(step, updates ? "updating" : "creating", async (line) => {
          const previous = updates ? old.outputs : undefined;
          resource.outputs = await this.#provider.apply(
            inputs,
            previous,
            updates ? limits.update : limits.create,
            line,
          );
        });
      });
    }
    for (const key of resource.additionalSecretOutputs) {
      const value: Value | undefined = resource.outputs[key];
      if (value !== undefined && value !== unknown && !isSecret(value)) resource.outputs[key] = secret(value);
    }
  }

  /** `destroy --run-program`: a resource keeps its properties and takes the program's options; a new one is skipped. */
  #keep(resource: Resource, old: Resource | undefined): Registered {
    const { urn, inputs, custom } = resource;
    if (!old) return { urn, id: "", outputs: custom ? foretell(inputs) : {}, skipped: true };
    const step: Step = { op: "same", urn };
    this.display.begin(step);
    this.display.done(step);
    const kept = { ...resource, inputs: old.inputs, outputs: old.outputs, ...(old.id !== undefined && { id: old.id }) };
    this.#current.set(urn, kept);
    this.#save();
    return { urn, id: old.id ?? "", outputs: custom ? old.outputs : {}, skipped: false };
  }

  /** Runs one operation on a host, on record while it runs. */
  async #operate(
    step: Step,
    type: Operation["type"],
    work: (line: (text: string) => void) => Promise<void>,
  ): Promise<void> {
    const operation: Operation = { type, urn: step.urn };
    const started = Date.now();
    const progress = this.display.options.dryRun ? "" : `${type} (0s) `;
    this.#operations.add(operation);
    this.#save();
    const running = work((text) => this.display.line(step, `${progress}${text}`));
    this.#running.add(running);
    try {
      await running;
      const took = (Date.now() - started) / 1000;
      if (step.op.startsWith("delete")) this.display.done(step, took);
      else this.display.line(step, `${type.replace("ing", "ed")} (${took.toFixed(2)}s)`);
    } finally {
      this.#running.delete(running);
      this.#operations.delete(operation);
      this.#save();
    }
  }

  async #slot(work: () => Promise<void>): Promise<void> {
    while (this.#busy >= this.options.parallel && !this.failed)
      await new Promise<void>((wake) => this.#waiting.push(wake));
    if (this.failed && !this.options.continueOnError) throw new Stopped();
    this.#busy += 1;
    try {
      await work();
    } finally {
      this.#busy -= 1;
      this.#waiting.shift()?.();
    }
  }

  #abort(urn: string, error: unknown): void {
    if (error instanceof Stopped) return;
    this.display.line({ op: "same", urn }, "**failed**");
    this.fail(urn, (error as Error).message);
  }

  #save(): void {
    if (this.options.dryRun) return;
    this.store.save({ resources: [...this.#current.values(), ...this.#replaced], operations: [...this.#operations] });
  }
}

/** The run is over: nothing to tell about this resource. */
class Stopped extends Fault {
  constructor() {
    super("the run is over");
  }
}

interface Goal {
  resource: Resource;
  unsupported: string[];
  ignored: string[];
  hidden: string[];
  replacing: string[];
}

function seconds(text: string): number | undefined {
  const units: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600 };
  const parts = [...text.matchAll(/([\d.]+)(ms|s|m|h)/g)];
  return text ? parts.reduce((sum, [, count, unit = ""]) => sum + Number(count) * (units[unit] ?? 0), 0) : undefined;
}
