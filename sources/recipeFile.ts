import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { Faults } from "../config/faults";
import { nearest } from "../config/nearest";
import { openRegistry, pathInRegistry, type Registries, type Registry } from "./registry";
import { type Checkout, checkout, isWithin, type RepositoryReference, repositoryReference } from "./repository";

export interface RecipeFile {
  /** As messages name it, with a slash before its own name: the recipe is called like that. */
  readonly file: string;
  readonly text: string;
  /** Where it lies; its mods and what it includes lie beside it. */
  readonly folder: string;
  /** The repository that it is of; undefined for a file of this machine's. */
  readonly checkout?: Checkout;
  /** Undefined where no registry names it. */
  readonly registry?: Registry;
}

/** A recipe's file with those that it is built on. */
export interface OpenRecipe extends RecipeFile {
  /**
   * Reads the file that another one of this recipe includes.
   *
   * @throws Faults where there is none.
   */
  readonly readBase: (from: string, name: string) => RecipeFile;
  /** All that were read so far, its own first. */
  readonly files: readonly RecipeFile[];
}

/** Beside the folders of the checkout; in the package these are in dist/. */
const shipped = [join(__dirname, "..", "recipes"), join(__dirname, "..", "..", "recipes")];

/** A recipe of a registry: `@registry/name`. */
const SCOPED = /^@([A-Za-z0-9][\w.-]*)\/(.+)$/s;

/**
 * A recipe's file, by what a deployment or a command line calls it: `@registry/name`, `URL#COMMIT:path`, a path where it
 * has a slash or an ending, else its name in recipes/.
 *
 * @throws Faults where there is none, with the nearest name.
 */
export function openRecipe(wanted: string, registries: Registries): OpenRecipe {
  const own = readRecipeFile(wanted, registries);
  const files = [own];
  const readBase = (from: string, name: string): RecipeFile => {
    const above = files.find(({ file }) => file === from) ?? own;
    const base = name.startsWith("@") ? readRecipeFile(name, registries) : readIncluded(above, name);
    if (!files.some(({ file }) => file === base.file)) files.push(base);
    return base;
  };
  return { ...own, readBase, files };
}

function readRecipeFile(wanted: string, registries: Registries): RecipeFile {
  const [, registry, name = ""] = SCOPED.exec(wanted) ?? [];
  if (registry !== undefined) return readFromRegistry(openRegistry(registry, registries), name);
  if (wanted.startsWith("@")) throw fault(`${wanted}: found no name behind the registry; allowed: @registry/name`);
  const reference = repositoryReference(wanted);
  if (reference) return readFromRepository(reference);
  if (/\/|\.ya?ml$/.test(wanted)) return { file: wanted, text: textOf(wanted, wanted), folder: dirname(wanted) };
  return readShipped(wanted);
}

function readShipped(wanted: string): RecipeFile {
  const folder = shippedFolder();
  const files = shippedFiles();
  const found = files.find((name) => name.replace(/\.ya?ml$/, "") === wanted);
  if (found === undefined) {
    const names = files.map((name) => name.replace(/\.ya?ml$/, ""));
    const near = nearest(wanted, names);
    const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
    throw fault(
      `${wanted}: no such recipe in recipes/${hint}; there: ${names.join(", ")}; another one by its path, as @registry/name, or as URL#COMMIT:path`,
    );
  }
  return { file: `recipes/${found}`, text: textOf(join(folder, found), wanted), folder };
}

/** @param name with or without the folders that it lies in, and its ending. */
export function readFromRegistry(registry: Registry, name: string): RecipeFile {
  const path = pathInRegistry(registry, name);
  const place = join(registry.recipes, path);
  const { name: called, checkout: found } = registry;
  return { file: `@${called}/${path}`, text: textOf(place, path), folder: dirname(place), checkout: found, registry };
}

function readFromRepository(reference: RepositoryReference): RecipeFile {
  const { url, path = "" } = reference;
  const found = checkout(reference, (pinned) => `${pinned.url}#${pinned.commit}:${path || "recipes/NAME.yaml"}`);
  const short = `${url.replace(/\/+$/, "").replace(/^.*[/:]/, "")}@${found.commit.slice(0, 12)}`;
  const place = [path, `${path}.yaml`, `${path}.yml`].find(
    (name) => /\.ya?ml$/.test(name) && existsSync(join(found.folder, name)),
  );
  if (place === undefined) {
    throw fault(
      `${url}: found no recipe ${JSON.stringify(path)} in it at that commit; allowed: URL#COMMIT:path/file.yaml`,
    );
  }
  const file = join(found.folder, place);
  if (!isWithin(found.folder, file)) throw fault(`${short}/${place}: is a link that leaves its repository`);
  return { file: `${short}/${place}`, text: textOf(file, place), folder: dirname(file), checkout: found };
}

/**
 * The file that a recipe is built on, beside it.
 *
 * @param name of the other one, with or without its ending.
 * @throws Faults where there is none, or where it is a link to elsewhere.
 */
function readIncluded(above: RecipeFile, name: string): RecipeFile {
  const { folder, file } = above;
  const names = /\.ya?ml$/.test(name) ? [name] : [`${name}.yaml`, `${name}.yml`];
  const found = names.find((candidate) => existsSync(join(folder, candidate)));
  if (found === undefined) throw fault(`${name}: no such recipe beside ${file}`);
  const path = join(folder, found);
  // A recipe of other people's must not show what else this machine has.
  if (dirname(realpathSync(path)) !== realpathSync(folder))
    throw fault(`${name}: is a link to another folder; a recipe's base lies beside it`);
  return { ...above, file: file.includes("/") ? `${dirname(file)}/${found}` : found, text: textOf(path, name) };
}

export function shippedFolder(): string {
  return shipped.find((path) => existsSync(path)) ?? "";
}

/** Files of the recipes that ship. */
export function shippedFiles(): readonly string[] {
  return readdirSync(shippedFolder())
    .filter((name) => /\.ya?ml$/.test(name))
    .sort();
}

function textOf(path: string, wanted: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/,.*/, "") : String(error);
    throw fault(`${wanted}: can't be read (${reason})`);
  }
}

function fault(line: string): Faults {
  return new Faults("the recipe", [line]);
}
