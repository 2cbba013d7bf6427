import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type AnyAuthMethod, Client, utils } from "ssh2";
import { Fault, reveal, unknown, type Values } from "./values";

/** `connection` of command:remote:Command, and its `proxy`. */
interface Connection {
  host: string;
  user: string;
  port: number;
  password?: string;
  privateKey?: string;
  privateKeyPassword?: string;
  agentSocketPath?: string;
  hostKey?: string;
  dialErrorLimit: number;
  /** Seconds for the TCP connection; 0 is no limit. */
  perDialTimeout: number;
  proxy?: Connection;
}

const fields = {
  connection:
    "host user port password privateKey privateKeyPassword agentSocketPath hostKey dialErrorLimit perDialTimeout proxy",
  command: "connection create update delete stdin triggers logging addPreviousOutputInEnv",
};

/** What the command provider's `check` and this engine's limits have to say about inputs. */
export function checkCommand(inputs: Values): void {
  const { connection, addPreviousOutputInEnv } = reveal(inputs) as Values;
  refuse(inputs, fields.command, "command:remote:Command");
  // With its default, true, outputs go into the environment, which needs AcceptEnv on the host.
  if (addPreviousOutputInEnv !== false) throw new Fault("lab engine: addPreviousOutputInEnv must be false");
  if (connection === unknown || connection === undefined) return;
  refuse(connection as Values, fields.connection, "connection");
  const { proxy } = connection as Values;
  if (proxy) refuse(proxy as Values, fields.connection.replace(" proxy", ""), "connection.proxy");
}

function refuse(values: Values, allowed: string, what: string): void {
  const foreign = Object.keys(values).filter((key) => !allowed.split(" ").includes(key));
  if (foreign.length > 0) throw new Fault(`lab engine: ${what}: ${foreign.join(", ")}: not implemented`);
}

/** The properties after an operation that is still to run: what the command prints is unknown. */
export function foretell(inputs: Values): Values {
  return { ...inputs, stdout: unknown, stderr: unknown };
}

/** Runs the commands of a deployment. Like the provider it keeps every connection open until the end. */
export class CommandProvider {
  readonly #clients: Client[] = [];

  /**
   * Creates or updates: dials, runs the text that is due, and gives the new properties.
   * @param previous Properties before an update.
   * @param line Called with each line of output that `logging` lets through.
   */
  async apply(inputs: Values, previous: Values | undefined, seconds: number | undefined, line: (text: string) => void) {
    const { create, update } = reveal(inputs) as Values;
    const text = previous === undefined ? create : (update ?? create);
    const { stdout = "", stderr = "" } = previous ?? {};
    if (typeof text !== "string") return { ...inputs, stdout, stderr };
    return { ...inputs, ...(await this.#run(inputs, text, seconds, line)) };
  }

  /** Deletes with the text and the connection that state holds. */
  async delete(outputs: Values, seconds: number | undefined, line: (text: string) => void): Promise<void> {
    const { delete: text } = reveal(outputs) as Values;
    if (typeof text === "string") await this.#run(outputs, text, seconds, line);
  }

  close(): void {
    for (const client of this.#clients) client.destroy();
  }

  async #run(properties: Values, text: string, seconds: number | undefined, line: (text: string) => void) {
    const clear = reveal(properties) as Values;
    const deadline = seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + seconds * 1000;
    const client = await this.#dial(clear.connection as unknown as Connection, deadline);
    const logging = clear.logging ?? "stdoutAndStderr";
    let [stdout, stderr, both, partial] = ["", "", "", ""];
    const log = (data: string): void => {
      const lines = (partial + data).split("\n");
      partial = lines.pop() ?? "";
      for (const one of lines) line(one);
    };
    const status = await new Promise<string | undefined>((resolve, reject) => {
      client.once("close", () => reject(new Error("wait: remote command exited without exit status or exit signal")));
      client.exec(text, (error, channel) => {
        if (error) return reject(error);
        let end: string | undefined = "wait: remote command exited without exit status or exit signal";
        channel.setEncoding("utf8").on("data", (data: string) => {
          stdout += data;
          both += data;
          if (logging === "stdout" || logging === "stdoutAndStderr") log(data);
        });
        channel.stderr.setEncoding("utf8").on("data", (data: string) => {
          stderr += data;
          both += data;
          if (logging === "stderr" || logging === "stdoutAndStderr") log(data);
        });
        channel.on("exit", (code: number | null, signal?: string) => {
          if (code === 0) end = undefined;
          else
            end =
              code === null
                ? `Process exited with status 128 from signal ${signal}`
                : `Process exited with status ${code}`;
        });
        // A command that doesn't read its stdin closes the channel under the write.
        channel.on("error", () => {});
        channel.on("close", () => resolve(end));
        channel.end(String(clear.stdin ?? ""));
      });
    });
    if (partial) line(partial);
    if (status !== undefined) throw new Fault(`${status}: running ${JSON.stringify(text)}:\n${both}`);
    return { stdout: stdout.replace(/\n$/, ""), stderr: stderr.replace(/\n$/, "") };
  }

  async #dial(to: Connection, deadline: number): Promise<Client> {
    if (!to.proxy) return this.#retry(to, deadline, async () => this.#login(to, await tcp(to)));
    const { proxy } = to;
    try {
      const bastion = await this.#retry(proxy, deadline, async () => this.#login(proxy, await tcp(proxy)));
      return await this.#retry(to, deadline, async () => {
        const channel = await new Promise<unknown>((resolve, reject) => {
          bastion.forwardOut("127.0.0.1", 0, to.host, to.port, (error, stream) =>
            error ? reject(new Error(`ssh: rejected: connect failed (${error.message})`)) : resolve(stream),
          );
        });
        return this.#login(to, channel as Socket);
      });
    } catch (error) {
      throw new Fault(`proxy: ${(error as Error).message}`);
    }
  }

  /** One attempt, and `dialErrorLimit` more (-1: no limit), 0.1 s apart at first and 5 s at last. */
  async #retry<T>(to: Connection, deadline: number, attempt: () => Promise<T>): Promise<T> {
    for (let failed = 0, pause = 100; ; failed += 1, pause = Math.min(pause * 1.5, 5000)) {
      try {
        return await attempt();
      } catch (error) {
        if (to.dialErrorLimit >= 0 && failed >= to.dialErrorLimit)
          throw new Fault(`after ${failed} failed attempts: ${(error as Error).message}`);
      }
      if (Date.now() + pause > deadline) throw new Fault("context deadline exceeded");
      await sleep(pause);
    }
  }

  async #login(to: Connection, sock: Socket): Promise<Client> {
    const client = new Client();
    this.#clients.push(client);
    const [type = "", blob = ""] = to.hostKey?.trim().split(/\s+/) ?? [];
    let mismatch = false;
    const methods = await authentication(to);
    const names = [...new Set(["none", ...methods.map(({ type }) => (type === "agent" ? "publickey" : type))])];
    return new Promise((resolve, reject) => {
      client.once("ready", () => resolve(client));
      client.on("error", (error: Error & { level?: string }) => {
        const refused = `unable to authenticate, attempted methods [${names.join(" ")}], no supported methods remain`;
        if (mismatch) reject(new Error("ssh: handshake failed: ssh: host key mismatch"));
        else if (error.level === "client-authentication") reject(new Error(`ssh: handshake failed: ssh: ${refused}`));
        else reject(new Error(`ssh: handshake failed: ${error.message}`));
      });
      client.once("close", () => reject(new Error("ssh: handshake failed: EOF")));
      client.connect({
        sock,
        username: to.user,
        authHandler: [{ type: "none", username: to.user }, ...methods],
        readyTimeout: 0,
        ...(to.hostKey === undefined
          ? {}
          : {
              algorithms: { serverHostKey: [type as "ssh-ed25519"] },
              hostVerifier: (key: Buffer) => {
                mismatch = key.toString("base64") !== blob;
                return !mismatch;
              },
            }),
      });
    });
  }
}

/** The ways to log in, in the provider's order; a key shuts the agent out, but a dead agent fails even then. */
async function authentication(to: Connection): Promise<AnyAuthMethod[]> {
  const username = to.user;
  const methods: AnyAuthMethod[] = [];
  if (to.privateKey !== undefined) {
    const key = utils.parseKey(to.privateKey, to.privateKeyPassword);
    if (key instanceof Error) throw new Error(`ssh: ${key.message}`);
    methods.push({ type: "publickey", username, key: Array.isArray(key) ? key[0] : key });
  }
  if (to.password !== undefined) {
    const { password } = to;
    methods.push({ type: "password", username, password });
    const prompt = (_name: string, _text: string, _lang: string, prompts: unknown[], finish: (a: string[]) => void) =>
      finish(prompts.map(() => password));
    methods.push({ type: "keyboard-interactive", username, prompt });
  }
  const agent = to.agentSocketPath ?? process.env.SSH_AUTH_SOCK;
  if (agent) {
    const socket = connect(agent);
    await once(socket, "connect").catch((error) => {
      throw new Error(`dial unix ${agent}: connect: ${reasons[error.code] ?? error.code}`);
    });
    socket.destroy();
    if (to.privateKey === undefined) methods.push({ type: "agent", username, agent });
  }
  return methods;
}

const reasons: Record<string, string> = {
  ECONNREFUSED: "connection refused",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ENOENT: "no such file or directory",
};

/** Connects as the provider does, with its words for what can go wrong. */
async function tcp(to: Connection): Promise<Socket> {
  const socket = connect(to.port, to.host);
  const timer =
    to.perDialTimeout > 0 && setTimeout(() => socket.destroy(new Error("ETIMEDOUT")), to.perDialTimeout * 1000);
  try {
    await once(socket, "connect");
    return socket.setNoDelay(true);
  } catch (error) {
    const { code = "ETIMEDOUT" } = error as { code?: string };
    if (code === "ENOTFOUND" || code === "EAI_AGAIN") throw new Error(`dial tcp: lookup ${to.host}: no such host`);
    const reason = code === "ETIMEDOUT" ? "i/o timeout" : `connect: ${reasons[code] ?? code}`;
    throw new Error(`dial tcp ${to.host}:${to.port}: ${reason}`);
  } finally {
    if (timer) clearTimeout(timer);
  }
}
