import { describe, expect, it } from "vitest";
import type { ClusterConfig } from "../../../config/cluster";
import { planMesh } from "../../../plan/planMesh";
import { cluster, declared, faults, freshProbes, onSwitch } from "../hosts";

describe("a declared topology that the cables don't show", () => {
  it.each<[string, ClusterConfig["topology"], number, string]>([
    [onSwitch(2), "direct", 2, "found direct, but the cables lead to a switch (switch); set it to switch or auto"],
    [onSwitch(3), "ring", 3, "found ring, but the cables lead to a switch (switch); set it to switch or auto"],
    ["1/0-2/0", "switch", 2, "found switch, but the cables lead from port to port (direct); set it to direct or auto"],
    [
      "1/0-2/1 2/0-3/1 3/0-1/1",
      "switch",
      3,
      "found switch, but the cables lead from port to port (ring); set it to ring or auto",
    ],
  ])("%s as %s is a fault that names both", (wiring, topology, count, line) => {
    for (const cables of [undefined, declared(wiring)]) {
      const config = cluster({ topology, ...(cables && { cables }) }, count);
      expect(faults(freshProbes(wiring, count), config)[0]).toBe(`spark-mesh:topology: ${line}, or move the cables`);
    }
  });
});

describe("a switch in every path of a ring", () => {
  it("is told as such, with the way out where it is a cable that echoes", () => {
    const lines = faults(freshProbes("1/0-switch-a 2/1-switch-a 2/0-switch-b 3/1-switch-b 3/0-switch-c 1/1-switch-c"));
    expect(lines).toHaveLength(6);
    for (const line of lines)
      expect(line).toMatch(
        /sees its port's other rail: a switch is in the path; .*; if none is, declare spark-mesh:cables$/,
      );
    const echoing = freshProbes("1/0-switch-a 2/1-switch-a 2/0-switch-b 3/1-switch-b 3/0-switch-c 1/1-switch-c");
    expect(planMesh(cluster({ cables: declared("1/0-2/1 2/0-3/1 3/0-1/1") }), echoing).topology).toBe("ring");
  });
});
