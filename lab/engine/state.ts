import { createCipheriv, createDecipheriv, pbkdf2Sync, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { Fault, reveal, seal, unseal, type Value, type Values } from "./values";

/** A resource as state keeps it between runs. */
export interface Resource {
  urn: string;
  type: string;
  custom: boolean;
  id?: string;
  inputs: Values;
  outputs: Values;
  parent?: string;
  dependencies: string[];
  additionalSecretOutputs: string[];
  protect: boolean;
  retainOnDelete: boolean;
  /** Limit for dialling, in seconds, per operation. */
  customTimeouts: { create?: number; update?: number; delete?: number };
  /** The original of a replacement that is still to be deleted. */
  delete?: true;
}

/** An operation that had started when state was written. */
export interface Operation {
  type: "creating" | "updating" | "deleting";
  urn: string;
}

export interface Snapshot {
  resources: Resource[];
  operations: Operation[];
}

/** Encrypts the way the CLI's passphrase provider does, so that both read the same Pulumi.STACK.yaml. */
export class Crypter {
  readonly #key: Buffer;

  private constructor(passphrase: string, salt: Buffer) {
    this.#key = pbkdf2Sync(passphrase, salt, 1_000_000, 32, "sha256");
  }

  /** The crypter of an `encryptionsalt`, for the passphrase in the environment. */
  static open(salt: string): Crypter {
    const [, bytes = "", ...check] = salt.split(":");
    const crypter = new Crypter(passphrase(), Buffer.from(bytes, "base64"));
    try {
      if (crypter.decrypt(check.join(":")) === "pulumi") return crypter;
    } catch {}
    throw new Fault("getting stack configuration: get stack secrets manager: incorrect passphrase");
  }

  /** A new `encryptionsalt`. */
  static salt(): string {
    const bytes = randomBytes(8);
    return `v1:${bytes.toString("base64")}:${new Crypter(passphrase(), bytes).encrypt("pulumi")}`;
  }

  encrypt(text: string): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce);
    const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
    return `v1:${nonce.toString("base64")}:${sealed.toString("base64")}`;
  }

  decrypt(text: string): string {
    const [, nonce = "", sealed = ""] = text.split(":");
    const bytes = Buffer.from(sealed, "base64");
    const cipher = createDecipheriv("aes-256-gcm", this.#key, Buffer.from(nonce, "base64"));
    cipher.setAuthTag(bytes.subarray(-16));
    return cipher.update(bytes.subarray(0, -16), undefined, "utf8") + cipher.final("utf8");
  }
}

function passphrase(): string {
  const { PULUMI_CONFIG_PASSPHRASE: text, PULUMI_CONFIG_PASSPHRASE_FILE: file } = process.env;
  if (text !== undefined) return text;
  if (file) return readFileSync(file, "utf8").trim();
  throw new Fault(
    "getting stack configuration: get stack secrets manager: passphrase must be set with " +
      "PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables",
  );
}

/** The state of one stack: a JSON file below the folder that PULUMI_BACKEND_URL names, apart from the CLI's own. */
export class Store {
  readonly #file: string;
  readonly #lock: string;
  #crypter: Crypter | undefined;

  constructor(
    readonly project: string,
    readonly stack: string,
  ) {
    const root = join(backend(), project);
    this.#file = join(root, `${stack}.json`);
    this.#lock = join(root, `${stack}.lock`);
  }

  exists(): boolean {
    return existsSync(this.#file);
  }

  create(salt: string): void {
    if (this.exists()) throw new Fault(`stack 'organization/${this.project}/${this.stack}' already exists`);
    this.#write({ secrets_providers: { type: "passphrase", state: { salt } }, resources: [], pending_operations: [] });
  }

  remove(): void {
    rmSync(this.#file);
  }

  /** The file as `stack export` prints it; `clear` shows the secrets. */
  export(clear: boolean): unknown {
    const file = this.#read();
    if (!clear) return file;
    const { resources } = this.load();
    return { ...file, deployment: { ...file.deployment, resources: resources.map((one) => reveal(plain(one))) } };
  }

  load(): Snapshot {
    const { deployment } = this.#read();
    this.#crypter = Crypter.open(deployment.secrets_providers.state.salt);
    const crypter = this.#crypter;
    const resources = deployment.resources.map((one) => unseal(plain(one), (text) => crypter.decrypt(text)));
    return { resources: resources as unknown as Resource[], operations: deployment.pending_operations };
  }

  save({ resources, operations }: Snapshot): void {
    const { secrets_providers } = this.#read().deployment;
    const sealed = resources.map((one) => this.seal(plain(one)));
    this.#write({
      secrets_providers,
      resources: sealed as unknown as Resource[],
      pending_operations: operations,
    });
  }

  /** A value with its secrets encrypted, as it may lie in a file. */
  seal(value: Value): Value {
    return seal(value, (text) => this.crypter.encrypt(text));
  }

  unseal(value: Value): Value {
    return unseal(value, (text) => this.crypter.decrypt(text));
  }

  get crypter(): Crypter {
    this.#crypter ??= Crypter.open(this.#read().deployment.secrets_providers.state.salt);
    return this.#crypter;
  }

  /** Keeps other runs out; the lock of a run that was killed stays until `cancel`. */
  lock(): void {
    const holder = `created by ${userInfo().username}@${hostname()} (pid ${process.pid}) at ${new Date().toISOString()}`;
    try {
      writeFileSync(this.#lock, holder, { flag: "wx" });
    } catch {
      throw new Fault(
        "the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock " +
          `file with \`pulumi cancel\`.\n  ${this.#lock}: ${readFileSync(this.#lock, "utf8")}`,
      );
    }
  }

  unlock(): void {
    rmSync(this.#lock, { force: true });
  }

  #read(): StateFile {
    return JSON.parse(readFileSync(this.#file, "utf8"));
  }

  #write(deployment: StateFile["deployment"]): void {
    mkdirSync(dirname(this.#file), { recursive: true });
    const file: StateFile = { version: 3, deployment };
    writeFileSync(`${this.#file}.new`, `${JSON.stringify(file, undefined, 4)}\n`, { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }
}

interface StateFile {
  version: 3;
  deployment: {
    secrets_providers: { type: "passphrase"; state: { salt: string } };
    resources: Resource[];
    pending_operations: Operation[];
  };
}

function plain(resource: Resource): Value {
  return resource as unknown as Value;
}

function backend(): string {
  const url = process.env.PULUMI_BACKEND_URL ?? "";
  if (!url.startsWith("file://")) throw new Fault("lab engine: PULUMI_BACKEND_URL must be file://FOLDER");
  return join(url.slice("file://".length).replace(/^~(?=\/|$)/, process.env.HOME ?? "~"), ".pulumi-lab");
}

/** The stack that `stack init` or `stack select` chose last, and the choice of another one. */
export function selectedStack(project: string, choose?: string): string | undefined {
  const file = join(backend(), project, "selected");
  if (choose !== undefined) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, choose);
  }
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

/** Names of the project's stacks. */
export function stacks(project: string): string[] {
  const root = join(backend(), project);
  if (!existsSync(root)) return [];
  return readdirSync(root).flatMap((name) => (name.endsWith(".json") ? [name.slice(0, -".json".length)] : []));
}
