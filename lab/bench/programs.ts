/** Programs whose previews are measured, and what a measured run must come to. */

import type { Step } from "../project";

/** Pulumi.yaml of an empty program, loaded as Pulumi does by default. */
export const DEFAULT_LOADER = "name: empty\nmain: index.ts\nruntime: nodejs\n";
/** Pulumi.yaml of an empty program, loaded as spark-mesh is. */
export const OUR_LOADER =
  'name: empty\nmain: index.ts\nruntime: { name: nodejs, options: { typescript: false, nodeargs: "--require ./loader.cjs" } }\n';

/** Waits for a command of an engine. @throws Error with all that it said where it failed: its time is worth nothing */
export async function succeeds(running: Promise<Step>): Promise<void> {
  const { code, output } = await running;
  if (code !== 0) throw new Error(output);
}
