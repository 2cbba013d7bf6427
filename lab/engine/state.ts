import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decrypt, encrypt } from "./encryption";
import { Fault, type Values } from "./values";

/** A resource as state keeps it between runs. */
export interface Resource {
  readonly urn: string;
  readonly inputs: Values;
  outputs: Values;
  /** URNs that must outlive this resource, its parent's among them. */
  readonly dependencies: readonly string[];
  readonly retainOnDelete: boolean;
}

/** The state of one stack: an encrypted file below the folder that PULUMI_BACKEND_URL names. */
export class Store {
  readonly #file: string;
  readonly #lock: string;

  constructor(
    readonly project: string,
    readonly stack: string,
  ) {
    const url = process.env.PULUMI_BACKEND_URL ?? "";
    if (!url.startsWith("file://")) throw new Fault("lab engine: PULUMI_BACKEND_URL must be file://FOLDER");
    const folder = join(url.slice("file://".length), ".pulumi-lab", project);
    mkdirSync(folder, { recursive: true });
    this.#file = join(folder, `${stack}.state`);
    this.#lock = join(folder, `${stack}.lock`);
  }

  create(): void {
    writeFileSync(this.#file, encrypt("[]"), { mode: 0o600, flag: "wx" });
  }

  load(): Resource[] {
    return JSON.parse(decrypt(readFileSync(this.#file, "utf8")));
  }

  /** Replaces the file as a whole, so that an engine that is killed leaves a usable one. */
  save(resources: Resource[]): void {
    writeFileSync(`${this.#file}.new`, encrypt(JSON.stringify(resources)), { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** Keeps other runs out; the lock of a run that was killed stays until `cancel`. */
  lock(): void {
    try {
      writeFileSync(this.#lock, `pid ${process.pid} since ${new Date().toISOString()}`, { flag: "wx" });
    } catch {
      const holder = readFileSync(this.#lock, "utf8");
      throw new Fault(
        `the stack is currently locked by ${holder}; wait for it to end, or delete the lock by \`cancel\``,
      );
    }
  }

  unlock(): void {
    rmSync(this.#lock, { force: true });
  }
}
