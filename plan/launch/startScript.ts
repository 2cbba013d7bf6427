/** Where a container has its deployment's folder: start.sh, and its mods under mods/. */
export const MOUNT = "/spark-mesh";

/** Its first process, where there are mods or Ray. */
export const START_SCRIPT = `${MOUNT}/start.sh`;

/** Whether the words of a container's process begin with start.sh. */
export function startsWithScript(process: readonly string[]): boolean {
  return process.includes(START_SCRIPT);
}
