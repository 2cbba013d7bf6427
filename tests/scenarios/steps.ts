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
