import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What a session is sent before its first question. */
export const factsScript = textOf("facts-trust", "facts-system", "facts-networkmanager", "facts");

/** What it is sent besides where Docker is asked about: no other session has to read it. */
export function dockerScript(): string {
  return textOf("http", "facts-docker");
}

/** Comments stay at home: bash reads a pipe byte by byte. */
function textOf(...names: readonly string[]): string {
  return names
    .map((name) => readFileSync(join(__dirname, `../scripts/${name}.sh`), "utf8"))
    .join("")
    .replace(/^\s*#.*\n/gm, "");
}
