import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { Faults } from "../config/faults";
import { shippedFolder } from "./recipeFile";

/** One file of a mod, as data. */
export interface ModFile {
  /** In the mod's folder, with slashes. */
  readonly path: string;
  /** Octal: only whether it can be run is kept. */
  readonly mode: "644" | "755";
  readonly base64: string;
}

/** All mods of a recipe travel in one document. */
const maxBytes = 4 << 20;
const fileName = /^[A-Za-z0-9._+-]+$/;

/**
 * The files of a mod, by path. Its folder lies beside the recipe, else in recipes/.
 *
 * @param folder the recipe's.
 * @param reference as the recipe names it: `mods/NAME`.
 * @throws Faults where it can't be had, without saying which recipe wants it.
 */
export function readMod(folder: string, reference: string): readonly ModFile[] {
  if (reference.startsWith("@")) {
    throw fault(`${reference}: mods from a registry are not supported yet; put its folder beside the recipe`);
  }
  const places = [resolve(folder, reference), join(shippedFolder(), reference)];
  const place = places.find((path) => existsSync(path) && statSync(path).isDirectory());
  if (place === undefined)
    throw fault(
      `${reference}: no such folder beside the recipe, and none in recipes/; say where it is under the deployment's mods`,
    );
  const files = filesIn(place, "").sort((a, b) => (a.path < b.path ? -1 : 1));
  if (!files.some(({ path }) => path === "run.sh"))
    throw fault(`${reference}: has no run.sh, which is what a mod runs`);
  const bytes = files.reduce((sum, { base64 }) => sum + (base64.length * 3) / 4, 0);
  if (bytes > maxBytes) {
    throw fault(
      `${reference}: has ${Math.ceil(bytes / 2 ** 20)} MiB; allowed: ${maxBytes >> 20} MiB; have it download the rest`,
    );
  }
  return files;
}

function filesIn(folder: string, prefix: string): ModFile[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === ".git") return [];
    const path = `${prefix}${entry.name}`;
    if (!fileName.test(entry.name))
      throw fault(`${join(folder, path)}: allowed in its name: letters, digits and . _ + -`);
    if (entry.isDirectory()) return filesIn(folder, `${path}/`);
    // What a link shows depends on the machine that it is on.
    if (!entry.isFile()) throw fault(`${join(folder, path)}: is no plain file; a mod has files and folders only`);
    const { mode } = statSync(join(folder, path));
    return [{ path, mode: mode & 0o100 ? "755" : "644", base64: readFileSync(join(folder, path)).toString("base64") }];
  });
}

function fault(line: string): Faults {
  return new Faults("the recipe", [line]);
}
