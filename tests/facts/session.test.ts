import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server, type ServerChannel } from "ssh2";
import { afterAll, afterEach, expect, it } from "vitest";
import { failureOf } from "../../facts/failure";
import type { Probe } from "../../facts/hostFacts";
import { fingerprint } from "../../facts/hostKey";
import { openSession, SessionEnded } from "../../facts/session";

// Hosts that behave badly, played by a server in this process.
const folder = mkdtempSync(join(tmpdir(), "facts session %h \"'-"));
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function newKey(name: string, type: string): { path: string; text: string; line: string } {
  const path = join(folder, name);
  execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-f", path]);
  const [kind = "", body = ""] = readFileSync(`${path}.pub`, "utf8").split(" ");
  return { path, text: readFileSync(path, "utf8"), line: `${kind} ${body}` };
}
const client = newKey("client", "ed25519");
const ed25519 = newKey("host-ed25519", "ed25519");
const rsa = newKey("host-rsa", "rsa");

interface Behaviour {
  readonly hostKey?: string;
  readonly accept?: boolean;
  readonly onCommand?: (channel: ServerChannel, end: (_?: unknown) => void) => void;
}

/** Starts a host on the loopback and returns its port. */
function faultyHost({ hostKey = ed25519.text, accept = true, onCommand }: Behaviour): Promise<number> {
  const server = new Server({ hostKeys: [hostKey] }, (connection) => {
    connection.on("error", () => undefined);
    connection.on("authentication", (context) => (accept ? context.accept() : context.reject()));
    connection.on("session", (acceptSession) => {
      acceptSession().on("exec", (acceptExec) => onCommand?.(acceptExec(), () => connection.end()));
    });
  });
  closers.push(() => server.close());
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
}

/** What a host on this port comes to when it is asked something. */
async function probe(port: number): Promise<string | Probe> {
  const login = { address: "127.0.0.1", port, user: "nvidia", hostKey: ed25519.line, privateKey: client.text };
  try {
    const session = await openSession({ name: "spark-1", login, identityFile: client.path }, folder);
    return await session.ask("facts\n").finally(() => session.close());
  } catch (error) {
    if (error instanceof SessionEnded) return failureOf(error, login);
    throw error;
  }
}

it("takes what stands behind the session's mark, whatever is printed around it", async () => {
  const port = await faultyHost({
    onCommand: (channel) => {
      let heard = "";
      channel.stderr.write("warning\n");
      channel.write('Welcome!\n{"sparkMeshFacts":1,"said":"an earlier session"}\nno newline');
      channel.on("data", (bytes: Buffer) => {
        heard += bytes.toString();
        const [, mark, said] = /^mark=([0-9a-f]{24})\n(facts)\n$/.exec(heard) ?? [];
        if (mark === undefined) return;
        const text = Buffer.from(`{"sparkMeshFacts":1,"said":"${said} \u{1f980}"}`);
        const cut = text.length - 4;
        channel.write(Buffer.concat([Buffer.from(`mark=${mark}\nnoise ${mark}+`), text.subarray(0, cut)]));
        channel.write("\nlater\nnoise");
        setTimeout(
          () => channel.write(Buffer.concat([Buffer.from(`${mark}.`), text.subarray(cut), Buffer.from("\nbye\n")])),
          20,
        );
      });
    },
  });
  expect(await probe(port)).toBe('{"sparkMeshFacts":1,"said":"facts \u{1f980}"}');
});

it("has a mark of its own in each session", async () => {
  const marks: string[] = [];
  const port = await faultyHost({
    onCommand: (channel, end) =>
      channel.once("data", (text: Buffer) => end(marks.push(`${text}`.split("\n")[0] ?? ""))),
  });
  await Promise.all([probe(port), probe(port)]);
  expect(new Set(marks).size).toBe(2);
});

it("waits five seconds for a host that is silent", async () => {
  const server = createServer(() => undefined);
  closers.push(() => server.close());
  const port = await new Promise<number>((resolve) =>
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
  );
  const start = performance.now();
  expect(await probe(port)).toEqual({ kind: "unreachable", reason: "timed out after 5 s" });
  expect(performance.now() - start).toBeLessThan(8500);
});

it("ends an answer that doesn't", async () => {
  const port = await faultyHost({
    onCommand: (channel) => {
      const pour = () => {
        while (channel.writable && channel.write("x".repeat(65_536)));
      };
      channel.on("drain", pour);
      pour();
    },
  });
  expect(await probe(port)).toEqual({ kind: "unreachable", reason: "its answer does not end" });
});

it("tells a connection that was cut in the middle", async () => {
  const port = await faultyHost({ onCommand: (_channel, end) => end() });
  expect(await probe(port)).toMatchObject({ kind: "unreachable", reason: "disconnected by the host" });
});

it("tells a shell that ends by itself", async () => {
  const port = await faultyHost({
    onCommand: (channel) => {
      channel.stderr.write("no bash here\n");
      channel.exit(127);
      channel.end();
    },
  });
  expect(await probe(port)).toBe(
    "logged in, but bash gave no facts (exit 127: no bash here); the login shell must run bash",
  );
});

it("refuses an impostor at the same address before any login, and tells both keys", async () => {
  const other = newKey("impostor", "ed25519");
  let asked = false;
  const port = await faultyHost({ hostKey: other.text, onCommand: () => (asked = true) });
  expect(await probe(port)).toEqual({
    kind: "hostKeyMismatch",
    pinned: fingerprint(ed25519.line),
    offered: fingerprint(other.line),
  });
  expect(asked).toBe(false);
});

it("tells a host that has no key of the pinned type, and one that lets nobody in", async () => {
  expect(await probe(await faultyHost({ hostKey: rsa.text }))).toMatchObject({
    kind: "hostKeyMismatch",
    offered: expect.stringMatching(/^no ed25519 key, only .*rsa/),
  });
  expect(await probe(await faultyHost({ accept: false }))).toMatchObject({ kind: "denied" });
});
