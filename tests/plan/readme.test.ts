import { describe, expect, it } from "vitest";
import { planMesh } from "../../plan/planMesh";
import { renderReadme } from "../../plan/readme";
import { cluster, freshProbes, onSwitch } from "./hosts";
import { planOf, trustedProbes } from "./trust/trusted";

describe("the readme", () => {
  it("names the peer of a cable, and the switch", () => {
    const pair = renderReadme(planMesh(cluster({}, 2), freshProbes("1/0-2/1", 2)));
    expect(pair).toContain("# A pair of 2 DGX Sparks");
    expect(pair).toContain("| spark-1 | 0 | enp1s0f0np0 | 192.168.177.11/24 | 9000 | spark-2 enp1s0f1np1 |");
    const mesh = renderReadme(planMesh(cluster({}, 4), freshProbes(onSwitch(4), 4)));
    expect(mesh).toContain("# A switch with 4 DGX Sparks");
    expect(mesh).toContain("| spark-4/0 | switch-a | 192.168.177.0/24, 192.168.178.0/24 |");
    expect(mesh).toContain("| spark-4 | 0 | enp1s0f0np0 | 192.168.177.14/24 | 9000 | switch-a |");
    expect(mesh).not.toContain("ssh");
  });

  it("says how Sparks that trust each other log in", () => {
    expect(renderReadme(planOf(trustedProbes()))).toMatch(
      /\nEvery Spark logs in to every other by its name: `ssh spark-2`\.\n$/,
    );
  });
});
