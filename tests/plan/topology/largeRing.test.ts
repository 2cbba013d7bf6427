import { describe, expect, it } from "vitest";
import { planMesh } from "../../../plan/planMesh";
import { cluster, declared, faults, freshProbes, settledProbes } from "../hosts";
import { cableNames, expectQuiet, octets } from "../shown";

describe("a ring of four and more", () => {
  const RING = "1/0-2/1 2/0-3/1 3/0-4/1 4/0-1/1";
  const cables = declared(RING);
  const config = cluster({ cables }, 4);

  it("is taken where its cables are declared, with a warning", () => {
    const plan = planMesh(config, freshProbes(RING, 4));
    expect(plan.topology).toBe("ring");
    expect(cableNames(plan)).toEqual([
      "spark-1/0-spark-2/1",
      "spark-2/0-spark-3/1",
      "spark-1/1-spark-4/0",
      "spark-3/0-spark-4/1",
    ]);
    expect(octets(plan)).toEqual(["177,178", "197,198", "207,208", "227,228"]);
    expect(plan.warnings).toEqual([
      expect.stringMatching(/^spark-mesh:topology: a ring of 4 is less proven .*NCCL_ALGO=Ring/),
    ]);
    expectQuiet(config, plan, freshProbes(RING, 4));
    expect(planMesh(cluster({ cables, topology: "ring" }, 4), freshProbes(RING, 4))).toEqual(plan);
  });

  it("is a fault with the block to declare where it is discovered, or only recorded", () => {
    const fresh = freshProbes(RING, 4);
    const block =
      "spark-mesh:cables: [{ from: spark-1/0, to: spark-2/1 }, { from: spark-1/1, to: spark-4/0 }, { from: spark-2/0, to: spark-3/1 }, { from: spark-3/0, to: spark-4/1 }]";
    const [line, ...others] = faults(fresh, cluster({}, 4));
    expect(line).toMatch(/^spark-mesh:cables: found a ring of 4 by discovery; /);
    expect(line).toContain(block);
    expect(others).toEqual([]);
    const settled = settledProbes(planMesh(config, fresh), fresh);
    expect(faults(settled, cluster({}, 4))).toEqual([expect.stringContaining("spark-mesh:cables: [{ from: ")]);
  });

  it.each<[string, string, number, readonly (string | RegExp)[]]>([
    [
      "the one cable that is missing",
      "1/0-2/1 2/0-3/1 3/0-4/1",
      4,
      [/^spark-1: no cable is seen between spark-1\/1 and spark-4\/0; plug one in/],
    ],
    [
      "it wherever the hosts are in the round",
      "1/1-2/0 1/0-3/1 3/0-4/1",
      4,
      [/^spark-2: no cable is seen between spark-2\/1 and spark-4\/0; plug one in/],
    ],
    [
      "every free port where more are missing",
      "1/0-2/1 3/0-4/1",
      4,
      [/spark-1\/1/, /spark-2\/0/, /spark-3\/1/, /spark-4\/0/],
    ],
    [
      "a host that is left out",
      "1/0-2/1 2/0-3/1 3/0-1/1",
      4,
      [
        /^spark-1: spark-1, spark-2, spark-3 are cabled to a ring of their own \(spark-1\/0-spark-2\/1, spark-2\/0-spark-3\/1, spark-3\/0-spark-1\/1\); a ring has all 4 hosts in it/,
        /^spark-4: no cable is seen at spark-4\/0 and spark-4\/1; a ring joins each host to two others/,
      ],
    ],
    [
      "a double cable",
      "1/0-2/1 2/0-1/1 3/0-4/1 4/0-3/1",
      4,
      [
        /^spark-1: two cables lead to spark-2 \(spark-1\/0-spark-2\/1 and spark-2\/0-spark-1\/1\); a ring joins each host to two others by one cable/,
        /^spark-3: two cables lead to spark-4/,
      ],
    ],
    [
      "the host that is turned",
      "1/0-2/1 2/0-3/0 3/1-4/1 4/0-5/1 5/0-1/1",
      5,
      [
        /^spark-2: port 0 is cabled to port 0 of spark-3 \(cable spark-2\/0-spark-3\/0\).*swap the two plugs of spark-3, and correct/,
        /^spark-3: port 1 is cabled to port 1 of spark-4 .*swap the two plugs of spark-3, and correct/,
      ],
    ],
    [
      "a switch in the path",
      "1/0-2/1 2/0-3/1 3/0-4/1 4/0-switch-a 1/1-switch-a",
      4,
      [
        "spark-1: port 1 is cabled to switch-a (cable spark-1/1-switch-a): a switch is in the path; a ring needs one cable from port to port, without a switch; correct spark-mesh:cables",
        "spark-4: port 0 is cabled to switch-a (cable spark-4/0-switch-a): a switch is in the path; a ring needs one cable from port to port, without a switch; correct spark-mesh:cables",
      ],
    ],
  ])("is told of %s", (_, wiring, count, lines) => {
    const found = faults(freshProbes(wiring, count), cluster({ cables: declared(wiring) }, count));
    expect(found).toEqual(lines.map((line) => (typeof line === "string" ? line : expect.stringMatching(line))));
  });
});
