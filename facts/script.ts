import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What a session is sent before its first question. Comments stay at home: bash reads a pipe byte by byte. */
export const factsScript = ["facts-trust", "facts-system", "facts"]
  .map((name) => readFileSync(join(__dirname, `../scripts/${name}.sh`), "utf8"))
  .join("")
  .replace(/^\s*#.*\n/gm, "");
