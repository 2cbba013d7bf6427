import { describe, expect, it } from "vitest";
import type { HostFacts } from "../../facts/hostFacts";
import { hostWarnings } from "../../plan/warnings";
import { cluster, freshFacts } from "./hosts";

/** The lines about hosts of which each says this of hot-plug; undefined: it has no such file. */
function warned(...hotplugs: readonly (string | undefined)[]): readonly string[] {
  const hosts = cluster({}, hotplugs.length).hosts.map((config, index) => {
    const hotplug = hotplugs[index];
    const facts: HostFacts = { ...freshFacts(index + 1), ...(hotplug !== undefined && { hotplug }) };
    return { kind: "reached", config, recorded: undefined, facts } as const;
  });
  return hostWarnings(hosts, new Set()).map(({ line }) => line);
}

describe("hot-plug", () => {
  const remedy =
    "a reboot of one host may then take the ports of another away; have the same /etc/nvidia/cx7-hotplug-enabled on all hosts, or on none";

  it.each([
    ["off everywhere", [undefined, undefined, undefined]],
    ["on everywhere", ["", "", ""]],
    ["the same everywhere", ["1", "1", "1"]],
  ])("is nothing to say where it is %s", (_title, hotplugs) => {
    expect(warned(...hotplugs)).toEqual([]);
  });

  it("names every host that differs from the first", () => {
    expect(warned(undefined, "", undefined, "1")).toEqual([
      `spark-2: CX7 hot-plug on differs from spark-1's off; ${remedy}`,
      `spark-4: CX7 hot-plug on (1) differs from spark-1's off; ${remedy}`,
    ]);
    expect(warned("", undefined)).toEqual([`spark-2: CX7 hot-plug off differs from spark-1's on; ${remedy}`]);
  });
});
