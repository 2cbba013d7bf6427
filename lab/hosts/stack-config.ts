/** The stack config that makes a lab's hosts the hosts of a spark-mesh stack. */

import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { Document, parseDocument } from "yaml";
import { writeAtomically } from "./state";

export interface StackHost {
  readonly name: string;
  readonly address: string;
  readonly hostKey: string;
}

const checkout = join(__dirname, "..", "..");
const heading = " Written by `npm run lab -- up`: the hosts and ssh keys follow the lab, the rest is yours.";

/** The stack file of a lab that names none: `Pulumi.lab.yaml` beside Pulumi.yaml for the default lab. */
export function defaultStackFile(lab: string): string {
  return join(checkout, lab === "default" ? "Pulumi.lab.yaml" : `Pulumi.lab-${lab}.yaml`);
}

/** `existing` with the lab's hosts and ssh settings in it; everything else stays as it was. */
export function renderStackConfig(existing: string, hosts: readonly StackHost[], identityFile: string): string {
  const parsed = parseDocument(existing);
  const document = parsed.contents === null ? new Document({ config: {} }) : parsed;
  if (parsed.contents === null) {
    document.commentBefore = heading;
  }
  document.setIn(
    ["config", "spark-mesh:hosts"],
    document.createNode(hosts.map((host) => ({ ...host, user: "nvidia" }))),
  );
  document.setIn(["config", "spark-mesh:ssh"], document.createNode({ auth: "key", identityFile }));
  return document.toString({ lineWidth: 0 });
}

/** Writes a lab's stack file, and returns its text. */
export function writeStackFile(path: string, hosts: readonly StackHost[], identityFile: string): string {
  if (existsSync(path) && !statSync(path).isFile()) {
    throw new Error(`stack file: found ${path}, which is no file, wanted one like Pulumi.lab.yaml`);
  }
  const existing = existsSync(path) ? readFileSync(path, "utf8") : "";
  const text = renderStackConfig(existing, hosts, identityFile);
  if (text !== existing) {
    writeAtomically(path, text);
  }
  return text;
}

/** Removes a lab's stack file, unless somebody wrote more into it. */
export function removeStackFile(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, "utf8") === text) {
    rmSync(path);
  }
}
