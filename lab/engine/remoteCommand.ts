import type { Duplex } from "node:stream";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { Client, type ClientChannel } from "ssh2";
import { z } from "zod";
import { Fault, reveal, unknown, type Values } from "./values";

const loginSchema = z.strictObject({
  host: z.string(),
  port: z.number(),
  user: z.string(),
  hostKey: z.string().optional(),
  /** Without one, the agent of SSH_AUTH_SOCK logs in. */
  privateKey: z.string().optional(),
  /** How many more dials follow a failed one. */
  dialErrorLimit: z.number().min(0),
  /** Seconds for one dial, 0 for no limit. */
  perDialTimeout: z.number(),
});

/** The inputs of command:remote:Command that this engine gives their meaning. */
const commandSchema = z.strictObject({
  connection: loginSchema.extend({ proxy: loginSchema.optional() }).or(z.literal(unknown)),
  create: z.string(),
  update: z.string().optional(),
  delete: z.string().optional(),
  stdin: z.string().optional(),
  /** Accepted, but what a command that succeeds prints isn't shown. */
  logging: z.string().optional(),
  // Its default, true, puts outputs into the environment, which needs AcceptEnv on the host.
  addPreviousOutputInEnv: z.literal(false),
});

type Login = z.infer<typeof loginSchema>;
export type RemoteCommand = z.infer<typeof commandSchema>;

/** Reads the properties of a command, secrets in clear; a Fault names what isn't implemented. */
export function readCommand(properties: Values): RemoteCommand {
  const { data, error } = commandSchema.safeParse(reveal(properties));
  if (error) throw new Fault(`lab engine: command:remote:Command: not implemented:\n${z.prettifyError(error)}`);
  return data;
}

/** Runs a text on the command's host, over a connection of its own. */
export async function run({ connection, stdin }: RemoteCommand, text: string) {
  if (connection === unknown) throw new Fault("the connection is still unknown");
  const jump = connection.proxy && (await dial(connection.proxy));
  try {
    const client = await dial(connection, jump);
    try {
      return await execute(client, text, stdin ?? "");
    } finally {
      client.end();
    }
  } finally {
    jump?.end();
  }
}

async function execute(client: Client, text: string, stdin: string): Promise<{ stdout: string; stderr: string }> {
  const channel = await new Promise<ClientChannel>((resolve, reject) =>
    client.exec(text, (error, opened) => (error ? reject(error) : resolve(opened))),
  );
  let status = "";
  channel.on("exit", (code: number | null, signal?: string) => {
    status = code === null ? `ended by signal ${signal}` : `exited with status ${code}`;
  });
  // A command that doesn't read its stdin closes the channel under the write.
  channel.on("error", () => {});
  // The status may come after the end of the output, but not after this.
  const closed = new Promise((resolve) => channel.once("close", resolve));
  channel.end(stdin);
  const [stdout, stderr] = await Promise.all([textOf(channel), textOf(channel.stderr), closed]);
  if (status !== "exited with status 0")
    throw new Fault(`Process ${status || "lost its connection"}: running ${JSON.stringify(text)}:\n${stdout}${stderr}`);
  return { stdout: stdout.replace(/\n$/, ""), stderr: stderr.replace(/\n$/, "") };
}

/** Logs in, in as many attempts as the connection allows, 0.1 s apart at first and 5 s at last. */
async function dial(to: Login, jump?: Client): Promise<Client> {
  for (let failed = 0; ; failed += 1) {
    try {
      return await logIn(to, jump && (await tunnel(jump, to)));
    } catch (error) {
      if (failed >= to.dialErrorLimit)
        throw new Fault(`after ${failed} failed attempts: ${to.host}:${to.port}: ${(error as Error).message}`);
    }
    await sleep(Math.min(100 * 1.5 ** failed, 5000));
  }
}

function tunnel(jump: Client, { host, port }: Login): Promise<ClientChannel> {
  return new Promise((resolve, reject) =>
    jump.forwardOut("127.0.0.1", 0, host, port, (error, channel) => (error ? reject(error) : resolve(channel))),
  );
}

async function logIn(to: Login, sock?: Duplex): Promise<Client> {
  const [type, key] = to.hostKey?.split(" ") ?? [];
  if (type === undefined) throw new Error("lab engine: a connection without hostKey is not implemented");
  const client = new Client();
  const agent = process.env.SSH_AUTH_SOCK;
  let mismatch = false;
  return new Promise((resolve, reject) => {
    client.on("ready", () => resolve(client));
    client.on("close", () => reject(new Error("the connection was closed")));
    client.on("error", (error: Error) => reject(mismatch ? new Error("host key mismatch") : error));
    client.connect({
      ...(sock === undefined ? { host: to.host, port: to.port } : { sock }),
      ...(to.privateKey === undefined ? agent && { agent } : { privateKey: to.privateKey }),
      username: to.user,
      readyTimeout: to.perDialTimeout * 1000,
      algorithms: { serverHostKey: [type as "ssh-ed25519"] },
      hostVerifier: (found: Buffer) => {
        mismatch = found.toString("base64") !== key;
        return !mismatch;
      },
    });
  });
}
