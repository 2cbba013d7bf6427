const symbols = { create: "+", update: "~", delete: "-", same: " " } as const;

/** What is done to a resource. */
export type Op = keyof typeof symbols;

/** Prints a run much as the CLI prints one that nobody watches. */
export class Display {
  /** How many steps of each kind were taken. */
  readonly counts: Record<Op, number> = { create: 0, update: 0, delete: 0, same: 0 };

  /** @param secrets Masked wherever they appear. */
  constructor(
    readonly dryRun: boolean,
    readonly secrets: readonly string[],
  ) {}

  /** Takes a step; `diff` names the properties that change. */
  async step<T>(op: Op, urn: string, diff: readonly string[], work: () => Promise<T>): Promise<T> {
    const verb = this.dryRun ? op : op.replace(/e$/, "ing");
    const subject = ` ${symbols[op]} ${typeOf(urn)} ${nameOf(urn)}`;
    if (op !== "same") this.print(`${subject} ${verb}${diff.length > 0 ? ` [diff: ~${diff}]` : ""}`);
    const result = await work();
    if (op !== "same" && !this.dryRun) this.print(`${subject} ${op}d`);
    this.counts[op] += 1;
    return result;
  }

  /** A message of the program or the engine, about a resource or, where `urn` is "", the stack. */
  message(severity: string, urn: string, text: string): void {
    if (urn !== "") this.print(`  ${typeOf(urn)} (${nameOf(urn)}):`);
    this.print(`    ${severity}: ${text.trimEnd().replaceAll("\n", "\n    ")}`);
  }

  /** How many resources were changed, and how. */
  summary(): void {
    this.print("Resources:");
    for (const op of Object.keys(symbols) as Op[]) {
      const done = op === "same" ? "unchanged" : this.dryRun ? `to ${op}` : `${op}d`;
      if (this.counts[op] > 0) this.print(`    ${symbols[op]} ${this.counts[op]} ${done}`);
    }
  }

  print(text: string): void {
    const worthMasking = this.secrets.filter((one) => one.length > 2);
    console.log(worthMasking.reduce((clear, one) => clear.replaceAll(one, "[secret]"), text));
  }
}

/** Type that a URN names, without those of its parents. */
export const typeOf = (urn: string): string => urn.split("::")[2]?.split("$").at(-1) ?? "";

export const nameOf = (urn: string): string => urn.split("::").slice(3).join("::");
