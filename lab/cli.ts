/** Which engine runs the program: the pinned Pulumi CLI where it can be had, the lab engine elsewhere. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { version as pluginVersion } from "@pulumi/command/package.json";
import { version as pinned } from "pulumi/package.json";

/** How to run an engine. */
export interface Engine {
  readonly kind: "cli" | "lab";
  /** Program and first arguments; a verb and its flags follow. One process, so that a signal reaches the engine. */
  readonly command: readonly string[];
  readonly version: string;
  /** Whether the official `command` plugin, in the pinned version, is there. The lab engine needs none. */
  readonly plugin: boolean;
  /** One line for a person. */
  readonly about: string;
}

/** Longest time for a download, in milliseconds. */
const DOWNLOAD_LIMIT = 60_000;

const home = (): string => process.env.PULUMI_HOME ?? join(homedir(), ".pulumi");

let found: Engine | undefined;

/**
 * Chooses the engine: the pinned CLI in Pulumi's home, else one on PATH that is no older, else the pinned one
 * downloaded as `npx pulumi` does (at most a minute), else the lab engine. A CLI without the `command` plugin, and no
 * way to install it, is no use. `SPARK_MESH_ENGINE=lab|cli` forces one; an Error says why it can't be.
 */
export function findEngine(): Engine {
  const wanted = process.env.SPARK_MESH_ENGINE;
  if (wanted === "lab") return labEngine();
  found ??= installedCli() ?? downloadedCli() ?? labEngine();
  if (wanted === "cli" && found.kind !== "cli")
    throw new Error(
      `SPARK_MESH_ENGINE=cli: no Pulumi CLI ${pinned} with command plugin ${pluginVersion}, and no download of it`,
    );
  return found;
}

/** The engine of this repository. */
export function labEngine(): Engine {
  return {
    kind: "lab",
    command: [process.execPath, "--require", require.resolve("tsx/cjs"), join(__dirname, "engine.ts")],
    version: pinned,
    plugin: false,
    about: `the lab engine, a stand-in for the Pulumi CLI ${pinned}`,
  };
}

/** A CLI that is on this machine, with its plugin: nothing is downloaded. */
export function installedCli(): Engine | undefined {
  const folders = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => !folder.endsWith(join("node_modules", ".bin")));
  // `pulumi` in node_modules/.bin is the downloader, not the CLI.
  for (const file of [pinnedFile(), ...folders.map((folder) => join(folder, "pulumi"))]) {
    const engine = existsSync(file) ? cli(file) : undefined;
    if (engine?.plugin) return engine;
  }
  return undefined;
}

function downloadedCli(): Engine | undefined {
  if (!existsSync(pinnedFile())) {
    const downloader = join(dirname(require.resolve("pulumi/package.json")), "run.js");
    spawnSync(process.execPath, [downloader, "version"], { timeout: DOWNLOAD_LIMIT, killSignal: "SIGKILL" });
  }
  const engine = existsSync(pinnedFile()) ? cli(pinnedFile()) : undefined;
  if (engine === undefined || engine.plugin) return engine;
  const install = ["plugin", "install", "resource", "command", pluginVersion];
  const { status } = spawnSync(pinnedFile(), install, { timeout: DOWNLOAD_LIMIT, killSignal: "SIGKILL" });
  return status === 0 ? { ...engine, plugin: true } : undefined;
}

function pinnedFile(): string {
  return join(home(), "versions", pinned, "bin", "pulumi");
}

/** What the file is, if it is a CLI that is no older than the pinned one. */
function cli(file: string): Engine | undefined {
  const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
  const { stdout } = spawnSync(file, ["version"], { timeout: 10_000, encoding: "utf8", env });
  const version = /^v?(\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1];
  if (version === undefined || pinned.localeCompare(version, "en", { numeric: true }) > 0) return undefined;
  const plugin = existsSync(join(home(), "plugins", `resource-command-v${pluginVersion}`));
  return { kind: "cli", command: [file], version, plugin, about: `the Pulumi CLI ${version}` };
}
