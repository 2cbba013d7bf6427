import { expect } from "vitest";
import type { Project, Step } from "../../lab/project";

/** Expects a step to succeed, and returns its output. */
export async function succeeds(step: Promise<Step>): Promise<string> {
  const { code, output } = await step;
  expect(code, output).toBe(0);
  return output;
}

/** Expects a preview to find nothing to do, and nothing to warn of. */
export async function expectQuiet(project: Project): Promise<void> {
  expect(await succeeds(project.preview("--expect-no-changes"))).not.toContain("warning");
}

/**
 * Drifts that can be there at once, at most one a host and `width` in all, each round with what its drifts are called:
 * one preview names them, and one `up` repairs them.
 */
export function rounds<D extends { readonly host: string }>(
  drifts: readonly D[],
  width: number,
  name: (drift: D) => string,
): [string, readonly D[]][] {
  const all: D[][] = [];
  for (const drift of drifts) {
    const round = all.find((one) => one.length < width && one.every(({ host }) => host !== drift.host));
    if (round) round.push(drift);
    else all.push([drift]);
  }
  return all.map((round) => [round.map(name).join("; "), round]);
}
