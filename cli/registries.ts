import { existsSync, readFileSync } from "node:fs";
import { Faults } from "../config/faults";
import { judge } from "../config/judge";
import * as schema from "../config/schema";
import type { Registries } from "../sources/registry";
import { stackFilePath, stacksHere } from "./cluster";
import { misused } from "./misuse";
import { readStackFile } from "./stackFile";

/**
 * The registries that a stack's file declares; without a stack's name, those of the only one in this folder.
 *
 * @throws Faults where they are none, or there is no such stack.
 */
export function stackRegistries(stack: string | undefined): Registries {
  const stacks = stacksHere();
  const name = stack ?? (stacks.length === 1 ? stacks[0] : undefined);
  if (name === undefined) return {};
  const path = stackFilePath(name);
  if (!existsSync(path)) throw misused(`--stack ${name}: found no ${path}; run this beside it`);
  const written = readStackFile(readFileSync(path, "utf8"), path)["spark-mesh:registries"];
  if (written === undefined) return {};
  const faults: string[] = [];
  const registries = judge(faults, schema.registries, jsonOr(written), "registries");
  if (!registries) throw new Faults(path, faults);
  return registries;
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
