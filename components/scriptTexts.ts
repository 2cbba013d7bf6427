import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The bash that runs on a Spark. */
export interface ScriptTexts {
  /** Text of scripts/loader.sh. */
  readonly loader: string;
  /** All of stage, verify, commit, undo and release in one text, less its comments; a document is to follow it. */
  readonly program: string;
}

/** The program's parts, in the order in which bash reads them; main.sh ends it. */
const parts = [
  "ground",
  "document",
  "files",
  "live",
  "networkmanager",
  "netplan",
  "snapshot",
  "probes",
  "transaction",
  "stage",
  "verify",
  "commit",
  "undo",
  "main",
];

let texts: ScriptTexts | undefined;

/** The texts of scripts/, read when they are first asked for. */
export function scriptTexts(): ScriptTexts {
  texts ??= {
    loader: read("loader"),
    program: parts
      .map(read)
      .join("")
      .replace(/^\t*#.*\n/gm, ""),
  };
  return texts;
}

function read(name: string): string {
  return readFileSync(join(__dirname, "..", "scripts", `${name}.sh`), "utf8");
}
