import { RegisterResourceRequest, RegisterResourceResponse } from "@pulumi/pulumi/proto/resource_pb";
import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import { type Display, nameOf, type Op, typeOf } from "./display";
import { loadState, type Project, type Resource, saveState } from "./project";
import { type RemoteCommand, readCommand, run } from "./remoteCommand";
import { changedKeys, unknown, type Values } from "./values";

const commandType = "command:remote:Command";

/** Steps by URN, as `preview --save-plan` keeps them and `up --plan` allows no others. */
export type Plan = Record<string, { op: Op; inputs: Values }>;

/** One run over a stack: takes registrations, decides and takes the steps, and saves state after each. */
export class Deployment {
  /** Set once a step failed: nothing new starts. */
  failed = false;
  /** What was done, or would be. */
  readonly steps: Plan = {};
  readonly #resources: Map<string, Resource>;
  readonly #seen = new Set<string>();
  readonly #running: Promise<unknown>[] = [];

  constructor(
    readonly project: Project,
    readonly display: Display,
    readonly options: { readonly destroy: boolean; readonly continueOnError: boolean; readonly plan: Plan | undefined },
  ) {
    this.#resources = new Map(loadState(project).map((resource) => [resource.urn, resource]));
  }

  /** Stops the run with a message about a resource, or about the stack where `urn` is "". */
  fail(urn: string, message: string): void {
    this.display.message("error", urn, message);
    this.failed = true;
  }

  /** One registration of the program. Rejects when the run is over, or is over because of this one. */
  async register(request: RegisterResourceRequest): Promise<RegisterResourceResponse> {
    if (this.failed) throw new Error("the run is over");
    const urn = this.#urn(request);
    const running = this.#take(urn, request).catch((error: Error) => {
      this.fail(urn, error.message);
      throw error;
    });
    this.#running.push(running);
    return running;
  }

  /** The outputs of a component or of the stack. */
  registerOutputs(urn: string, outputs: Values): void {
    const resource = this.#resources.get(urn);
    if (resource !== undefined && !this.failed && !this.options.destroy) this.#save({ ...resource, outputs });
  }

  /** Unless the run failed, deletes what the program no longer has, or all: in waves, what nothing left needs first. */
  async finish(): Promise<void> {
    // Commands outlive a program that fails.
    await Promise.allSettled(this.#running);
    if (this.failed) return;
    const tried = new Set<Resource>();
    while (!this.failed || this.options.continueOnError) {
      const left = [...this.#resources.values()].filter(({ urn }) => this.options.destroy || !this.#seen.has(urn));
      const needed = new Set(left.flatMap(({ dependencies }) => dependencies));
      const wave = left.filter((resource) => !tried.has(resource) && !needed.has(resource.urn));
      if (wave.length === 0) return;
      for (const one of wave) tried.add(one);
      await Promise.all(wave.map((one) => this.#delete(one).catch((error) => this.fail(one.urn, error.message))));
    }
  }

  /** Deletes with the text and the connection that state holds. */
  async #delete({ urn, inputs, retainOnDelete }: Resource): Promise<void> {
    const command = typeOf(urn) === commandType && !retainOnDelete ? readCommand(inputs) : undefined;
    await this.#step("delete", urn, {}, [], command);
    this.#resources.delete(urn);
    this.#save();
  }

  /** Takes a step, on the command's host too unless this is a preview: what was printed there. */
  async #step(op: Op, urn: string, inputs: Values, diff: string[], command?: RemoteCommand): Promise<Values> {
    this.steps[urn] = { op, inputs };
    if (this.options.plan) hold(this.options.plan, urn, op, inputs);
    return this.display.step(op, urn, diff, async () =>
      command && op !== "same" && !this.display.dryRun ? run(command, op) : { stdout: unknown, stderr: unknown },
    );
  }

  #urn(request: RegisterResourceRequest): string {
    const parent = request.getParent();
    const chain = parent && typeOf(parent) !== "pulumi:pulumi:Stack" ? `${parent.split("::")[2]}$` : "";
    return `urn:pulumi:${this.project.stack}::${this.project.name}::${chain}${request.getType()}::${request.getName()}`;
  }

  /** Judges a registration, and does what it takes. */
  async #take(urn: string, request: RegisterResourceRequest): Promise<RegisterResourceResponse> {
    refuseOthers(request.toObject());
    if (this.#seen.has(urn)) throw new Error(`Duplicate resource URN '${urn}'; try giving it a unique name`);
    this.#seen.add(urn);
    const { custom, parent, dependenciesList, ignorechangesList, hidediffsList, retainondelete } = request.toObject();
    const old = this.#resources.get(urn);
    const retainOnDelete = retainondelete ?? this.#resources.get(parent)?.retainOnDelete ?? false;
    if (this.options.destroy) {
      // A program that runs is asked for options only.
      if (old) this.#resources.set(urn, { ...old, retainOnDelete });
      if (old) this.display.counts.same += 1;
      return answer(urn, custom, old?.outputs ?? {}).setUnknown(old === undefined);
    }
    const inputs: Values = request.getObject()?.toJavaScript() ?? {};
    for (const key of old ? ignorechangesList : []) {
      delete inputs[key];
      if (old && key in old.inputs) inputs[key] = old.inputs[key];
    }
    const command = custom ? readCommand(inputs) : undefined;
    const diff = old ? changedKeys(old.inputs, inputs) : [];
    const op = old === undefined ? "create" : diff.length > 0 ? "update" : "same";
    const shown = diff.filter((key) => !hidediffsList.includes(key));
    const printed = await this.#step(op, urn, inputs, shown, command);
    const outputs = command && op !== "same" ? { ...inputs, ...printed } : (old?.outputs ?? {});
    const dependencies = parent ? [...dependenciesList, parent] : dependenciesList;
    this.#save({ urn, inputs, outputs, dependencies, retainOnDelete });
    return answer(urn, custom, outputs);
  }

  /** Saves state, with a resource that is new or has changed. */
  #save(resource?: Resource): void {
    if (resource) this.#resources.set(resource.urn, resource);
    if (!this.display.dryRun) saveState(this.project, this.#resources.values());
  }
}

/** Refuses a step that isn't the planned one. An update may turn out to be none. */
function hold(plan: Plan, urn: string, op: Op, inputs: Values): void {
  const planned = plan[urn] ?? { op: "same", inputs };
  if (planned.op !== op && !(planned.op === "update" && op === "same"))
    throw new Error(`resource ${urn} violates plan: ${op} is not allowed, the plan is ${planned.op}`);
  const foretold = (key: string) => !JSON.stringify(planned.inputs[key] ?? null).includes(unknown);
  const changed = changedKeys(planned.inputs, inputs).filter(foretold);
  if (changed.length > 0) throw new Error(`resource ${urn} violates plan: properties changed: ${changed.join(", ")}`);
}

/** What the program gets back. A component has neither an id nor, here, outputs. */
function answer(urn: string, custom: boolean, outputs: Values): RegisterResourceResponse {
  const response = new RegisterResourceResponse().setUrn(urn);
  if (!custom) return response;
  return response.setId(nameOf(urn)).setObject(Struct.fromJavaScript(outputs as Record<string, JavaScriptValue>));
}

/** What a registration may say. Whatever else has a value in one is refused by its name. */
const honoured = `
  type name parent custom object dependenciesList propertydependenciesMap retainondelete ignorechangesList hidediffsList
  version acceptsecrets acceptresources acceptsByteString supportspartialvalues supportsresultreporting aliasspecs
  sourceposition stacktrace parentstacktracehandle`.split(/\s+/);

const empty = new RegisterResourceRequest().setCustomtimeouts(new RegisterResourceRequest.CustomTimeouts()).toObject();
/** What the SDK says with every command. Both are the case: a connection is a secret, and triggers are refused. */
const ofCommand = { ...empty, additionalsecretoutputsList: ["connection"], replaceonchangesList: ["triggers[*]"] };

function refuseOthers(asked: RegisterResourceRequest.AsObject): void {
  const options = changedKeys(asked.custom ? ofCommand : empty, asked).filter((key) => !honoured.includes(key));
  const nested = asked.ignorechangesList.filter((path) => /[.[*]/.test(path)).map((path) => `on ${path}`);
  const names = [...options, ...nested].map((option) => `option ${option}`);
  if (asked.custom && asked.type !== commandType) names.push(`resource type ${asked.type}`);
  if (names.length > 0) throw new Error(`lab engine: ${names.join(", ")}: not implemented`);
}
