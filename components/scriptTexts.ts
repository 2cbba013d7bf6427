import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The bash that runs on a Spark. */
export interface ScriptTexts {
  /** Text of scripts/loader.sh. */
  readonly loader: string;
  /** All of stage, verify, commit, undo and release in one text, less its comments; a document is to follow it. */
  readonly program: string;
  /** image and model likewise: the login user's, on the head of a deployment. */
  readonly fetchProgram: string;
  /** deploy, undeploy and ready likewise: root's on the host of a rank, the login user's on the head's. */
  readonly deploymentProgram: string;
  /** The watch that deploy installs on each host: a program of its own that reads no document. */
  readonly ranksProgram: string;
  /** scripts/start.sh, which deploy leaves for the ranks' containers. */
  readonly startProgram: string;
}

/** The programs' parts, in the order in which bash reads them; main.sh ends each. */
const shared = ["ground", "document", "files", "lock"];
const parts = [
  ...shared,
  "live",
  "arp",
  "networkmanager",
  "netplan",
  "snapshot",
  "probes",
  "transaction",
  "stage",
  "logins",
  "verify",
  "commit",
  "undo",
  "main",
];
const deploymentParts = [
  ...shared,
  "document-deployment",
  "status",
  "http",
  "watch-units",
  "reach",
  "run-arguments",
  "deploy",
  "ready",
  "main",
];
const ranksParts = ["ground", "files", "lock", "status", "ranks-rules", "ranks"];
const fetchParts = [
  ...shared,
  "document-fetch",
  "logins",
  "peers",
  "jobs",
  "docker",
  "nccl",
  "build",
  "image",
  "model-state",
  "model-copy",
  "model",
  "main",
];

let texts: ScriptTexts | undefined;

/** The texts of scripts/, read when they are first asked for. */
export function scriptTexts(): ScriptTexts {
  texts ??= {
    loader: read("loader"),
    program: programOf(parts),
    deploymentProgram: programOf(deploymentParts),
    startProgram: read("start"),
    ranksProgram: `#!/bin/bash\n${programOf(ranksParts)}`,
    fetchProgram: programOf(fetchParts),
  };
  return texts;
}

function programOf(names: readonly string[]): string {
  return names
    .map(read)
    .join("")
    .replace(/^\t*#.*\n/gm, "");
}

function read(name: string): string {
  return readFileSync(join(__dirname, "..", "scripts", `${name}.sh`), "utf8");
}
