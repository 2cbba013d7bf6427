import { text as textOf } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Client } from "ssh2";
import { z } from "zod";
import { reveal, type Values } from "./values";

const loginSchema = z.strictObject({
  host: z.string(),
  port: z.number(),
  user: z.string(),
  hostKey: z.string(),
  /** Without one, the agent of SSH_AUTH_SOCK logs in. */
  privateKey: z.string().optional(),
  /** How many more dials follow a failed one. */
  dialErrorLimit: z.number().min(0),
  /** Seconds for one dial, 0 for no limit. */
  perDialTimeout: z.number(),
});

/** The inputs of command:remote:Command that this engine gives their meaning. */
const commandSchema = z.strictObject({
  connection: loginSchema.extend({ proxy: loginSchema.optional() }),
  create: z.string(),
  update: z.string().optional(),
  delete: z.string().optional(),
  stdin: z.string().default(""),
  /** Accepted, but what a command that succeeds prints isn't shown. */
  logging: z.string().optional(),
  // Its default, true, puts outputs into the environment, which needs AcceptEnv on the host.
  addPreviousOutputInEnv: z.literal(false),
});

type Login = z.infer<typeof loginSchema>;
export type RemoteCommand = z.infer<typeof commandSchema>;

/** Reads the properties of a command, secrets in clear; an Error names what isn't implemented. */
export function readCommand(properties: Values): RemoteCommand {
  const { data, error } = commandSchema.safeParse(reveal(properties));
  if (error) throw new Error(`lab engine: command:remote:Command: not implemented:\n${z.prettifyError(error)}`);
  return data;
}

/** Takes a step on the command's host, over a connection of its own: what it printed. Without a text for it, nothing. */
export async function run(command: RemoteCommand, step: "create" | "update" | "delete"): Promise<Values> {
  const { connection, stdin } = command;
  const text = step === "update" ? (command.update ?? command.create) : command[step];
  if (text === undefined) return {};
  const jump = connection.proxy && (await dial(connection.proxy));
  try {
    const client = await dial(connection, jump);
    return await execute(client, text, stdin).finally(() => client.end());
  } finally {
    jump?.end();
  }
}

async function execute(client: Client, text: string, stdin: string): Promise<Values> {
  const channel = await promisify(client.exec.bind(client))(text);
  // A command that doesn't read its stdin closes the channel under the write.
  channel.on("error", () => {});
  // The status may come after the end of the output, but not after this.
  const closed = new Promise<unknown[]>((resolve) => channel.once("close", (...end: unknown[]) => resolve(end)));
  channel.end(stdin);
  const [stdout, stderr, [code, signal]] = await Promise.all([textOf(channel), textOf(channel.stderr), closed]);
  const end = code ?? signal ?? "unknown: the connection was lost";
  if (code !== 0)
    throw new Error(`Process exited with status ${end}: running ${JSON.stringify(text)}:\n${stdout}${stderr}`);
  return { stdout: stdout.replace(/\n$/, ""), stderr: stderr.replace(/\n$/, "") };
}

/** Logs in, in as many attempts as the connection allows, 0.1 s apart at first and 5 s at last. */
async function dial(to: Login, jump?: Client, failed = 0): Promise<Client> {
  return logIn(to, jump).catch(async ({ message }: Error) => {
    if (failed >= to.dialErrorLimit) throw new Error(`after ${failed} failed attempts: ${to.host}: ${message}`);
    await sleep(Math.min(100 * 1.5 ** failed, 5000));
    return dial(to, jump, failed + 1);
  });
}

async function logIn({ host, port, hostKey, ...to }: Login, jump?: Client): Promise<Client> {
  const [type, key] = hostKey.split(" ");
  const sock = jump && (await promisify(jump.forwardOut.bind(jump))("127.0.0.1", 0, host, port));
  const client = new Client();
  return new Promise((resolve, reject) => {
    client.on("ready", () => resolve(client));
    client.on("close", () => reject(new Error("the connection was closed")));
    client.on("error", reject);
    client.connect({
      ...(sock ? { sock } : { host, port }),
      ...(to.privateKey === undefined ? { agent: process.env.SSH_AUTH_SOCK ?? "" } : { privateKey: to.privateKey }),
      username: to.user,
      readyTimeout: to.perDialTimeout * 1000,
      algorithms: { serverHostKey: [type as "ssh-ed25519"] },
      hostVerifier: (found: Buffer) => {
        if (found.toString("base64") !== key) throw new Error("host key mismatch");
        return true;
      },
    });
  });
}
