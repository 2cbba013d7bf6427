/** The program as a person runs it: a project folder, a stack, a backend of its own, and an engine. */

import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDocument } from "yaml";
import type { Engine } from "./cli";
import { type Flag, type Verb, type Words, wordsOf } from "./commands";
import type { Lab } from "./hosts/lab";

/** The checkout that this file is in. */
export const checkout = join(__dirname, "..");

/** What the program is made of. */
const PROGRAM = [
  "Pulumi.yaml",
  "package.json",
  "tsconfig.json",
  "index.ts",
  "loader.cjs",
  "config",
  "sources",
  "facts",
  "plan",
  "components",
  "host",
  "scripts",
  "recipes",
];

/** What a command of the engine came to. */
export interface Step {
  readonly code: number;
  /** stdout and stderr, as a person sees them. */
  readonly output: string;
  /** stdout alone. */
  readonly stdout: string;
}

/** A command of the engine that was started. */
export interface StartedStep {
  /** The engine's process. */
  readonly pid: number;
  readonly done: Promise<Step>;
  /** Kills the engine's process, as a crash would. */
  kill(): void;
}

/** What a command reads. */
interface Input {
  /** @default nothing */
  readonly stdin?: string;
}

export interface ProjectOptions {
  /** More keys of the stack config, over the lab's. A key given as undefined is left out. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Whether the sudo passwords of the lab's hosts are in the config. @default true */
  readonly sudoPassword?: boolean;
  /** @default "test" */
  readonly stack?: string;
}

export class Project {
  readonly env: NodeJS.ProcessEnv;

  /**
   * @param dir Folder of Pulumi.yaml.
   * @param stateDir Where the backend and the passphrase go; made if it isn't there.
   */
  private constructor(
    readonly engine: Engine,
    readonly dir: string,
    stateDir: string,
    readonly stack: string,
  ) {
    const backend = join(stateDir, "backend");
    const passphraseFile = join(stateDir, "passphrase");
    rmSync(backend, { recursive: true, force: true });
    mkdirSync(backend, { recursive: true });
    writeFileSync(passphraseFile, "the passphrase of a lab is no secret\n", { mode: 0o600 });
    this.env = {
      PULUMI_BACKEND_URL: `file://${backend}`,
      PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile,
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
  }

  /** A copy of the program in a folder of its own, so that a test can release another version of it. */
  static create(engine: Engine, lab: Pick<Lab, "hosts">, options: ProjectOptions = {}): Promise<Project> {
    const dir = mkdtempSync(join(tmpdir(), "spark-mesh-project-"));
    for (const part of PROGRAM) {
      cpSync(join(checkout, part), join(dir, part), { recursive: true });
    }
    symlinkSync(join(checkout, "node_modules"), join(dir, "node_modules"));
    return new Project(engine, dir, dir, options.stack ?? "test").#prepare(lab, options);
  }

  /** A program with nothing in it, loaded as the Pulumi.yaml given says: what every preview costs. */
  static async empty(engine: Engine, projectFile: string): Promise<Project> {
    const dir = mkdtempSync(join(tmpdir(), "spark-mesh-empty-"));
    writeFileSync(join(dir, "Pulumi.yaml"), projectFile);
    writeFileSync(join(dir, "index.ts"), "");
    for (const part of ["package.json", "tsconfig.json", "loader.cjs"]) {
      cpSync(join(checkout, part), join(dir, part));
    }
    symlinkSync(join(checkout, "node_modules"), join(dir, "node_modules"));
    const project = new Project(engine, dir, dir, "test");
    await project.#must(project.run("stack init", { operand: project.stack }));
    return project;
  }

  /** The checkout itself as the project; the backend lies beside the lab. */
  static inCheckout(engine: Engine, lab: Lab, options: ProjectOptions & { readonly stack: string }): Promise<Project> {
    const project = new Project(engine, checkout, lab.dir, options.stack);
    rmSync(project.stackFile, { force: true });
    return project.#prepare(lab, options);
  }

  async #prepare(lab: Pick<Lab, "hosts">, options: ProjectOptions): Promise<this> {
    await this.#must(this.run("stack init", { operand: this.stack }));
    this.reconfigure({
      hosts: lab.hosts.map(({ name, address, hostKey, user }) => ({ name, address, hostKey, user })),
      ssh: { auth: "key", identityFile: lab.hosts[0]?.identityFile },
      ...options.config,
    });
    for (const { name, sudoPassword } of lab.hosts) {
      if (sudoPassword !== undefined && (options.sudoPassword ?? true)) {
        await this.setSecret(`spark-mesh:sudoPasswords["${name}"]`, sudoPassword);
      }
    }
    return this;
  }

  get stackFile(): string {
    return join(this.dir, `Pulumi.${this.stack}.yaml`);
  }

  /** Sets keys of the stack's config, `undefined` takes one away; everything else in the file stays. */
  reconfigure(config: Readonly<Record<string, unknown>>): void {
    const document = parseDocument(readFileSync(this.stackFile, { encoding: "utf8", flag: "a+" }) || "config: {}");
    for (const [key, value] of Object.entries(config)) {
      if (value === undefined) {
        document.deleteIn(["config", `spark-mesh:${key}`]);
      } else {
        document.setIn(["config", `spark-mesh:${key}`], document.createNode(value));
      }
    }
    writeFileSync(this.stackFile, document.toString());
  }

  /** Sets a secret of the stack's config; the value goes through stdin. */
  async setSecret(path: string, value: string): Promise<void> {
    await this.#must(this.run("config set", { operand: path, flags: ["--secret", "--path"], stdin: value }));
  }

  preview(...flags: Flag<"preview">[]): Promise<Step> {
    return this.run("preview", { flags });
  }

  up(...flags: Flag<"up">[]): Promise<Step> {
    return this.run("up", { flags: ["--yes", ...flags] });
  }

  destroy(...flags: Flag<"destroy">[]): Promise<Step> {
    return this.run("destroy", { flags: ["--yes", ...flags] });
  }

  /** The value of one output of the stack. */
  async output<T>(name: string): Promise<T> {
    return JSON.parse((await this.run("stack output", { operand: name, flags: ["--json"] })).stdout);
  }

  /** Everything that the backend holds of the stack, secrets as they lie there. */
  async exported(): Promise<string> {
    return (await this.run("stack export")).stdout;
  }

  run<V extends Verb>(verb: V, words: Words<V> & Input = {}): Promise<Step> {
    return this.start(verb, words).done;
  }

  /** Starts a command of the engine. */
  start<V extends Verb>(verb: V, words: Words<V> & Input = {}): StartedStep {
    const [program = "", ...prefix] = this.engine.command;
    const stack = verb === "stack init" ? [] : ["--stack", this.stack];
    const args = wordsOf(verb, words);
    return this.#spawn(program, [...prefix, ...args, ...stack, "--non-interactive", "--color", "never"], words);
  }

  /** Runs the `spark-mesh` command beside the stack file, as a person does. */
  sparkMesh(words: readonly string[], input: Input = {}): Promise<Step> {
    const script = join(checkout, "bin", "spark-mesh.cjs");
    return this.#spawn(process.execPath, [script, ...words, "--stack", this.stack], input).done;
  }

  #spawn(program: string, args: readonly string[], { stdin = "" }: Input): StartedStep {
    const child = spawn(program, args, { cwd: this.dir, env: { ...process.env, ...this.env } });
    const texts = { output: "", stdout: "" };
    child.stdout.on("data", (chunk: Buffer) => {
      texts.output += chunk.toString();
      texts.stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      texts.output += chunk.toString();
    });
    child.stdin.end(stdin);
    const done = new Promise<Step>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve({ code: code ?? -1, ...texts }));
    });
    return { pid: child.pid ?? -1, done, kill: () => child.kill("SIGKILL") };
  }

  /** Removes the stack file, and the folder where it is a copy. */
  remove(): void {
    rmSync(this.dir === checkout ? this.stackFile : this.dir, { recursive: true, force: true });
  }

  async #must(running: Promise<Step>): Promise<void> {
    const step = await running;
    if (step.code !== 0) {
      throw new Error(step.output);
    }
  }
}
