import { defineConfig } from "vitest/config";

// `npm run test:vllm`: too big for every run.
export default defineConfig({
  test: {
    reporters: ["verbose"],
    include: ["tests/scenarios/vllm.real.ts"],
    testTimeout: 1_500_000,
    hookTimeout: 2_400_000,
  },
});
