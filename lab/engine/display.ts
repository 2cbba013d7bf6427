import type { Op } from "./plan";

const symbols: Record<Op, string> = { same: " ", create: "+", update: "~", delete: "-" };

/** Prints a run much as the CLI prints one that nobody watches. */
export class Display {
  readonly #counts: Record<Op, number> = { same: 0, create: 0, update: 0, delete: 0 };

  /** @param secrets Masked wherever they appear. */
  constructor(
    readonly dryRun: boolean,
    readonly secrets: readonly string[],
  ) {}

  /** Whether anything but "same" happened. */
  get changed(): boolean {
    return this.#counts.create + this.#counts.update + this.#counts.delete > 0;
  }

  /** A step begins; `diff` names the properties that change. */
  begin(op: Op, urn: string, diff: readonly string[]): void {
    const verb = this.dryRun ? op : op.replace(/e$/, "ing");
    if (op !== "same") this.#step(op, urn, diff.length > 0 ? `${verb} [diff: ~${diff}]` : verb);
  }

  done(op: Op, urn: string, seconds: number): void {
    this.#counts[op] += 1;
    if (op !== "same" && !this.dryRun) this.#step(op, urn, `${op}d (${seconds.toFixed(2)}s)`);
  }

  #step(op: Op, urn: string, text: string): void {
    this.print(` ${symbols[op]} ${typeOf(urn)} ${nameOf(urn)} ${text}`);
  }

  /** A message of the program or the engine, about a resource or, where `urn` is "", the stack. */
  message(severity: "info" | "warning" | "error", urn: string, text: string): void {
    if (urn !== "") this.print(`  ${typeOf(urn)} (${nameOf(urn)}):`);
    this.print(`    ${severity}: ${text.trimEnd().replaceAll("\n", "\n    ")}`);
  }

  /** How many resources were changed, and how. */
  summary(): void {
    this.print("Resources:");
    for (const op of ["create", "update", "delete"] as const)
      if (this.#counts[op] > 0)
        this.print(`    ${symbols[op]} ${this.#counts[op]} ${this.dryRun ? `to ${op}` : `${op}d`}`);
    if (this.#counts.same > 0) this.print(`    ${this.#counts.same} unchanged`);
  }

  print(text: string): void {
    const worthMasking = this.secrets.filter((one) => one.length > 2);
    const masked = worthMasking.reduce((clear, one) => clear.replaceAll(one, "[secret]"), text);
    process.stdout.write(`${masked}\n`);
  }
}

/** Type that a URN names, without those of its parents. */
export function typeOf(urn: string): string {
  return urn.split("::")[2]?.split("$").at(-1) ?? "";
}

export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}
