import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, parseDocument } from "yaml";
import { z } from "zod";
import { writeAtomically } from "../hosts/state";
import { decrypt, encrypt } from "./encryption";
import type { Values } from "./values";

/** What Pulumi.yaml may say. */
const options = z.strictObject({ typescript: z.literal(false), nodeargs: z.string() });
const projectFile = z.strictObject({
  name: z.string(),
  description: z.string().optional(),
  main: z.string(),
  runtime: z.strictObject({ name: z.literal("nodejs"), options }),
});

/** The project in the current folder, as one of its stacks. */
export type Project = z.infer<typeof projectFile> & { readonly stack: string };

export function readProject(stack: string): Project {
  const { data, error } = projectFile.safeParse(parse(readFileSync("Pulumi.yaml", "utf8")));
  if (error) throw new Error(`lab engine: Pulumi.yaml: not implemented:\n${z.prettifyError(error)}`);
  return { ...data, stack };
}

/** Config as the program gets it: texts by `namespace:name`, which of them hold secrets, and those secrets alone. */
export function readConfig({ stack }: Project) {
  const values: Record<string, string> = {};
  const secretKeys = new Set<string>();
  const secrets: string[] = [];
  // "a+" makes the file where there is none.
  const stackFile = parse(readFileSync(`Pulumi.${stack}.yaml`, { encoding: "utf8", flag: "a+" }));
  for (const [key, value] of Object.entries(stackFile?.config ?? {})) {
    const clear = JSON.parse(JSON.stringify(value), (_key, item) => {
      if (typeof item?.secure !== "string") return item;
      secretKeys.add(key);
      secrets.push(decrypt(item.secure));
      return secrets.at(-1);
    });
    values[key] = typeof clear === "string" ? clear : JSON.stringify(clear);
  }
  return { values, secretKeys, secrets };
}

/** Sets the secret at a property path of the stack's config, e.g. `project:passwords["spark-1"]`. */
export function setSecret({ stack }: Project, path: string, text: string): void {
  const document = parseDocument(readFileSync(`Pulumi.${stack}.yaml`, { encoding: "utf8", flag: "a+" }));
  document.setIn(["config", ...(path.match(/[^.[\]"]+/g) ?? [])], document.createNode({ secure: encrypt(text) }));
  writeFileSync(`Pulumi.${stack}.yaml`, document.toString({ lineWidth: 0 }));
}

/** A resource as state keeps it between runs. */
export interface Resource {
  readonly urn: string;
  readonly inputs: Values;
  readonly outputs: Values;
  /** URNs that must outlive this resource, its parent's among them. */
  readonly dependencies: readonly string[];
  readonly retainOnDelete: boolean;
}

/** A file of the stack below the folder that PULUMI_BACKEND_URL names. */
function file({ name, stack }: Project, ending: "state" | "lock"): string {
  const backend = process.env.PULUMI_BACKEND_URL ?? "";
  if (!backend.startsWith("file:///")) throw new Error("lab engine: PULUMI_BACKEND_URL must be file:///FOLDER");
  const folder = join(fileURLToPath(backend), ".pulumi-lab", name);
  mkdirSync(folder, { recursive: true });
  return join(folder, `${stack}.${ending}`);
}

/** Makes the stack's state, which is encrypted as a whole; an Error where there is one. */
export const makeState = (project: Project): void =>
  writeFileSync(file(project, "state"), encrypt([]), { mode: 0o600, flag: "wx" });

export const loadState = (project: Project): Resource[] => decrypt(readFileSync(file(project, "state"), "utf8"));

/** Replaces the file at once, so that an engine that is killed leaves a usable one. */
export const saveState = (project: Project, resources: Iterable<Resource>): void =>
  writeAtomically(file(project, "state"), encrypt([...resources]), 0o600);

/** Keeps other runs out; the lock of a run that was killed stays until `cancel`. */
export function lock(project: Project): void {
  const own = file(project, "lock");
  try {
    writeFileSync(own, `pid ${process.pid} since ${new Date().toISOString()}`, { flag: "wx" });
  } catch {
    throw new Error(`the stack is currently locked by ${readFileSync(own, "utf8")}; \`cancel\` deletes the lock`);
  }
}

export const unlock = (project: Project): void => rmSync(file(project, "lock"), { force: true });
