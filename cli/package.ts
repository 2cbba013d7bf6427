import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** The folder of package.json: of the clone, or of the npm package, where this file is in dist/. */
export const packageFolder = [join(__dirname, ".."), join(__dirname, "..", "..")].find((folder) =>
  existsSync(join(folder, "package.json")),
) as string;

/** This release. */
export const version: string = versionIn(packageFolder);

/** The version of a package that this one depends on; undefined where it isn't installed. */
export function versionOf(dependency: string): string | undefined {
  const folders = createRequire(__filename).resolve.paths(dependency) ?? [];
  const found = folders.map((folder) => join(folder, dependency)).find((folder) => existsSync(folder));
  return found === undefined ? undefined : versionIn(found);
}

function versionIn(folder: string): string {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
}
