import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach } from "vitest";

type Variables = Readonly<Record<string, string>>;

/** A process of the stand-in. */
export interface StandIn {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly log: () => string;
  /** Its exit status, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

const folder = join(__dirname, "..", "..", "lab", "vllm");

/** Where the stand-in's models are. */
export const huggingFace = mkdtempSync(join(tmpdir(), "stand-in-"));

const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
});
afterAll(() => rmSync(huggingFace, { recursive: true, force: true }));

/** Starts a program; it ends with the test. Names of orders come without SPARK_MESH_LAB_. */
export function start(
  program: "vllm" | "hf" | "ray",
  words: readonly string[],
  { orders = {}, env = {} }: { readonly orders?: Variables; readonly env?: Variables } = {},
): StandIn {
  const ordered = Object.entries(orders).map(([name, value]) => [`SPARK_MESH_LAB_${name}`, value]);
  const child = spawn(join(folder, program), words, {
    env: {
      PATH: process.env.PATH ?? "",
      HF_HOME: huggingFace,
      PYTHONDONTWRITEBYTECODE: "1",
      ...Object.fromEntries(ordered),
      ...env,
    },
    cwd: huggingFace,
  });
  running.add(child);
  const printed: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => printed.push(String(chunk)));
  const ended = new Promise<number | string>((resolve) => {
    child.on("close", (code, signal) => {
      running.delete(child);
      resolve(code ?? signal ?? "");
    });
  });
  return { child, log: () => printed.join(""), ended };
}

/** A TCP port that nobody has. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? (address?.port ?? 0) : 0));
    });
  });
}

/** A request's status and body; status 0 where nobody listens, undefined where no answer comes within `limit` ms. */
export async function ask(port: number, path: string, body?: unknown, limit = 10_000) {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      signal: AbortSignal.timeout(limit),
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  } catch (error) {
    return { status: (error as Error).name === "TimeoutError" ? undefined : 0, text: "" };
  }
}
