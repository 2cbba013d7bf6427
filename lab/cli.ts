/** Which engine runs the program: the pinned Pulumi CLI where it can be had, the lab engine elsewhere. */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { version as pluginVersion } from "@pulumi/command/package.json";
import { version as pinned } from "pulumi/package.json";
import { downloadedEngine, findEngines } from "../cli/engine";

/** How to run an engine. */
export interface Engine {
  readonly kind: "cli" | "lab";
  /** Program and first arguments; a verb and its flags follow. One process, so that a signal reaches the engine. */
  readonly command: readonly string[];
  readonly version: string;
  /** One line for a person. */
  readonly about: string;
}

/** Longest time for a download, in milliseconds. */
const DOWNLOAD_LIMIT = 60_000;

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
    about: `the lab engine, a stand-in for the Pulumi CLI ${pinned}`,
  };
}

/** A CLI that is on this machine, no older than the pinned one and with its plugin: nothing is downloaded. */
export function installedCli(): Engine | undefined {
  const isOld = (version: string) => pinned.localeCompare(version, "en", { numeric: true }) > 0;
  const usable = findEngines().find(({ version, plugin }) => plugin && !isOld(version));
  if (usable === undefined) return undefined;
  const { file, version } = usable;
  return { kind: "cli", command: [file], version, about: `the Pulumi CLI ${version}` };
}

function downloadedCli(): Engine | undefined {
  const limits = { timeout: DOWNLOAD_LIMIT, killSignal: "SIGKILL" } as const;
  if (!existsSync(downloadedEngine())) {
    const downloader = join(dirname(require.resolve("pulumi/package.json")), "run.js");
    spawnSync(process.execPath, [downloader, "version"], limits);
  }
  if (!existsSync(downloadedEngine())) return undefined;
  spawnSync(downloadedEngine(), ["plugin", "install", "resource", "command", pluginVersion], limits);
  return installedCli();
}
