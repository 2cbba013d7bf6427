import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Faults } from "../config/faults";
import { type RecipeFile, shippedFolder } from "./recipeFile";
import { lineToDeclare, openRegistry, type Registries, type Registry } from "./registry";
import { type Checkout, checkedOut, isWithin } from "./repository";

/** One file of a mod, as data. */
export interface ModFile {
  /** In the mod's folder, with slashes. */
  readonly path: string;
  /** Octal: only whether it can be run is kept. */
  readonly mode: "644" | "755";
  readonly base64: string;
}

/** A folder that mods are looked for in. */
interface ModFolder {
  readonly folder: string;
  /** The repository that it is of: no mod of it lies elsewhere. */
  readonly checkout?: Checkout;
}

/** Where a recipe's mods may lie. */
export interface ModSources {
  /** That the deployment declares, from `modsFolder`; nothing else is looked at then but recipes/. */
  readonly declared?: ModFolder;
  /** That the recipe was read from, its own first. */
  readonly files: readonly RecipeFile[];
  readonly registries: Registries;
}

/** All mods of a recipe travel in one document. */
const maxBytes = 4 << 20;
const fileName = /^[A-Za-z0-9._+-]+$/;

/** Whose mods sparkrun takes where a recipe's own place has none: spark-vllm-docker's. */
const COMMON_REGISTRY = "eugr";

/**
 * The folder that a deployment's mods lie in: a folder of this machine, or a repository at a pinned commit.
 *
 * @param source a path, or `URL#COMMIT` with all 40 digits.
 * @throws Faults where it can't be had, without saying which deployment wants it.
 */
export function modsFolder(source: string): ModFolder {
  const checkout = checkedOut(source);
  if (checkout) return { folder: checkout.folder, checkout };
  const folder = source.replace(/^~(?=\/|$)/, homedir());
  if (!existsSync(folder)) throw new Faults("the mods", [`${source}: no such folder`]);
  return { folder };
}

/**
 * The files of a mod, by path.
 *
 * @param reference as the recipe names it: `mods/NAME`, or `@registry/mods/NAME`.
 * @throws Faults where it can't be had, without saying which recipe wants it.
 */
export function readMod(reference: string, sources: ModSources): readonly ModFile[] {
  const place = placeOf(reference, sources);
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

function placeOf(reference: string, { declared, files, registries }: ModSources): string {
  const [, scope, rest = ""] = /^@([^/]+)\/(.+)$/s.exec(reference) ?? [];
  const name = (scope === undefined ? reference : rest).replace(/\/+$/, "").replace(/^mods\//, "");
  const inFolder = (folder: ModFolder) => folderIn(folder, [reference, `mods/${name}`], reference);
  const amongMods = ({ checkout, mods }: Registry) => folderIn({ folder: mods, checkout }, [name], reference);
  if (scope !== undefined) {
    const found = amongMods(openRegistry(scope, registries));
    if (found === undefined) throw fault(`${reference}: no such folder among the mods of the registry ${scope}`);
    return found;
  }
  const shipped = { folder: shippedFolder() };
  if (declared) {
    const found = inFolder(declared) ?? inFolder(shipped);
    if (found === undefined)
      throw fault(`${reference}: no such folder where the deployment's mods are, and none in recipes/`);
    return found;
  }
  for (const file of files) {
    const beside = foldersOf(file)
      .map(inFolder)
      .find((found) => found !== undefined);
    const found = beside ?? (file.registry && amongMods(file.registry));
    if (found !== undefined) return found;
  }
  const isDeclared = Object.hasOwn(registries, COMMON_REGISTRY);
  const found = inFolder(shipped) ?? (isDeclared ? amongMods(openRegistry(COMMON_REGISTRY, registries)) : undefined);
  if (found !== undefined) return found;
  const where = files[0]?.checkout ? "in its repository" : "beside the recipe";
  throw fault(
    isDeclared
      ? `${reference}: no such folder ${where}, in recipes/, or in the registry ${COMMON_REGISTRY}; say where it is under the deployment's mods`
      : `${reference}: no such folder ${where}, and none in recipes/; say where it is under the deployment's mods, or, if it is one of spark-vllm-docker's, write under spark-mesh:registries: ${lineToDeclare(COMMON_REGISTRY)}`,
  );
}

/** Beside a recipe's file; in a repository in each folder above it, too. */
function foldersOf({ folder, checkout }: RecipeFile): readonly ModFolder[] {
  if (!checkout) return [{ folder }];
  const folders: ModFolder[] = [];
  for (let at = folder; isWithin(checkout.folder, at); at = dirname(at)) folders.push({ folder: at, checkout });
  return folders;
}

/** The first of these names that is a folder; undefined for none. */
function folderIn({ folder, checkout }: ModFolder, names: readonly string[], reference: string): string | undefined {
  const isFolder = (path: string) => existsSync(path) && statSync(path).isDirectory();
  const found = names.map((name) => resolve(folder, name)).find(isFolder);
  if (found !== undefined && checkout && !isWithin(checkout.folder, found)) {
    throw fault(`${reference}: is a link that leaves its repository; a mod lies in it`);
  }
  return found;
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
