import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Faults } from "../config/faults";

/** The passphrase of a stack: in a file that was there or was made, or given by the environment itself. */
export type KeptPassphrase =
  | { readonly state: "made" | "found" /** Absolute. */; readonly path: string }
  | { readonly state: "given" };

/**
 * Sees to it that there is a passphrase. A file that is there stays as it is; a new one is its owner's alone.
 *
 * @param path of the file; by default PULUMI_CONFIG_PASSPHRASE_FILE, else ~/.config/spark-mesh-passphrase.
 * @throws Faults where others may read it, or it can't be made.
 */
export function keepPassphrase(path: string | undefined, env: NodeJS.ProcessEnv = process.env): KeptPassphrase {
  if (path === undefined && env.PULUMI_CONFIG_PASSPHRASE !== undefined) return { state: "given" };
  const file = resolve(
    path ?? (env.PULUMI_CONFIG_PASSPHRASE_FILE || join(env.HOME ?? homedir(), ".config", "spark-mesh-passphrase")),
  );
  const found = statSync(file, { throwIfNoEntry: false });
  if (found !== undefined) {
    if (found.isFile() && (found.mode & 0o077) === 0) return { state: "found", path: file };
    const mode = (found.mode & 0o777).toString(8);
    throw new Faults("the passphrase", [`${file}: found mode ${mode}, wanted a file for its owner alone: chmod 600`]);
  }
  try {
    if (!existsSync(dirname(file))) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, `${randomBytes(32).toString("base64url")}\n`, { flag: "wx", mode: 0o600 });
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    throw new Faults("the passphrase", [`${file}: found it not writable (${why}), wanted to make it`]);
  }
  return { state: "made", path: file };
}
