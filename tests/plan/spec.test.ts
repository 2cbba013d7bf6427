import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { systemSpec } from "../../plan/spec/system";
import { trustSpec } from "../../plan/spec/trust";

/** Specs that the host program's own tests read too: what one side sends the other takes, and nothing else. */
interface Cases {
  readonly base: Record<string, unknown>;
  readonly accepted: Record<string, Record<string, unknown>>;
  readonly refused: Record<string, Record<string, unknown>>;
}

describe.each<[string, z.ZodType]>([
  ["system", systemSpec],
  ["trust", trustSpec],
])("the spec of %s", (name, schema) => {
  const cases: Cases = JSON.parse(readFileSync(join(__dirname, "../../host/specs", `${name}.json`), "utf8"));

  it.each(Object.entries(cases.accepted))("may have %s", (_, change) =>
    expect(schema.parse({ ...cases.base, ...change })).toEqual({ ...cases.base, ...change }),
  );

  it.each(Object.entries(cases.refused))("may not have %s", (_, change) =>
    expect(schema.safeParse({ ...cases.base, ...change }).success).toBe(false),
  );

  it.each(Object.keys(cases.base))("may not lack %s", (key) => {
    const { [key]: _, ...others } = cases.base;
    expect(schema.safeParse(others).success).toBe(false);
  });
});
