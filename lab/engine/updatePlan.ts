import { readFileSync, writeFileSync } from "node:fs";
import { nameOf, type Op } from "./display";
import type { Store } from "./state";
import { Fault, fits, redact, type Value, type Values } from "./values";

interface Planned {
  op: Op;
  inputs?: Values;
}

/** An update plan: what a preview foretold, which `up --plan` holds the program to. */
export class Plan {
  readonly #steps = new Map<string, Planned>();
  readonly #seen = new Set<string>();
  /** Whether a step was refused. */
  violated = false;

  constructor(
    /** "record" collects steps for `save`, "enforce" refuses others, "off" does nothing. */
    readonly mode: "off" | "record" | "enforce",
  ) {}

  static load(file: string, store: Store): Plan {
    const plan = new Plan("enforce");
    const { resourcePlans } = store.unseal(JSON.parse(readFileSync(file, "utf8"))) as unknown as {
      resourcePlans: Record<string, Planned>;
    };
    for (const [urn, planned] of Object.entries(resourcePlans)) plan.#steps.set(urn, planned);
    return plan;
  }

  save(file: string, store: Store): void {
    const plan = { resourcePlans: Object.fromEntries(this.#steps) } as unknown as Value;
    writeFileSync(file, `${JSON.stringify(store.seal(plan), undefined, 4)}\n`, { mode: 0o600 });
  }

  /** Records or judges one step; a same may stand for an update or a replacement, and an update for a replacement. */
  check(urn: string, op: Op, inputs: Values | undefined): void {
    if (this.mode === "record") this.#steps.set(urn, inputs ? { op, inputs } : { op });
    if (this.mode !== "enforce" || op === "delete-replaced") return;
    this.#seen.add(urn);
    const planned = this.#steps.get(urn) ?? { op: "same" };
    const allowed: Record<string, Op[]> = { update: ["update", "same"], replace: ["replace", "update", "same"] };
    if (!(allowed[planned.op] ?? [planned.op]).includes(op))
      this.#refuse(`${op} is not allowed by the plan: this resource is constrained to ${planned.op}`);
    const changed = Object.keys({ ...planned.inputs, ...inputs }).flatMap((key) => {
      const [foretold, found] = [planned.inputs?.[key], inputs?.[key]];
      if (!planned.inputs || !inputs || fits(foretold, found)) return [];
      return [`~~${key}[${JSON.stringify(redact(foretold ?? null))}!=${JSON.stringify(redact(found ?? null))}]`];
    });
    if (changed.length > 0) this.#refuse(`resource ${urn} violates plan: properties changed: ${changed.join(", ")}`);
  }

  #refuse(message: string): never {
    this.violated = true;
    throw new Fault(message);
  }

  /** What was planned for resources that the program never registered. */
  missing(): string[] {
    const steps = this.mode === "enforce" ? [...this.#steps] : [];
    return steps.flatMap(([urn, { op }]) =>
      this.#seen.has(urn) || op === "delete"
        ? []
        : [`expected resource operations for ${urn} (${nameOf(urn)}) but none were seen.`],
    );
  }
}
