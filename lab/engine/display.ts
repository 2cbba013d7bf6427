import { appendFileSync } from "node:fs";
import { isSecret, redact, unknown, type Value, type Values } from "./values";

/** What is done to a resource, in the CLI's words. */
export type Op = "same" | "create" | "update" | "delete" | "replace" | "create-replacement" | "delete-replaced";

const words: Record<Op, [symbol: string, present: string, progressive: string, past: string]> = {
  same: ["", "", "", ""],
  create: ["+", "create", "creating", "created"],
  update: ["~", "update", "updating", "updated"],
  delete: ["-", "delete", "deleting", "deleted"],
  replace: ["+-", "replace", "replacing", "replaced"],
  "create-replacement": ["++", "create replacement", "creating replacement", "created replacement"],
  "delete-replaced": ["--", "delete original", "deleting original", "deleted original"],
};

/** One step: a resource, what is done to it, and the properties before and after. */
export interface Step {
  op: Op;
  urn: string;
  id?: string | undefined;
  before?: Values | undefined;
  after?: Values | undefined;
  /** Which top-level properties change, without those that `hideDiffs` names. */
  diff?: Map<string, string> | undefined;
  retain?: boolean | undefined;
}

export interface DisplayOptions {
  title: string;
  stack: string;
  dryRun: boolean;
  diff: boolean;
  json: boolean;
  /** Where to write the CLI's engine events, one JSON object a line. */
  eventLog: string | undefined;
  /** Decrypted config secrets: masked wherever they appear. */
  secrets: string[];
}

/** Prints a run the way the CLI prints one that nobody watches. */
export class Display {
  readonly #counts = new Map<Op, number>();
  readonly #diagnostics = new Map<string, string[]>();
  readonly #errored = new Set<string>();
  readonly #steps: { op: Op; urn: string }[] = [];
  readonly #started = Date.now();
  readonly #root: string;

  constructor(
    readonly options: DisplayOptions,
    project: string,
  ) {
    this.#root = `urn:pulumi:${options.stack}::${project}::pulumi:pulumi:Stack::${project}-${options.stack}`;
    if (!options.json) this.#print(`${options.title} (${options.stack}):\n`);
  }

  /** Whether anything but "same" happened. */
  get changed(): boolean {
    return [...this.#counts.keys()].some((op) => op !== "same");
  }

  /** A step begins. */
  begin(step: Step): void {
    const { op, urn } = step;
    this.#steps.push({ op, urn });
    this.#event({ resourcePreEvent: { metadata: { op, urn, type: typeOf(urn) } } });
    if (op === "same" || this.options.json) return;
    if (this.options.diff) this.#details(step);
    else this.line(step, this.options.dryRun ? words[op][1] : `${words[op][2]} (0s)`);
  }

  /** A step's progress: a line of what its command printed, or that it failed. */
  line({ op, urn, diff, retain }: Step, text: string): void {
    if (this.options.json || this.options.diff) return;
    const kinds = ["+", "-", "~"].map((kind) => [
      kind,
      [...(diff ?? [])].filter((one) => one[1] === kind).map(([key]) => key),
    ]);
    const summary = kinds.flatMap(([kind, keys]) => (keys?.length ? [`${kind}${keys}`] : [])).join("");
    const tail = `${retain ? "[retain]" : ""}${summary ? ` [diff: ${summary}]` : ""}`;
    this.#print(` ${words[op][0].padEnd(2)} ${typeOf(urn)} ${nameOf(urn)} ${text}${tail}`);
  }

  /** A step is done. */
  done(step: Step, seconds?: number): void {
    const { op } = step;
    if (op !== "create-replacement" && op !== "delete-replaced") this.#counts.set(op, (this.#counts.get(op) ?? 0) + 1);
    if (seconds !== undefined) this.line(step, `${words[op][3]} (${seconds.toFixed(2)}s)`);
  }

  /** A message of the program or the engine; `urn` "" is the stack's. */
  diagnostic(severity: "info" | "warning" | "error", urn: string, message: string): void {
    const about = urn || this.#root;
    const text = this.#mask(`${severity}: ${message.trimEnd()}`);
    if (severity === "error") this.#errored.add(about);
    this.#event({ diagnosticEvent: { urn: about, severity, message: this.#mask(message) } });
    this.#diagnostics.set(about, [...(this.#diagnostics.get(about) ?? []), text]);
    if (this.options.diff) process.stderr.write(`${text}\n`);
  }

  /** The end of a run: messages, outputs and counts. */
  summary(outputs: Values | undefined): void {
    this.#event({ summaryEvent: { resourceChanges: Object.fromEntries(this.#counts) } });
    const diagnostics = [...this.#diagnostics].flatMap(([urn, texts]) => texts.map((message) => ({ urn, message })));
    if (this.options.json) {
      const changeSummary = Object.fromEntries(this.#counts);
      this.#print(JSON.stringify({ steps: this.#steps, diagnostics, changeSummary }, undefined, 4));
      return;
    }
    if (this.#diagnostics.size > 0 && !this.options.diff) {
      this.#print("Diagnostics:");
      for (const [urn, texts] of this.#diagnostics) {
        const lines = texts.flatMap((text) => text.split("\n")).map((text) => `    ${text}`);
        this.#print(`  ${typeOf(urn)} (${nameOf(urn)}):\n${lines.join("\n")}\n`);
      }
    }
    if (outputs && Object.keys(outputs).length > 0) {
      const width = Math.max(...Object.keys(outputs).map((key) => key.length));
      this.#print("Outputs:");
      for (const [key, value] of Object.entries(outputs).sort(([a], [b]) => (a < b ? -1 : 1)))
        this.#print(`    ${key.padEnd(width)}: ${show(value, "    ")}`);
      this.#print("");
    }
    this.#print("Resources:");
    let changed = 0;
    for (const op of ["create", "update", "delete", "replace"] as const) {
      const count = this.#counts.get(op);
      if (!count) continue;
      changed += 1;
      this.#print(`    ${words[op][0].padEnd(2)}${count} ${this.options.dryRun ? `to ${words[op][1]}` : words[op][3]}`);
    }
    const [same, sum] = [
      this.#counts.get("same"),
      [...this.#counts].reduce((all, [op, count]) => (op === "same" ? all : all + count), 0),
    ];
    if (same) this.#print(`    ${changed > 1 ? `${sum} changes. ` : ""}${same} unchanged`);
    if (this.#errored.size > 0) this.#print(`    ${this.#errored.size} errored`);
    this.#print(this.options.dryRun ? "" : `\nDuration: ${Math.round((Date.now() - this.#started) / 1000)}s\n`);
  }

  #details({ op, urn, id, before, after, diff, retain }: Step): void {
    this.#print(`    ${words[op][0].padEnd(2)}${typeOf(urn)}: (${words[op][1]})${retain ? " [retain]" : ""}`);
    if (id) this.#print(`        [id=${id}]`);
    this.#print(`        [urn=${urn}]`);
    const whole = op === "create" ? after : op === "delete" ? before : undefined;
    for (const [key, value] of Object.entries(whole ?? {})) this.#print(`        ${key}: ${show(value, "        ")}`);
    for (const key of whole ? [] : (diff?.keys() ?? [])) this.#difference(key, before?.[key], after?.[key], "      ");
  }

  #difference(key: string, before: Value | undefined, after: Value | undefined, indent: string): void {
    const [old, now] = [redact(before ?? null), redact(after ?? null)];
    const nested = isTree(old) && isTree(now) && Array.isArray(old) === Array.isArray(now);
    if (!nested || before === undefined || after === undefined) {
      if (before === undefined) this.#print(`${indent}+ ${key}: ${show(now, `${indent}  `)}`);
      else if (after === undefined) this.#print(`${indent}- ${key}: ${show(old, `${indent}  `)}`);
      else this.#print(`${indent}~ ${key}: ${show(old, indent)} => ${show(now, indent)}`);
      return;
    }
    const [open, close] = Array.isArray(now) ? "[]" : "{}";
    this.#print(`${indent}~ ${key}: ${open}`);
    for (const part of new Set([...Object.keys(old), ...Object.keys(now)])) {
      const [left, right] = [(old as Values)[part], (now as Values)[part]];
      if (JSON.stringify(left) !== JSON.stringify(right))
        this.#difference(Array.isArray(now) ? `[${part}]` : part, left, right, `${indent}    `);
    }
    this.#print(`${indent}  ${close}`);
  }

  #event(event: object): void {
    if (this.options.eventLog) appendFileSync(this.options.eventLog, `${JSON.stringify(event)}\n`);
  }

  #print(text: string): void {
    process.stdout.write(`${this.#mask(text)}\n`);
  }

  #mask(text: string): string {
    return this.options.secrets.reduce(
      (masked, one) => (one.length < 3 ? masked : masked.replaceAll(one, "[secret]")),
      text,
    );
  }
}

/** Type and name that a URN ends with. */
export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

function isTree(value: Value): value is Value[] | Values {
  return typeof value === "object" && value !== null;
}

function show(value: Value, indent: string): string {
  if (value === unknown) return "[unknown]";
  if (isSecret(value) || value === "[secret]") return "[secret]";
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const parts = Object.entries(value).map(([key, item]) => {
    return `${indent}    ${Array.isArray(value) ? `[${key}]` : key}: ${show(item, `${indent}    `)}\n`;
  });
  return parts.length === 0 ? `${open}${close}` : `${open}\n${parts.join("")}${indent}${close}`;
}
