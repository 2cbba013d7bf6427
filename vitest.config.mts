import { defineConfig } from "vitest/config";

// Tests named `*.lab.test.ts` boot virtual Sparks, each file a lab of its own: two at a time, since they mostly wait.
const onVirtualSparks = "tests/**/*.lab.test.ts";

// Real processes and hosts on a machine with other guests: what fails once and then not is named at the end.
const retry = process.env.CI ? 1 : 0;

export default defineConfig({
  test: {
    reporters: [["default", { summary: false }], "./tests/reporter.ts"],
    projects: [
      {
        test: {
          name: "pure",
          retry,
          include: ["tests/**/*.test.ts"],
          exclude: [onVirtualSparks],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // vitest's own choice on two cores would be one.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "virtual Sparks",
          retry,
          include: [onVirtualSparks],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
