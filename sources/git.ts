import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { devNull } from "node:os";

/** What git needs to reach a repository as the user does; no variable that has it use another one, and no secret. */
const NETWORK_VARIABLES = [
  ...["PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME", "SSH_AUTH_SOCK"],
  ...["http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"],
  ...["SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSH", "GIT_SSH_COMMAND"],
];

/** For what is in a repository already. */
const LOCAL_VARIABLES = ["PATH", "HOME", "TMPDIR"];

/** No filter, hook or template of the user's: what git writes is what the commit has. */
const NO_CONFIG = {
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_SYSTEM: devNull,
  GIT_CONFIG_GLOBAL: devNull,
  GIT_ATTR_NOSYSTEM: "1",
};

interface GitOptions {
  /** True: with the user's own config, which may say how a repository is reached. @default false */
  readonly network?: boolean;
  /** @default 120 */
  readonly seconds?: number;
}

/** Runs git in a folder, in English, without a question to anybody. Never throws. */
export function git(
  folder: string,
  words: readonly string[],
  { network = false, seconds = 120 }: GitOptions = {},
): SpawnSyncReturns<Buffer> {
  const names = network ? NETWORK_VARIABLES : LOCAL_VARIABLES;
  const kept = names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]));
  const env = { ...Object.fromEntries(kept), ...(network ? {} : NO_CONFIG), LC_ALL: "C", GIT_TERMINAL_PROMPT: "0" };
  return spawnSync("git", ["-C", folder, ...words], { env, timeout: seconds * 1000, maxBuffer: 1 << 28 });
}

/** Why git failed, in a few words. */
export function gitReason({ error, stderr }: SpawnSyncReturns<Buffer>): string {
  return error?.message ?? stderr.toString().trim().split("\n").at(-1) ?? "";
}
