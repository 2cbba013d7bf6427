/** Where a lab keeps itself on the machine, and what it writes down there. */

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Cable, endName, type HostSpec, preferredNetwork } from "../layout";
import { must, type ProcessRecord, recordOf } from "./process";

/** What a lab is asked to be. */
export interface LabSpec {
  readonly name: string;
  readonly hosts: readonly HostSpec[];
  /** `ring`, `pair`, `switch`, or cables such as `1/0-2/1 2/0-switch-a`. */
  readonly wiring: string;
  readonly docker: boolean;
  readonly shares: readonly Share[];
}

/** A folder or file of the control machine that every host sees, read-only. */
export interface Share {
  readonly from: string;
  /** The path inside the hosts. */
  readonly to: string;
}

/** A cable plugged at both ends, pulled out, or in place without a signal. */
export type CableState = "plugged" | "unplugged" | "dark";

/** What a lab is. */
export interface LabRecord {
  readonly spec: LabSpec;
  readonly network: number;
  readonly rootfs: string;
  readonly cables: readonly Cable[];
  /** Cables that are not plugged, by the name of their first end. */
  readonly cableStates: Readonly<Record<string, CableState>>;
  /** False from the first thing made until every host was up once. */
  readonly ready: boolean;
  readonly stackFile?: string;
  /** The stack file as it was last written by the lab. */
  readonly stackText?: string;
}

const stateRoot = process.env.SPARK_MESH_LAB_STATE ?? "/var/lib/spark-mesh-lab";

/** The folders and files of a lab. */
export function pathsOf(lab: string) {
  const dir = join(stateRoot, "labs", lab);
  return {
    dir,
    record: join(dir, "lab.json"),
    clientKey: join(dir, "client_ed25519"),
    knownHosts: join(dir, "known_hosts"),
    sshConfig: join(dir, "ssh_config"),
    sudoPassword: join(dir, "sudo-password"),
    host: (host: string) => join(dir, "hosts", host),
    power: (host: string) => join(dir, "hosts", host, "power.json"),
    console: (host: string) => join(dir, "hosts", host, "console"),
  };
}

/** A host's public key, as known_hosts and stack configs have it. */
export function hostPublicKey(lab: string, host: string): string {
  const [type, key] = readFileSync(join(pathsOf(lab).host(host), "host-key.pub"), "utf8").split(" ");
  return `${type} ${key}`;
}

export function readRecord(lab: string): LabRecord | undefined {
  return readJson<LabRecord>(pathsOf(lab).record);
}

export function writeRecord(record: LabRecord): void {
  writeAtomically(pathsOf(record.spec.name).record, `${JSON.stringify(record, null, 2)}\n`);
}

/** The process that keeps a host powered, as last written down; it may have ended since. */
export function readPower(lab: string, host: string): ProcessRecord | undefined {
  return readJson<ProcessRecord>(pathsOf(lab).power(host));
}

export function writePower(lab: string, host: string, record: ProcessRecord): void {
  writeAtomically(pathsOf(lab).power(host), JSON.stringify(record));
}

export function cableState(record: LabRecord, cable: Cable): CableState {
  return record.cableStates[endName(cable.from)] ?? "plugged";
}

/** Takes a network number for a lab: the one it prefers, or the next that nobody has. */
export async function claimNetwork(lab: string): Promise<number> {
  const dir = join(stateRoot, "networks");
  mkdirSync(dir, { recursive: true });
  const routes = await must(["ip", "-4", "route", "show", "table", "main"]);
  const first = preferredNetwork(lab);
  for (let step = 0; step < 254; step++) {
    const network = ((first - 1 + step) % 254) + 1;
    if (!routes.includes(`10.200.${network}.`) && claim(join(dir, String(network)), lab)) {
      return network;
    }
  }
  throw new Error(`${lab}: found no free network in 10.200.1.0/24 to 10.200.254.0/24; end a lab with \`down\``);
}

/** Gives back every network number of a lab. */
export function releaseNetworks(lab: string): void {
  for (const network of networksOf(lab)) {
    rmSync(join(stateRoot, "networks", String(network)), { force: true });
  }
}

/** The network numbers that a lab holds; more than one only after an interrupted run. */
export function networksOf(lab: string): number[] {
  const dir = join(stateRoot, "networks");
  const names = existsSync(dir) ? readdirSync(dir) : [];
  return names.filter((name) => readText(join(dir, name)) === lab).map(Number);
}

/** Runs `work` while no other process works on the same lab. */
export async function withLock<T>(lab: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(join(stateRoot, "locks"), { recursive: true });
  const path = join(stateRoot, "locks", lab);
  const mine = JSON.stringify(recordOf(process.pid));
  if (!claim(path, mine)) {
    const holder = readJson<ProcessRecord>(path);
    if (holder !== undefined && JSON.stringify(recordOf(holder.pid)) === JSON.stringify(holder)) {
      throw new Error(`${lab}: another process (${holder.pid}) is working on this lab; wait for it, or use --name`);
    }
    rmSync(path, { force: true });
    if (!claim(path, mine)) {
      throw new Error(`${lab}: another process is working on this lab; wait for it, or use --name`);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** Writes a file so that nobody ever reads half of it. */
export function writeAtomically(path: string, text: string, mode = 0o644): void {
  const aside = `${path}.tmp-${process.pid}`;
  writeFileSync(aside, text, { mode });
  renameSync(aside, path);
}

function claim(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      return false;
    }
    throw error;
  }
}

function readJson<T>(path: string): T | undefined {
  const text = readText(path);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

function readText(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
