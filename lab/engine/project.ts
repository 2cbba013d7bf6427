import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parse, parseDocument } from "yaml";
import { Crypter } from "./state";
import { Fault } from "./values";

/** What the engine takes from Pulumi.yaml. */
export interface Project {
  name: string;
  /** The project folder. */
  root: string;
  /** Folder that the program runs in, and the entry point in it. */
  folder: string;
  main: string;
  nodeargs: string[];
  typescript: boolean;
  tsconfig: string | undefined;
}

const known = ["name", "runtime", "main", "description", "author", "website", "license", "template"];

/** Reads Pulumi.yaml. A key that changes what the CLI does, and isn't implemented, is a Fault. */
export function readProject(root: string): Project {
  const file = join(root, "Pulumi.yaml");
  if (!existsSync(file)) throw new Fault("no Pulumi.yaml project file found in the current directory", 2);
  const yaml = parse(readFileSync(file, "utf8"));
  const runtime = typeof yaml.runtime === "string" ? { name: yaml.runtime } : yaml.runtime;
  const options = runtime.options ?? {};
  const foreign = [
    ...Object.keys(yaml).filter((key) => !known.includes(key)),
    ...Object.keys(options).filter((key) => !["nodeargs", "typescript", "tsconfig", "packagemanager"].includes(key)),
  ];
  if (runtime.name !== "nodejs") foreign.push(`runtime ${runtime.name}`);
  if (foreign.length > 0) throw new Fault(`lab engine: Pulumi.yaml: ${foreign.join(", ")}: not implemented`);
  const main = resolve(root, yaml.main ?? ".");
  const folder = statSync(main).isDirectory();
  return {
    name: yaml.name,
    root,
    folder: folder ? main : dirname(main),
    main: folder ? "." : basename(main),
    nodeargs: [...String(options.nodeargs ?? "").matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
      ([, double, single, bare]) => double ?? single ?? bare ?? "",
    ),
    typescript: options.typescript ?? true,
    tsconfig: options.tsconfig,
  };
}

/** Config as the program gets it: texts by `namespace:name`, and which of them hold secrets. */
export interface Config {
  values: Record<string, string>;
  secretKeys: string[];
  /** Every decrypted secret, to keep it out of what is printed. */
  secrets: string[];
}

/** Pulumi.STACK.yaml: the config of a stack and the salt of its encryption. */
export class StackFile {
  readonly #file: string;
  readonly #project: string;

  constructor(project: Project, stack: string) {
    this.#file = join(project.root, `Pulumi.${stack}.yaml`);
    this.#project = project.name;
  }

  /** The salt, if the file has one. */
  get salt(): string | undefined {
    return this.#document().get("encryptionsalt") as string | undefined;
  }

  writeSalt(salt: string): void {
    const document = this.#document();
    document.set("encryptionsalt", salt);
    writeFileSync(this.#file, document.toString());
  }

  /** Decrypts the config; `fallback` is the crypter of state, for a file without a salt. */
  read(fallback: Crypter): Config {
    const config: Config = { values: {}, secretKeys: [], secrets: [] };
    let crypter: Crypter | undefined;
    const decrypt = (text: string): string => {
      const salt = this.salt;
      crypter ??= salt === undefined ? fallback : Crypter.open(salt);
      const value = crypter.decrypt(text);
      config.secrets.push(value);
      return value;
    };
    for (const [name, value] of Object.entries(this.#document().toJS()?.config ?? {})) {
      const key = this.#key(name);
      const before = config.secrets.length;
      const clear = decryptTree(value, decrypt);
      config.values[key] = typeof clear === "object" ? JSON.stringify(clear) : String(clear);
      if (config.secrets.length > before) config.secretKeys.push(key);
    }
    return config;
  }

  /** Sets one value. With `path` the name is a property path, e.g. `hosts[0].name`. */
  set(name: string, text: string, { path, crypter }: { path: boolean; crypter: Crypter | undefined }): void {
    const [, space, rest = ""] = /^(?:([^:[\].]+):)?(.*)$/.exec(name) ?? [];
    const keys = path
      ? [...rest.matchAll(/[^.[\]"]+/g)].map(([key]) => (/^\d+$/.test(key) ? Number(key) : key))
      : [rest];
    const document = this.#document();
    const number = path && /^(true|false|-?\d+)$/.test(text);
    const value = crypter ? { secure: crypter.encrypt(text) } : number && keys.length > 1 ? JSON.parse(text) : text;
    document.setIn(["config", `${space ?? this.#project}:${keys[0]}`, ...keys.slice(1)], document.createNode(value));
    writeFileSync(this.#file, document.toString({ lineWidth: 0 }));
  }

  #key(name: string): string {
    return name.includes(":") ? name : `${this.#project}:${name}`;
  }

  #document() {
    return parseDocument(existsSync(this.#file) ? readFileSync(this.#file, "utf8") : "");
  }
}

function decryptTree(value: unknown, decrypt: (text: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => decryptTree(item, decrypt));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]?.[0] === "secure") return decrypt(String(entries[0][1]));
  return Object.fromEntries(entries.map(([key, item]) => [key, decryptTree(item, decrypt)]));
}
