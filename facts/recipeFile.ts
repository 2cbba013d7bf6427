import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { Faults } from "../config/faults";
import { nearest } from "../config/nearest";

interface RecipeFile {
  /** As messages name it. */
  readonly file: string;
  readonly text: string;
  /** Where it lies; its mods lie beside it. */
  readonly folder: string;
}

/** Beside the folders of the checkout; in the package these are in dist/. */
const shipped = [join(__dirname, "..", "recipes"), join(__dirname, "..", "..", "recipes")];

/**
 * A recipe's file: by path where it has a slash or an ending, else by its name in recipes/.
 *
 * @throws Faults where there is none, with the nearest name.
 */
export function readRecipeFile(wanted: string): RecipeFile {
  if (/\/|\.ya?ml$/.test(wanted)) return { file: wanted, text: textOf(wanted, wanted), folder: dirname(wanted) };
  const folder = shippedFolder();
  const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
  const found = files.find((name) => name.replace(/\.ya?ml$/, "") === wanted);
  if (found === undefined) {
    const names = files.map((name) => name.replace(/\.ya?ml$/, ""));
    const near = nearest(wanted, names);
    const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
    throw new Faults("the recipe", [
      `${wanted}: no such recipe in recipes/${hint}; there: ${names.join(", ")}; another one by its path`,
    ]);
  }
  return { file: `recipes/${found}`, text: textOf(join(folder, found), wanted), folder };
}

/**
 * The file that a recipe is built on, beside it.
 *
 * @param folder of both.
 * @param file of the recipe, as messages name it.
 * @param name of the other one, with or without its ending.
 * @throws Faults where there is none, or where it is a link to elsewhere.
 */
export function readIncluded(folder: string, file: string, name: string): Omit<RecipeFile, "folder"> {
  const names = /\.ya?ml$/.test(name) ? [name] : [`${name}.yaml`, `${name}.yml`];
  const found = names.find((candidate) => existsSync(join(folder, candidate)));
  const missing = `${name}: no such recipe beside ${file}`;
  if (found === undefined) throw new Faults("the recipe", [missing]);
  const path = join(folder, found);
  // A recipe of other people's must not show what else this machine has.
  if (dirname(realpathSync(path)) !== realpathSync(folder))
    throw new Faults("the recipe", [`${name}: is a link to another folder; a recipe's base lies beside it`]);
  return { file: file.includes("/") ? `${dirname(file)}/${found}` : found, text: textOf(path, name) };
}

export function shippedFolder(): string {
  return shipped.find((path) => existsSync(path)) ?? "";
}

function textOf(path: string, wanted: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/,.*/, "") : String(error);
    throw new Faults("the recipe", [`${wanted}: can't be read (${reason})`]);
  }
}
