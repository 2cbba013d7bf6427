import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, parseDocument } from "yaml";
import { z } from "zod";
import { decrypt, encrypt } from "./encryption";
import { Fault } from "./values";

/** What Pulumi.yaml may say. */
const projectFile = z.strictObject({
  name: z.string(),
  description: z.string().optional(),
  main: z.string(),
  runtime: z.strictObject({
    name: z.literal("nodejs"),
    options: z.strictObject({ typescript: z.literal(false), nodeargs: z.string() }),
  }),
});

export type Project = z.infer<typeof projectFile> & { readonly folder: string };

export function readProject(folder: string): Project {
  const { data, error } = projectFile.safeParse(parse(readFileSync(join(folder, "Pulumi.yaml"), "utf8")));
  if (error) throw new Fault(`lab engine: Pulumi.yaml: not implemented:\n${z.prettifyError(error)}`);
  return { ...data, folder };
}

/** Config as the program gets it: texts by `namespace:name`, and which of them hold secrets. */
export interface Config {
  readonly values: Record<string, string>;
  readonly secretKeys: string[];
  /** Every decrypted secret, to keep it out of what is printed. */
  readonly secrets: string[];
}

/** Reads Pulumi.STACK.yaml. */
export function readConfig(project: Project, stack: string): Config {
  const config: Config = { values: {}, secretKeys: [], secrets: [] };
  for (const [key, value] of Object.entries(stackFile(project, stack).document.toJS()?.config ?? {})) {
    const before = config.secrets.length;
    const clear = JSON.parse(JSON.stringify(value), (_key, item) => {
      if (typeof item?.secure !== "string") return item;
      config.secrets.push(decrypt(item.secure));
      return config.secrets.at(-1);
    });
    config.values[key] = typeof clear === "string" ? clear : JSON.stringify(clear);
    if (config.secrets.length > before) config.secretKeys.push(key);
  }
  return config;
}

/** Sets the secret at a property path of Pulumi.STACK.yaml, e.g. `project:passwords["spark-1"]`. */
export function setSecret(project: Project, stack: string, path: string, text: string): void {
  const { file, document } = stackFile(project, stack);
  document.setIn(["config", ...(path.match(/[^.[\]"]+/g) ?? [])], document.createNode({ secure: encrypt(text) }));
  writeFileSync(file, document.toString({ lineWidth: 0 }));
}

function stackFile({ folder }: Project, stack: string) {
  const file = join(folder, `Pulumi.${stack}.yaml`);
  return { file, document: parseDocument(existsSync(file) ? readFileSync(file, "utf8") : "") };
}
