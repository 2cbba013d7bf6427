import { expect } from "vitest";
import type { Lab } from "../../lab/hosts/lab";
import type { Project, Step } from "../../lab/project";
import { inside } from "../inside";

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

/** Expects a preview to warn of every drift, each in a line with all that it says. */
export function expectWarned(output: string, drifts: readonly { readonly says: readonly string[] }[]): void {
  const warnings = output.split("\n").filter((line) => line.includes("warning:"));
  for (const { says } of drifts) {
    const said = warnings.some((line) => says.every((part) => line.includes(part)));
    expect(said, `${says.join(", ")} in:\n${output}`).toBe(true);
  }
}

/** What somebody changes of a host's system, and the preview's warning after the host's name. */
export interface SystemDrift {
  readonly host: string;
  /** Run as root inside the host. */
  readonly breakage: string;
  readonly says: string;
}

/** Breaks hosts' systems: a preview says just that, and an `up` repairs it and nothing else. */
export async function expectSystemRepaired(lab: Lab, project: Project, drifts: readonly SystemDrift[]): Promise<void> {
  for (const { host, breakage } of drifts) await inside(lab, host, breakage);
  const preview = await succeeds(project.preview());
  expect([...new Set(preview.match(/warning: .*/g))].sort()).toEqual(
    drifts.map(({ host, says }) => `warning: ${host}: ${says}`).sort(),
  );
  const up = await succeeds(project.up());
  expect([...new Set(up.match(/mesh-\S+ updated/g))].sort()).toEqual(
    drifts.map(({ host }) => `mesh-${host}-system-run updated`).sort(),
  );
}
