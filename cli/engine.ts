/** The Pulumi CLI of this machine: where it is, where its state goes, and who holds a stack. */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { versionOf } from "./package";

export interface FoundEngine {
  readonly file: string;
  readonly version: string;
  /** `npx pulumi` runs the one in Pulumi's home, `pulumi` the one on PATH. */
  readonly place: "PATH" | "Pulumi's home";
  /** Whether the plugin that runs commands on hosts is there. A first `pulumi up` downloads it. */
  readonly plugin: boolean;
}

const pulumiHome = (): string => process.env.PULUMI_HOME ?? join(homedir(), ".pulumi");

/** Where `npx pulumi` puts the CLI that it downloads. */
export const downloadedEngine = (): string => join(pulumiHome(), "versions", wantedEngine(), "bin", "pulumi");

/** The release of the CLI that this one is made for: the SDK's own. */
export const wantedEngine = (): string => versionOf("@pulumi/pulumi") ?? "unknown";

/** What `npx pulumi` has downloaded, and what is on PATH; none where a first `npx pulumi` is still to come. */
export function findEngines(): readonly FoundEngine[] {
  const plugin = existsSync(
    join(pulumiHome(), "plugins", `resource-command-v${versionOf("@pulumi/command") ?? "unknown"}`),
  );
  const onPath = (process.env.PATH ?? "")
    .split(delimiter)
    // There `pulumi` is what downloads the CLI, not the CLI.
    .filter((folder) => !folder.endsWith(join("node_modules", ".bin")))
    .map((folder) => join(folder, "pulumi"))
    .find(existsSync);
  const downloaded = downloadedEngine();
  return [
    ...engineAt(existsSync(downloaded) ? downloaded : undefined, "Pulumi's home", plugin),
    ...engineAt(onPath, "PATH", plugin),
  ];
}

function engineAt(file: string | undefined, place: FoundEngine["place"], plugin: boolean): readonly FoundEngine[] {
  if (file === undefined) return [];
  const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
  const { stdout } = spawnSync(file, ["version"], { timeout: 10_000, encoding: "utf8", env });
  const version = /^v?(\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1];
  return version === undefined ? [] : [{ file, version, place, plugin }];
}

/** Where states go, as Pulumi has it; undefined where nobody logged in yet. */
export function backendUrl(): string | undefined {
  if (process.env.PULUMI_BACKEND_URL) return process.env.PULUMI_BACKEND_URL;
  try {
    return JSON.parse(readFileSync(join(pulumiHome(), "credentials.json"), "utf8")).current || undefined;
  } catch {
    return undefined;
  }
}

/** The backend for a report: a URL may have a name, a path or a password in it. */
export function backendKind(url: string | undefined): string {
  return url === undefined ? "none" : (/^[a-z0-9+]{1,20}(?=:)/.exec(url)?.[0] ?? "unknown");
}

/** Where the passphrase of a stack comes from. */
export type Passphrase =
  | { readonly from: "PULUMI_CONFIG_PASSPHRASE" | "nowhere" }
  | { readonly from: "PULUMI_CONFIG_PASSPHRASE_FILE"; readonly file: "there" | "missing" | "readable by others" };

export function findPassphrase(env: NodeJS.ProcessEnv = process.env): Passphrase {
  if (env.PULUMI_CONFIG_PASSPHRASE !== undefined) return { from: "PULUMI_CONFIG_PASSPHRASE" };
  const path = env.PULUMI_CONFIG_PASSPHRASE_FILE;
  if (path === undefined || path === "") return { from: "nowhere" };
  const found = statSync(path, { throwIfNoEntry: false });
  const file = found === undefined ? "missing" : (found.mode & 0o077) === 0 ? "there" : "readable by others";
  return { from: "PULUMI_CONFIG_PASSPHRASE_FILE", file };
}

/** Who holds a stack now, one line each: `nvidia@desk, process 4711, since 2026-11-30T21:00:00Z`. */
export function locksOf(stack: string, backend: string | undefined): readonly string[] {
  const folder = locksFolder(stack, backend);
  if (folder === undefined || !existsSync(folder)) return [];
  return readdirSync(folder).flatMap((file) => {
    try {
      const { username, hostname, pid, timestamp } = JSON.parse(readFileSync(join(folder, file), "utf8"));
      return [`${username}@${hostname}, process ${pid}, since ${timestamp}`];
    } catch {
      // Let go of meanwhile.
      return [];
    }
  });
}

/** Undefined where the backend is no folder: a service says itself who holds a stack. */
function locksFolder(stack: string, backend: string | undefined): string | undefined {
  if (!backend?.startsWith("file://")) return undefined;
  const folder = backend.startsWith("file://~") ? join(homedir(), backend.slice("file://~".length)) : pathOf(backend);
  const project = projectName();
  return folder === undefined || project === undefined
    ? undefined
    : join(folder, ".pulumi", "locks", "organization", project, stack);
}

function pathOf(url: string): string | undefined {
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}

/** The name in the current folder's Pulumi.yaml; undefined where there is none. */
export function projectName(): string | undefined {
  try {
    const { name } = parse(readFileSync("Pulumi.yaml", "utf8"));
    return typeof name === "string" ? name : undefined;
  } catch {
    return undefined;
  }
}
