import { readFileSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { decrypt, encrypt } from "./encryption";
import { Fault, unknown, type Values } from "./values";

/** What is done to a resource. */
export type Op = "same" | "create" | "update" | "delete";
type Steps = Record<string, { op: Op; inputs: Values }>;

/** The steps of a run, as `preview --save-plan` keeps them and `up --plan` allows no others. */
export class Plan {
  readonly #steps: Steps = {};
  readonly #allowed: Steps | undefined;

  /** @param file A plan to hold the run to. */
  constructor(file?: string) {
    this.#allowed = file === undefined ? undefined : JSON.parse(decrypt(readFileSync(file, "utf8")));
  }

  save(file: string): void {
    writeFileSync(file, encrypt(JSON.stringify(this.#steps)), { mode: 0o600 });
  }

  /** Takes one step down; a Fault where it isn't what was planned. An update may turn out to be none. */
  take(urn: string, op: Op, inputs: Values): void {
    this.#steps[urn] = { op, inputs };
    if (this.#allowed === undefined) return;
    const planned = this.#allowed[urn] ?? { op: "same", inputs };
    if (planned.op !== op && !(planned.op === "update" && op === "same"))
      throw new Fault(`resource ${urn} violates plan: ${op} is not allowed, the plan is ${planned.op}`);
    const changed = [...new Set([...Object.keys(planned.inputs), ...Object.keys(inputs)])].filter((key) => {
      const foretold = planned.inputs[key];
      return !JSON.stringify(foretold ?? null).includes(unknown) && !isDeepStrictEqual(foretold, inputs[key]);
    });
    if (changed.length > 0) throw new Fault(`resource ${urn} violates plan: properties changed: ${changed.join(", ")}`);
  }
}
