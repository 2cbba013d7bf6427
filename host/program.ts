import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { zipSync } from "fflate";

/** The program that runs on a Spark, as one executable file. */
export interface HostProgram {
  /** sha256 of the file, in hex: it goes by that on the host. */
  readonly digest: string;
  /** The file: a line that names Python, then a zip archive of `host/spark_mesh_host`. */
  readonly base64: string;
}

/** No site, no user's packages, no environment: only what is in the archive and in Python's own library. */
const INTERPRETER = "#!/usr/bin/python3 -IS\n";

/** What is in the archive besides: Python starts an archive at its own `__main__`. */
const MAIN = "import sys\n\nfrom spark_mesh_host.__main__ import main\n\nsys.exit(main(sys.argv[1:]))\n";

let program: HostProgram | undefined;

/** Packs the program when it is first asked for. The same sources give the same file on every control machine. */
export function hostProgram(): HostProgram {
  program ??= pack(join(__dirname, "spark_mesh_host"));
  return program;
}

function pack(folder: string): HostProgram {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".py"));
  const sources = names
    .sort()
    .map((name): [string, Uint8Array] => [
      `spark_mesh_host/${name.replaceAll("\\", "/")}`,
      readFileSync(join(folder, name)),
    ]);
  const files = Object.fromEntries([["__main__.py", Buffer.from(MAIN)], ...sources]);
  // The time of a zip archive is local; this is the first that it can tell.
  const archive = zipSync(files, { mtime: new Date(1980, 0, 1), level: 6 });
  const file = Buffer.concat([Buffer.from(INTERPRETER), archive]);
  return { digest: createHash("sha256").update(file).digest("hex"), base64: file.toString("base64") };
}
