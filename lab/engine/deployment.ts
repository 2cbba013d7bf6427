import { isDeepStrictEqual } from "node:util";
import { type RegisterResourceRequest, RegisterResourceResponse } from "@pulumi/pulumi/proto/resource_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import { type Display, nameOf, typeOf } from "./display";
import type { Op, Plan } from "./plan";
import { readCommand, run } from "./remoteCommand";
import type { Resource, Store } from "./state";
import { Fault, reveal, unknown, type Values } from "./values";

const stackType = "pulumi:pulumi:Stack";
const commandType = "command:remote:Command";

/** What a registration may say. Whatever else has a value in one is refused by its name. */
const honoured = `
  type name parent custom object dependenciesList propertydependenciesMap retainondelete ignorechangesList hidediffsList
  version acceptsecrets acceptresources acceptsByteString supportspartialvalues supportsresultreporting aliasspecs
  sourceposition stacktrace parentstacktracehandle`.split(/\s+/);

/** What the SDK asks for with every command. Both are the case: a connection is a secret, and triggers are refused. */
const always = ["connection", "triggers[*]"];

export interface DeploymentOptions {
  readonly dryRun: boolean;
  /** All is deleted; a program that runs is asked for options only. */
  readonly destroy: boolean;
  /** Whether deletes go on after one failed, as far as they don't depend on it. */
  readonly continueOnError: boolean;
}

/** One run over a stack: takes registrations, decides and takes the steps, and saves state after each. */
export class Deployment {
  /** Set once a step failed: nothing new starts. */
  failed = false;
  readonly #resources: Map<string, Resource>;
  readonly #seen = new Set<string>();
  readonly #running: Promise<unknown>[] = [];

  constructor(
    readonly store: Store,
    readonly options: DeploymentOptions,
    readonly display: Display,
    readonly plan: Plan,
  ) {
    this.#resources = new Map(store.load().map((resource) => [resource.urn, resource]));
  }

  /** Stops the run with a message about a resource, or about the stack where `urn` is "". */
  fail(urn: string, message: string): void {
    this.display.message("error", urn, message);
    this.failed = true;
  }

  /** One registration of the program. Rejects when the run is over, or is over because of this one. */
  async register(request: RegisterResourceRequest): Promise<RegisterResourceResponse> {
    if (this.failed) throw new Fault("the run is over");
    const urn = this.#urn(request);
    const running = this.#take(urn, request);
    this.#running.push(running);
    try {
      return await running;
    } catch (error) {
      this.fail(urn, (error as Error).message);
      throw error;
    }
  }

  /** The outputs of a component or of the stack. */
  registerOutputs(urn: string, outputs: Values): void {
    const resource = this.#resources.get(urn);
    if (resource === undefined || this.failed || this.options.destroy) return;
    resource.outputs = outputs;
    this.#save();
  }

  /**
   * Waits for commands that outlive the program. Then, unless the run failed, deletes what the program no longer has,
   * or everything: in waves, what nothing left depends on first.
   */
  async finish(): Promise<void> {
    await Promise.allSettled(this.#running);
    if (this.failed) return;
    const unwanted = [...this.#resources.values()].filter(({ urn }) => this.options.destroy || !this.#seen.has(urn));
    const left = new Set(unwanted);
    const stuck = new Set<Resource>();
    while (!this.failed || this.options.continueOnError) {
      const needed = new Set([...left].flatMap(({ dependencies }) => dependencies));
      const wave = [...left].filter((resource) => !stuck.has(resource) && !needed.has(resource.urn));
      if (wave.length === 0) return;
      await Promise.all(wave.map(async (one) => ((await this.#delete(one)) ? left.delete(one) : stuck.add(one))));
    }
  }

  /** Deletes with the text and the connection that state holds. False says that it failed. */
  async #delete({ urn, inputs, retainOnDelete }: Resource): Promise<boolean> {
    try {
      this.plan.take(urn, "delete", {});
      await this.#step("delete", urn, [], async () => {
        const command = typeOf(urn) === commandType && !retainOnDelete ? readCommand(inputs) : undefined;
        if (command?.delete !== undefined) await run(command, command.delete);
        this.#resources.delete(urn);
        this.#save();
      });
      return true;
    } catch (error) {
      this.fail(urn, (error as Error).message);
      return false;
    }
  }

  /** Shows a step, and does it unless this is a preview. */
  async #step(op: Op, urn: string, diff: readonly string[], work: () => Promise<void>): Promise<void> {
    const started = Date.now();
    this.display.begin(op, urn, diff);
    if (!this.options.dryRun) await work();
    this.display.done(op, urn, (Date.now() - started) / 1000);
  }

  #urn(request: RegisterResourceRequest): string {
    const parent = this.#resources.get(request.getParent())?.urn;
    const chain = parent && typeOf(parent) !== stackType ? `${parent.split("::")[2]}$` : "";
    const { stack, project } = this.store;
    return `urn:pulumi:${stack}::${project}::${chain}${request.getType()}::${request.getName()}`;
  }

  /** Judges a registration, and does what it takes. */
  async #take(urn: string, request: RegisterResourceRequest): Promise<RegisterResourceResponse> {
    refuseOthers(request);
    if (this.#seen.has(urn)) throw new Fault(`Duplicate resource URN '${urn}'; try giving it a unique name`);
    this.#seen.add(urn);
    const { custom, parent, dependenciesList, ignorechangesList, hidediffsList } = request.toObject();
    const old = this.#resources.get(urn);
    const retained = request.hasRetainondelete() ? request.getRetainondelete() : undefined;
    const retainOnDelete = retained ?? this.#resources.get(parent)?.retainOnDelete ?? false;
    const inputs: Values = request.getObject()?.toJavaScript() ?? {};
    for (const key of old ? ignorechangesList : []) {
      delete inputs[key];
      if (old && key in old.inputs) inputs[key] = old.inputs[key];
    }
    const command = custom ? readCommand(inputs) : undefined;
    const foretold = command ? { ...inputs, stdout: unknown, stderr: unknown } : {};
    if (this.options.destroy) {
      if (old) this.#resources.set(urn, { ...old, retainOnDelete });
      if (old) this.display.done("same", urn, 0);
      return answer(urn, custom, old?.outputs ?? foretold).setUnknown(old === undefined);
    }
    const diff = old ? changedKeys(old.inputs, inputs) : [];
    const op = old === undefined ? "create" : diff.length > 0 ? "update" : "same";
    this.plan.take(urn, op, inputs);
    let outputs: Values = old && (op === "same" || !command) ? old.outputs : foretold;
    const shown = diff.filter((key) => !hidediffsList.includes(key));
    await this.#step(op, urn, shown, async () => {
      if (command === undefined || op === "same") return;
      const text = op === "update" ? (command.update ?? command.create) : command.create;
      outputs = { ...inputs, ...(await run(command, text)) };
    });
    const dependencies = parent ? [...dependenciesList, parent] : dependenciesList;
    this.#resources.set(urn, { urn, inputs, outputs, dependencies, retainOnDelete });
    this.#save();
    return answer(urn, custom, outputs);
  }

  #save(): void {
    if (!this.options.dryRun) this.store.save([...this.#resources.values()]);
  }
}

/** What the program gets back. A component has neither an id nor, here, outputs. */
function answer(urn: string, custom: boolean, outputs: Values): RegisterResourceResponse {
  const response = new RegisterResourceResponse().setUrn(urn);
  if (!custom) return response;
  return response.setId(nameOf(urn)).setObject(Struct.fromJavaScript(outputs as Record<string, JavaScriptValue>));
}

function refuseOthers(request: RegisterResourceRequest): void {
  const { additionalsecretoutputsList, replaceonchangesList, ...asked } = request.toObject();
  const others = Object.entries(asked).filter(([key, value]) => !honoured.includes(key) && says(value));
  const paths = [...additionalsecretoutputsList, ...replaceonchangesList].filter((path) => !always.includes(path));
  const nested = asked.ignorechangesList.filter((path) => /[.[*]/.test(path));
  const names = [
    ...others.map(([key]) => `option ${key}`),
    ...[...paths, ...nested].map((path) => `option on ${path}`),
  ];
  if (asked.custom && asked.type !== commandType) names.push(`resource type ${asked.type}`);
  if (names.length > 0) throw new Fault(`lab engine: ${names.join(", ")}: not implemented`);
}

/** Whether a field of a registration has a value, or is a list or a message in which something has. */
function says(field: unknown): boolean {
  return typeof field === "object" && field !== null ? Object.values(field).some(says) : Boolean(field);
}

/** The properties that differ. Secrets are compared by their content. */
function changedKeys(before: Values, after: Values): string[] {
  const [old, now] = [reveal(before), reveal(after)];
  const keys = [...new Set([...Object.keys(old), ...Object.keys(now)])];
  return keys.filter((key) => !isDeepStrictEqual(old[key], now[key]));
}
