import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { Faults } from "../config/faults";
import { nearest } from "../config/nearest";
import { type Checkout, checkout, isWithin, type RepositoryReference, repositoryReference } from "./repository";

/** Repositories with recipes, by their names: `URL#COMMIT:folder`, the folder where it isn't the whole repository. */
export type Registries = Readonly<Record<string, string>>;

/** A registry at its pinned commit, on this machine. */
export interface Registry {
  readonly name: string;
  readonly checkout: Checkout;
  /** Absolute: recipes lie in it and below. */
  readonly recipes: string;
  /** Absolute: `@name/mods/x` is `x` in it. */
  readonly mods: string;
}

/** Those that sparkrun 0.4 knows of itself, as they are to be written but for the commit. */
const KNOWN: Readonly<Record<string, RepositoryReference>> = {
  official: { url: "https://github.com/spark-arena/recipe-registry", path: "official-recipes" },
  experimental: { url: "https://github.com/spark-arena/recipe-registry", path: "experimental-recipes" },
  community: { url: "https://github.com/spark-arena/community-recipe-registry", path: "recipes" },
  eugr: { url: "https://github.com/eugr/spark-vllm-docker", path: "recipes" },
};

/** What of sparkrun's `.sparkrun/registry.yaml` says where things lie in a repository. */
const manifest = z.object({
  registries: z.array(z.object({ name: z.string(), recipes: z.string().optional(), mods: z.string().optional() })),
});

/**
 * Problems of the declared registries that can be told without fetching any of them: a line each, which begins with the
 * registry's path in the stack config.
 */
export function registryProblems(registries: Registries): readonly string[] {
  return Object.entries(registries).flatMap(([name, source]) => {
    const reference = repositoryReference(source);
    if (!reference) return [`registries.${name}: found ${JSON.stringify(source)}; allowed: URL#COMMIT[:FOLDER]`];
    if (/^[0-9a-f]{40}$/.test(reference.commit ?? "")) return [];
    return linesOf(() => checkout(reference, (pinned) => line(name, pinned))).map(
      (text) => `registries.${name}: ${text}`,
    );
  });
}

/**
 * The registry of a name, fetched where it isn't there yet.
 *
 * @throws Faults where it isn't declared or can't be had; with the line to write, where it is one of sparkrun's.
 */
export function openRegistry(name: string, registries: Registries): Registry {
  const source = Object.hasOwn(registries, name) ? registries[name] : undefined;
  const reference = source === undefined ? undefined : repositoryReference(source);
  if (!reference) throw undeclared(name, registries);
  const found = checkout(reference, (pinned) => line(name, pinned));
  const root = found.folder;
  const entries = manifestOf(found);
  const folder = reference.path?.replace(/\/+$/, "") ?? entries.find((one) => one.name === name)?.recipes ?? "";
  const recipes = join(root, folder);
  if (!existsSync(recipes) || !isWithin(root, recipes)) {
    throw fault(`registries.${name}: found no folder ${folder} in ${reference.url} at that commit; name another one`);
  }
  const mods = entries.find((one) => one.recipes === folder)?.mods ?? "mods";
  return { name, checkout: found, recipes, mods: join(root, mods) };
}

/**
 * How a registry is to be declared that isn't: `eugr: https://...#COMMIT:recipes`; undefined for one that nobody knows.
 * The commit is that of the repository's head, where it can be asked.
 */
export function lineToDeclare(name: string): string | undefined {
  const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
  if (!known) return undefined;
  const [found = ""] = linesOf(() => checkout(known, (pinned) => line(name, pinned)));
  return /pin it: (.*)$/s.exec(found)?.[1];
}

/** Every recipe's file below a registry's folder, by its path there, in the order of the alphabet. */
export function recipesIn({ recipes }: Registry): readonly string[] {
  return filesBelow(recipes, "").sort();
}

/**
 * A recipe's path in a registry's folder, by its name or the end of its path, without .yaml.
 *
 * @throws Faults where there is none, or where there are several.
 */
export function pathInRegistry(registry: Registry, name: string): string {
  const bare = (path: string) => path.replace(/\.ya?ml$/, "");
  const all = recipesIn(registry);
  const found = all.filter((path) => bare(path) === bare(name) || bare(path).endsWith(`/${bare(name)}`));
  const [first] = found;
  const wanted = `@${registry.name}/${name}`;
  if (found.length > 1) {
    throw fault(`${wanted}: found ${found.length} recipes, ${found.join(" and ")}; name one with its folder`);
  }
  if (first !== undefined) return first;
  const near = nearest(
    name,
    all.map((path) => bare(path).replace(/^.*\//, "")),
  );
  const hint = near === undefined ? "" : ` (did you mean @${registry.name}/${near}?)`;
  throw fault(
    `${wanted}: no such recipe in that registry${hint}; \`spark-mesh recipe list\` has all of them, a newer commit may have more`,
  );
}

function filesBelow(folder: string, prefix: string): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const path = `${prefix}${entry.name}`;
    if (entry.name.startsWith(".")) return [];
    if (entry.isDirectory()) return filesBelow(folder, `${path}/`);
    return entry.isFile() && /\.ya?ml$/.test(entry.name) ? [path] : [];
  });
}

function manifestOf({ folder }: Checkout): z.infer<typeof manifest>["registries"] {
  const path = join(folder, ".sparkrun", "registry.yaml");
  if (!existsSync(path) || !isWithin(folder, path)) return [];
  try {
    const { data } = manifest.safeParse(parse(readFileSync(path, "utf8"), { maxAliasCount: 0 }));
    const stays = (part: string | undefined) => part === undefined || !part.split(sep).includes("..");
    return (data?.registries ?? []).filter(({ recipes, mods }) => stays(recipes) && stays(mods));
  } catch {
    // Whoever names the folder needs none.
    return [];
  }
}

function line(name: string, { url, commit, path }: RepositoryReference): string {
  return `${name}: ${url}#${commit}${path === undefined ? "" : `:${path}`}`;
}

function undeclared(name: string, registries: Registries): Faults {
  const names = Object.keys(registries);
  const near = nearest(name, names);
  const hint = near === undefined ? "" : ` (did you mean @${near}?)`;
  const write = lineToDeclare(name) ?? `${name}: URL#COMMIT:FOLDER`;
  return fault(
    `@${name}: no such registry${hint}; declared: ${names.join(", ") || "none"}; write under spark-mesh:registries: ${write}`,
  );
}

function linesOf(check: () => unknown): readonly string[] {
  try {
    check();
    return [];
  } catch (error) {
    if (!(error instanceof Faults)) throw error;
    return error.lines;
  }
}

function fault(text: string): Faults {
  return new Faults("the registries", [text]);
}
