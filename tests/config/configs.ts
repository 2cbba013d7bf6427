import { expect, it } from "vitest";
import type { ClusterConfig } from "../../config/cluster";
import { Faults } from "../../config/faults";
import { parseClusterConfig } from "../../config/load";

export const three = [
  { name: "spark-1", address: "10.0.0.11" },
  { name: "spark-2", address: "10.0.0.12" },
  { name: "spark-3", address: "10.0.0.13" },
];

export const hostKey = `ssh-ed25519 ${Buffer.concat([
  Buffer.from([0, 0, 0, 11]),
  Buffer.from("ssh-ed25519"),
  Buffer.from([0, 0, 0, 32]),
  Buffer.alloc(32, 7),
]).toString("base64")}`;

/** What allConfig() would return: texts as they are, everything else as JSON text. */
export function raw(config: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key.includes(":") ? key : `spark-mesh:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

export function parse(config: Record<string, unknown>): ClusterConfig {
  return parseClusterConfig(raw(config), "/home/me", [
    "spark-mesh:sudoPassword",
    "spark-mesh:sudoPasswords",
    "spark-mesh:hfToken",
  ]);
}

export function faultsOf(config: Record<string, unknown>): readonly string[] {
  try {
    parse(config);
  } catch (error) {
    if (error instanceof Faults) return error.lines;
    throw error;
  }
  return [];
}

/** A title, a config that is wrong, and its faults. */
export type WrongConfig = readonly [string, Record<string, unknown>, readonly string[]];

export function saysEach(cases: readonly WrongConfig[]): void {
  it.each(cases)("%s", (_title, config, lines) => expect(faultsOf(config)).toEqual(lines));
}
