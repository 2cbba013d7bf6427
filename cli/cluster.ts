/** The cluster that a command line is about, as validated config, and as entries of a stack's file. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { homedir } from "node:os";
import { basename, resolve } from "node:path";
import type { ClusterConfig } from "../config/cluster";
import { Faults } from "../config/faults";
import { parseClusterConfig } from "../config/load";
import { readDockerEnv } from "../interchange/dockerEnv";
import { named, parseLogin } from "../interchange/imported";
import { readSparkrunCluster } from "../interchange/sparkrun";
import { misused } from "./misuse";
import { readStackFile } from "./stackFile";

/** What of a command line names hosts. */
interface NamingOptions {
  /** Addresses, names or aliases, `[user@]host[:port]`. */
  readonly hosts: readonly string[];
  /** The stack whose file names the hosts, or is to be written. */
  readonly stack?: string | undefined;
  /** Another tool's file that names the hosts. */
  readonly from?: string | undefined;
  /** Path of a private key. */
  readonly identity?: string | undefined;
  /** Whether the stack's file is to be written. */
  readonly write?: boolean | undefined;
}

export interface NamedCluster {
  readonly cluster: ClusterConfig;
  /** Entries of `spark-mesh:hosts`, where they don't come from the stack's own file. */
  readonly hosts: readonly Readonly<Record<string, unknown>>[];
  /** Keys of `spark-mesh:ssh` that the command line says. */
  readonly ssh: Readonly<Record<string, unknown>>;
  /** What a reader should know or do. */
  readonly notes: readonly string[];
}

/** Path of a stack's file in the current folder. */
export function stackFilePath(stack: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(stack)) {
    throw misused(`--stack: found ${JSON.stringify(stack)}; wanted a stack's name, e.g. home`);
  }
  return resolve(`Pulumi.${stack}.yaml`);
}

/** The stacks that have a file in the current folder, but for the example, in the order of the alphabet. */
export function stacksHere(): readonly string[] {
  const stacks = readdirSync(".").flatMap(
    (file) => /^Pulumi\.([A-Za-z0-9][A-Za-z0-9_.-]*)\.yaml$/.exec(file)?.[1] ?? [],
  );
  return stacks.filter((stack) => stack !== "example").sort();
}

/** The stack whose file is the only one in the current folder. @throws Faults where it isn't */
export function onlyStack(): string {
  const stacks = stacksHere();
  const [stack] = stacks;
  if (stack === undefined || stacks.length > 1) {
    throw misused(
      `found ${stacks.length === 0 ? "no stack file" : `the stacks ${stacks.join(", ")}`}; give --stack NAME`,
    );
  }
  return stack;
}

/**
 * The hosts that the command line names, by themselves or in another tool's file or in a stack's own.
 *
 * @param sudoPassword for every host, where one was asked for.
 * @throws Faults where a file or a name is faulty.
 */
export function namedCluster(options: NamingOptions, sudoPassword?: string): NamedCluster {
  const imported = importedHosts(options);
  const ssh = options.identity === undefined ? {} : { identityFile: resolve(options.identity) };
  const values = imported ? valuesOf(imported.hosts, ssh) : stackValues(options.stack ?? "", ssh);
  const secrets = sudoPassword === undefined ? {} : { "spark-mesh:sudoPassword": sudoPassword };
  const cluster = parseClusterConfig({ ...values, ...secrets }, homedir(), Object.keys(secrets));
  if (imported) return { cluster, hosts: imported.hosts, ssh, notes: imported.notes };
  return {
    cluster: { ...cluster, ...(options.stack !== undefined && { stack: options.stack }) },
    hosts: [],
    ssh,
    notes: [],
  };
}

type Imported = Pick<NamedCluster, "hosts" | "notes">;

function importedHosts({ hosts, from, write }: NamingOptions): Imported | undefined {
  if (from !== undefined) {
    const text = textOf(from);
    const { hosts: found, ssh, overCx7, notes } = isDotEnv(from) ? readDockerEnv(text) : readSparkrunCluster(text);
    if (overCx7 && write) throw new Faults(from, notes);
    // To each host, for the stack may say otherwise of all.
    return { hosts: found.map((host) => ({ ...ssh, ...host })), notes };
  }
  return hosts.length === 0 ? undefined : { hosts: namedHosts(hosts), notes: [] };
}

function isDotEnv(path: string): boolean {
  return basename(path).startsWith(".env") || path.endsWith(".env");
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw misused(`${path}: ${error instanceof Error ? error.message : error}`);
  }
}

/** `[user@]host[:port]`; an IPv6 address with a port in brackets. */
function namedHosts(hosts: readonly string[]): Imported["hosts"] {
  const faults: string[] = [];
  const logins = hosts.flatMap((text) => {
    const isBare = isIP(text.slice(text.lastIndexOf("@") + 1)) !== 0;
    const [, bare = text, port] = isBare ? [] : (/^(.*[^:]):(\d{1,5})$/.exec(text) ?? []);
    const login = parseLogin(bare.replace(/\[(.*)\]$/, "$1"));
    if (login === undefined) {
      faults.push(`found ${JSON.stringify(text)}; wanted [user@]address[:port], a name, or an alias`);
      return [];
    }
    return [{ ...login, ...(port !== undefined && { port: Number(port) }) }];
  });
  if (faults.length > 0) throw misused(...faults);
  return named(logins).map((host) => ({ ...host }));
}

function valuesOf(hosts: Imported["hosts"], ssh: NamedCluster["ssh"]): Record<string, string> {
  return { "spark-mesh:hosts": JSON.stringify(hosts), "spark-mesh:ssh": JSON.stringify(ssh) };
}

/** @param ssh wins over what the file says. */
function stackValues(stack: string, ssh: NamedCluster["ssh"]): Record<string, string> {
  const path = stackFilePath(stack);
  if (!existsSync(path)) {
    throw misused(`--stack ${stack}: found no ${path}; name the hosts, or run this beside it`);
  }
  const values = readStackFile(readFileSync(path, "utf8"), path);
  if (Object.keys(ssh).length === 0) return values;
  const present: unknown = JSON.parse(values["spark-mesh:ssh"] ?? "{}");
  return { ...values, "spark-mesh:ssh": JSON.stringify({ ...(typeof present === "object" && present), ...ssh }) };
}
