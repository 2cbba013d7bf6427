import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "../../../lab/cli";
import { keyPair, startHost, type TestHost } from "./host";
import type { Wish } from "./program/wish";

/** What one command came to, without what differs from run to run: times, ports, folders. */
export interface Outcome {
  name: string;
  code: number | null;
  /** Steps that changed something, sorted. */
  steps: { op: string; type: string; name: string }[];
  /** Lines of the "Resources:" block. */
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
    // Lets the CLI take --event-log.
    PULUMI_DEBUG_COMMANDS: "true",
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
    await this.run(["config", "set", "--secret", "password"], "hunter2-secret\n");
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
    const log = join(this.folder, "events");
    rmSync(log, { force: true });
    const { code, output } = await this.run([...args, "--event-log", log]);
    const events = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
    const steps = events.flatMap((line) => {
      const { op, urn, type } = JSON.parse(line).resourcePreEvent?.metadata ?? {};
      if (op === undefined || op === "same" || op === "refresh" || type.startsWith("pulumi:providers:")) return [];
      return [{ op, type, name: urn.split("::").at(-1) }];
    });
    const outcome: Outcome = {
      name,
      code,
      steps: sorted(steps),
      resources: (/^Resources:\n((?: {4}.*\n)*)/m.exec(output)?.[1] ?? "")
        .trimEnd()
        .split("\n")
        .map((line) => line.trim())
        // How much of a failing run was looked at before it ended is a matter of luck.
        .filter((line) => code === 0 || !line.endsWith("unchanged")),
      messages: sorted(
        [...new Set(output.match(/(?<=^ *)(?:warning|error): .*$/gm) ?? [])].map((line) => this.#steady(line)),
      ),
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
    const child = spawn(program, [...first, ...args, "--non-interactive", "--color", "never"], {
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

  #steady(line: string): string {
    for (const [name, { port }] of this.hosts) line = line.replaceAll(`127.0.0.1:${port}`, name);
    return line.replaceAll(this.folder, "FOLDER").replace(/(properties changed).*/, "$1");
  }
}

function sorted<T>(items: T[]): T[] {
  return items.sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
}
