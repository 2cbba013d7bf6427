import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "../../../lab/cli";
import { keyPair, startHost, type TestHost } from "./host";
import type { Wish } from "./program/wish";

/** What one command came to, without what differs from run to run: times, ports, folders. */
export interface Outcome {
  name: string;
  code: number | null;
  /** Steps that began, e.g. "create command:remote:Command h1-stage", sorted. */
  steps: string[];
  /** Lines of the "Resources:" block of a run that went well. */
  resources: string[];
  /** First line of each warning and error, sorted. */
  messages: string[];
  /** Commands that each host ran, in order. */
  commands: Record<string, string[]>;
}

/** The sample program with an engine, a backend and two hosts of its own. */
export class Sample {
  readonly folder = mkdtempSync(join(tmpdir(), "spark-mesh-engine-"));
  readonly client = keyPair();
  readonly hosts = new Map<string, TestHost>();
  readonly outcomes: Outcome[] = [];
  readonly env: NodeJS.ProcessEnv = {
    ...process.env,
    PULUMI_BACKEND_URL: `file://${this.folder}`,
    PULUMI_CONFIG_PASSPHRASE: "a passphrase",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    SAMPLE_WISH: join(this.folder, "wish.json"),
    SSH_AUTH_SOCK: "",
  };

  constructor(readonly engine: Engine) {
    cpSync(join(__dirname, "program"), this.folder, { recursive: true });
    symlinkSync(join(__dirname, "../../../node_modules"), join(this.folder, "node_modules"));
  }

  async start(): Promise<void> {
    for (const name of ["h1", "h2"]) this.hosts.set(name, await startHost(this.client.publicKey));
    await this.run(["stack", "init", "dev"]);
    await this.run(["config", "set", "--secret", "--path", "sample:password"], "hunter2-secret\n");
  }

  async stop(): Promise<void> {
    for (const host of this.hosts.values()) await host.down();
    rmSync(this.folder, { recursive: true });
  }

  host(name: string): TestHost {
    const host = this.hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  /** Connection to a host; the dial is tried once. */
  connection(name: string): Wish["connection"] {
    const { port, hostKey } = this.host(name);
    return { host: "127.0.0.1", port, hostKey, privateKey: this.client.privateKey };
  }

  /** What the program shall wish for: both hosts as given, unless said otherwise. */
  wish(wish: Partial<Wish> = {}): void {
    const connections = { h1: this.connection("h1"), h2: this.connection("h2") };
    const hosts = ["h1", "h2"].map((name) => ({ name, mtu: 9000 }));
    const all: Wish = {
      connection: connections.h1,
      hosts,
      ...wish,
      connections: { ...connections, ...wish.connections },
    };
    writeFileSync(join(this.folder, "wish.json"), JSON.stringify(all));
  }

  /** Runs a verb and remembers what it came to. */
  async step(name: string, ...args: string[]): Promise<Outcome & { output: string }> {
    for (const host of this.hosts.values()) host.transcript.length = 0;
    const { code, output } = await this.run(args);
    const began = output.matchAll(/^ *[+~-] +(\S+:\S+ \S+) (create|update|delete|creating|updating|deleting)\b/gm);
    const steps = [...began].map(([, resource, verb]) => `${verb?.replace(/ing$/, "e")} ${resource}`);
    const messages = output.match(/(?<=^ *)(?:warning|error): .*$/gm) ?? [];
    const outcome: Outcome = {
      name,
      code,
      steps: [...new Set(steps)].sort(),
      resources: code === 0 ? resourceLines(output) : [],
      messages: [...new Set(messages.flatMap((line) => steady(line)))].sort(),
      commands: Object.fromEntries(
        [...this.hosts].map(([name, { transcript }]) => [name, transcript.map(({ command }) => command)]),
      ),
    };
    this.outcomes.push(outcome);
    return { ...outcome, output };
  }

  /** Starts the engine. */
  spawn(args: string[], stdin = "") {
    const [program = "", ...first] = this.engine.command;
    const stack = args[1] === "init" ? [] : ["--stack", "dev"];
    const child = spawn(program, [...first, ...args, ...stack, "--non-interactive", "--color", "never"], {
      cwd: this.folder,
      env: this.env,
    });
    child.stdin.end(stdin);
    return child;
  }

  run(args: string[], stdin = ""): Promise<{ code: number | null; output: string }> {
    const child = this.spawn(args, stdin);
    let output = "";
    child.stdout.on("data", (data: Buffer) => {
      output += data.toString();
    });
    child.stderr.on("data", (data: Buffer) => {
      output += data.toString();
    });
    return new Promise((resolve) => child.on("close", (code) => resolve({ code, output })));
  }
}

/** A message without what each engine says in its own words; none where that is all of it. */
function steady(line: string): string[] {
  if (/^error: (update|preview) failed$/.test(line)) return [];
  return [line.replace(/(properties changed|failed attempts|no changes were expected).*/, "$1")];
}

function resourceLines(output: string): string[] {
  const block = /^Resources:\n((?: {4}.*\n)*)/m.exec(output)?.[1] ?? "";
  // The CLI says how many changes there were where they are of several kinds.
  return block
    .trimEnd()
    .split("\n")
    .map((line) => line.trim().replace(/^\d+ changes\. /, ""));
}
