import { spawn } from "node:child_process";
import { connect } from "node:net";
import { type Connection, Server, type ServerChannel, utils } from "ssh2";

/** A host of the tests: an SSH server in this process that runs each command in bash and remembers it. */
export interface TestHost {
  readonly port: number;
  /** Public host key, as `hostKey` takes it. */
  readonly hostKey: string;
  /** Every command that was run, in order, with what it read. Whoever reads it may empty it. */
  readonly transcript: { command: string; stdin: string }[];
  /** Connections that went through this host to another. */
  jumps: number;
  /** Cuts the host off: dials are refused. */
  down(): Promise<void>;
  up(): Promise<void>;
}

/** A key pair of the kind OpenSSH makes. */
export function keyPair(): { privateKey: string; publicKey: string } {
  // One in some 256 pairs comes out of ssh2 with a private key that it can't parse itself.
  let pair = utils.generateKeyPairSync("ed25519");
  while (utils.parseKey(pair.private) instanceof Error) pair = utils.generateKeyPairSync("ed25519");
  return { privateKey: pair.private, publicKey: pair.public.split(" ").slice(0, 2).join(" ") };
}

/** Starts a host on a free port of the loopback that lets the key's owner in. */
export async function startHost(clientKey: string): Promise<TestHost> {
  const own = keyPair();
  const allowed = utils.parseKey(clientKey);
  if (allowed instanceof Error || Array.isArray(allowed)) throw new Error("the client key can't be read");
  const open = new Set<Connection>();
  let port = 0;
  const server = new Server({ hostKeys: [own.privateKey] }, (client) => {
    open.add(client);
    client.on("error", () => {});
    client.on("close", () => open.delete(client));
    client.on("authentication", (context) => {
      if (context.method !== "publickey" || !context.key.data.equals(allowed.getPublicSSH())) {
        return context.reject(["publickey"]);
      }
      const { signature, blob, hashAlgo } = context;
      if (!signature || !blob || allowed.verify(blob, signature, hashAlgo) === true) return context.accept();
      return context.reject(["publickey"]);
    });
    client.on("session", (accept) =>
      accept().on("exec", (acceptExec, _reject, { command }) => run(command, acceptExec())),
    );
    client.on("tcpip", (accept, _reject, { destIP, destPort }) => {
      host.jumps += 1;
      const channel = accept();
      channel.pipe(connect(destPort, destIP)).pipe(channel);
    });
  });
  const run = (command: string, channel: ServerChannel) => {
    const entry = { command, stdin: "" };
    host.transcript.push(entry);
    const child = spawn("bash", ["-c", command]);
    channel.on("data", (data: Buffer) => {
      entry.stdin += data.toString();
    });
    child.stdin.on("error", () => {});
    channel.on("error", () => {});
    channel.pipe(child.stdin);
    child.stdout.pipe(channel, { end: false });
    child.stderr.pipe(channel.stderr, { end: false });
    child.on("close", (code) => {
      channel.exit(code ?? 255);
      channel.end();
    });
  };
  const host: TestHost = {
    get port() {
      return port;
    },
    hostKey: own.publicKey,
    transcript: [],
    jumps: 0,
    down: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const client of open) client.end();
      }),
    up: () =>
      new Promise((resolve) =>
        server.listen(port, "127.0.0.1", () => {
          port = (server.address() as { port: number }).port;
          resolve();
        }),
      ),
  };
  await host.up();
  return host;
}
