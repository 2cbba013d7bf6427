/** Hosts on this machine's loopback that an SSH server in this process plays, where real ones don't fit. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Server, type ServerChannel } from "ssh2";
import type { ClusterConfig } from "../../config/cluster";
import { parseClusterConfig } from "../../config/load";
import { answerLine } from "../../facts/marked";
import { SESSION_COMMAND } from "../../facts/session";
import { must } from "../hosts/process";
import { type PlayedSpark, settledSparks } from "./playedSparks";

export interface PlayedHosts {
  /** `spark-mesh:` keys of the stack config, without that prefix. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly cluster: ClusterConfig;
  /** What the hosts say, in rank order. */
  readonly sparks: readonly PlayedSpark[];
  close(): void;
}

/**
 * Starts hosts that are settled on one switch, each with a port on 127.0.0.1 and a host key of its own. They answer the
 * questions of facts/, and to what apply runs they say what a settled host says: the transaction that is in force.
 */
export async function playHosts(count: number): Promise<PlayedHosts> {
  const folder = mkdtempSync(join(tmpdir(), "spark-mesh-played-"));
  const servers: Server[] = [];
  const close = () => {
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const sparks: PlayedSpark[] = [];
    const identityFile = await newKey(folder, "client");
    const hosts = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const name = `spark-${index + 1}`;
        const key = await newKey(folder, name);
        const server = serverOf(readFileSync(key, "utf8"), () => sparks[index]);
        servers.push(server);
        const hostKey = readFileSync(`${key}.pub`, "utf8").split(" ").slice(0, 2).join(" ");
        return { name, address: "127.0.0.1", port: await listen(server), user: "nvidia", hostKey };
      }),
    );
    const config = { hosts, ssh: { auth: "key", identityFile } };
    const cluster = parseClusterConfig(allConfig(config), "/nobody", []);
    sparks.push(...settledSparks(cluster));
    return { config, cluster, sparks, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** A stack config as Pulumi gives it to the program. */
export function allConfig(config: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [`spark-mesh:${key}`, JSON.stringify(value)]));
}

/** Makes a key pair and returns the private one's path. ssh2's own keys are malformed now and then. */
async function newKey(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  await must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path]);
  return path;
}

/** An SSH server that is one host: it lets in whoever has a key. */
function serverOf(hostKey: string, spark: () => PlayedSpark | undefined): Server {
  return new Server({ hostKeys: [hostKey] }, (connection) => {
    connection.on("error", () => undefined);
    connection.on("authentication", (context) =>
      context.method === "publickey" ? context.accept() : context.reject(["publickey"]),
    );
    connection.on("session", (acceptSession) => {
      acceptSession().on("exec", (acceptExec, _reject, { command }) => {
        const channel = acceptExec();
        if (command === SESSION_COMMAND) answer(channel, spark);
        else apply(channel);
      });
    });
  });
}

/** Listens on a port of its own, which is returned. */
function listen(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
}

/** A session of facts/: every call of a pass gets its line behind the session's mark, until there is no more input. */
function answer(channel: ServerChannel, spark: () => PlayedSpark | undefined): void {
  let received = "";
  let mark = "";
  channel.on("data", (bytes: Buffer) => {
    received += bytes.toString();
    if (!received.endsWith("\nend\n")) return;
    mark ||= /^mark=([0-9a-f]+)\n/.exec(received)?.[1] ?? "";
    const [, pass, data = ""] = /(?:^|\n)(first_pass|second_pass)\n(.*)end\n$/s.exec(received) ?? [];
    received = "";
    const line = pass === "first_pass" ? spark()?.firstPass : spark()?.secondPass(data.trimEnd().split("\n"));
    channel.write(answerLine(mark, `${line}`));
  });
  endsWithInput(channel);
}

/** An operation of apply on a settled host: nothing is done, and the transaction in force is said. */
function apply(channel: ServerChannel): void {
  channel.on("data", () => undefined);
  channel.write("20261101T100000-00000001\n");
  endsWithInput(channel);
}

function endsWithInput(channel: ServerChannel): void {
  channel.on("end", () => {
    channel.exit(0);
    channel.end();
  });
}
