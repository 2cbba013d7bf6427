import type { SerializedError } from "vitest";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import { findEngine } from "../lab/cli";

const SCENARIO = /tests\/scenarios\/.*\.lab\.test\.ts$/;

/** The only thing that may be skipped where everything else runs: it needs a CLI that can't be downloaded everywhere. */
const MAY_BE_SKIPPED = /real CLI/;

/** Characters of a failure that are shown at once; the whole of it comes at the end. */
const LONGEST_MESSAGE = 3000;

/**
 * Ends a run with `N passed, N failed`, after naming each skipped test with its reason, and each that passed at its second
 * try with what failed at the first. In CI an unexpected skip fails.
 */
export default class ClosingLine implements Reporter {
  /** A run that is cut short has said by then what failed: vitest itself keeps that for the end. */
  onTestCaseResult(test: TestCase): void {
    for (const { message } of test.result().errors ?? []) {
      console.log(`failed: ${test.fullName}: ${message.slice(0, LONGEST_MESSAGE)}`);
    }
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const skipped = tests.filter((test) => test.result().state === "skipped");
    const failedTests = tests.filter((test) => test.result().state === "failed");
    // A file that doesn't load, or whose set-up fails, has no failed test to count, and counts itself.
    const broken = modules.filter(
      (module) => module.state() === "failed" && !failedTests.some((test) => test.module === module),
    );
    const failed = failedTests.length + broken.length + errors.length;
    const passed = tests.filter((test) => test.result().state === "passed").length;

    for (const test of tests.filter((each) => each.diagnostic()?.flaky)) {
      const [first] = test.result().errors ?? [];
      console.log(`passed at the second try: ${test.fullName}: ${first?.message.split("\n")[0] ?? "no reason given"}`);
    }
    for (const test of skipped) {
      console.log(`skipped: ${test.fullName}: ${reasonOf(test)}`);
    }
    const unexpected = skipped.filter((test) => !MAY_BE_SKIPPED.test(test.fullName));
    if (process.env.CI && unexpected.length > 0) {
      console.log(`${unexpected.length} skipped tests may not be skipped in CI`);
      process.exitCode = 1;
    }
    // A scenario that runs on no engine shows nothing.
    const idle = modules.filter(
      (module) =>
        SCENARIO.test(module.moduleId) &&
        [...module.children.allTests()].every((test) => test.result().state === "skipped"),
    );
    for (const module of process.env.CI ? idle : []) {
      console.log(`ran on no engine: ${module.moduleId}`);
      process.exitCode = 1;
    }
    console.log(`engine: ${findEngine().about}`);
    const skips = skipped.length > 0 ? `, ${skipped.length} skipped` : "";
    console.log(`${passed} passed, ${failed} failed${skips}`);
  }
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return result.state === "skipped" && result.note ? result.note : "no reason given";
}
