import { describe, expect, it } from "vitest";
import type { ClusterConfig } from "../../../config/cluster";
import type { Probe } from "../../../facts/hostFacts";
import { planMesh } from "../../../plan/planMesh";
import { surveyMesh } from "../../../plan/survey";
import { change, cluster, declared, factsIn, freshProbes, onSwitch, settledProbes } from "../hosts";
import { addressesOf, cableNames, evidence, states } from "../shown";

const two = cluster({}, 2);

/** A mesh as committed with the first wiring, then cabled as the second: netdevs leave with their cables. */
function replugged(config: ClusterConfig, was: string, is: string): Map<string, Probe> {
  const count = config.hosts.length;
  const fresh = freshProbes(was, count);
  const now = freshProbes(is, count);
  const settled = settledProbes(planMesh(config, fresh), fresh);
  return [...settled.keys()].reduce(
    (probes, name) =>
      change(probes, name, (facts) => ({
        ...facts,
        cx7: factsIn(now, name)
          .cx7.filter(({ carrier }) => carrier)
          .map((netdev) => {
            const kept = facts.cx7.find((one) => one.name === netdev.name);
            // What our file configured has no link-local address to be heard by.
            if (!kept?.addresses.some(({ family }) => family === 4)) return netdev;
            return { ...kept, carrier: true, neighbours: [] };
          }),
      })),
    settled,
  );
}

describe("a plug moved to the other port of its host", () => {
  const moved = replugged(two, "1/0-2/0", "1/1-2/0");
  const line =
    "spark-1: port 0 to spark-2: enp1s0f0np0 absent, enP2p1s0f0np0 absent: the cable carries nothing; port 1, where no cable is planned, has carrier and sees spark-2/0; move the plug back, or declare spark-mesh:cables as they are now";

  it("is named with both ports and who is there, and moves no cable: one end alone sees it", () => {
    const plan = planMesh(two, moved);
    expect(cableNames(plan)).toEqual(["spark-1/0-spark-2/0"]);
    expect(plan.warnings).toEqual([line]);
    expect(states(plan)).toEqual(["settled", "settled"]);
    expect(surveyMesh(two, moved).warnings).toEqual([line]);
  });

  it("is named where the cables are declared", () => {
    const config = cluster({ cables: declared("1/0-2/0") }, 2);
    const silent = change(moved, "spark-1", (facts) => ({
      ...facts,
      cx7: facts.cx7.map((netdev) => ({ ...netdev, neighbours: [] })),
    }));
    expect(planMesh(config, silent).warnings).toEqual([line.replace(" and sees spark-2/0", "")]);
  });

  it("is not guessed where the other port has a cable of its own, or carries nothing", () => {
    const both = "1/0-2/0 1/1-2/1";
    const check = "check that it is plugged in at both ends, then reboot spark-1 with it in";
    expect(planMesh(two, replugged(two, both, "1/1-2/1")).warnings[0]).toContain(check);
    const dark = change(moved, "spark-1", (facts) => ({
      ...facts,
      cx7: facts.cx7.map((netdev) => ({ ...netdev, carrier: false })),
    }));
    expect(planMesh(two, dark).warnings[0]).toContain(check);
  });
});

describe("a cable moved to other ports of the same hosts", () => {
  const moved = replugged(two, "1/0-2/0", "1/1-2/1");

  it("is a change of the plan that names both, and keeps its addresses", () => {
    const plan = planMesh(two, moved);
    expect(evidence(plan)).toEqual([["spark-1/1-spark-2/1", "discovered"]]);
    expect(plan.warnings).toEqual([
      "spark-1: port 1 is cabled to spark-2/1 now (seen from both ends), and nothing is left of the recorded cable spark-1/0-spark-2/0; the cable spark-1/1-spark-2/1 is planned instead",
    ]);
    expect(addressesOf(plan, "spark-1")).toEqual(["192.168.177.11/24", "192.168.178.11/24"]);
    expect(plan.blockers).toEqual([]);
    expect(states(plan)).toEqual(["due", "due"]);
  });

  it("stays where one end alone sees it", () => {
    const half = change(moved, "spark-2", (facts) => ({
      ...facts,
      cx7: facts.cx7.map((netdev) => ({ ...netdev, neighbours: [] })),
    }));
    expect(cableNames(planMesh(two, half))).toContain("spark-1/0-spark-2/0");
  });

  it("is a second cable where the first one still has a carrier", () => {
    const plan = planMesh(two, replugged(two, "1/0-2/0", "1/0-2/0 1/1-2/1"));
    expect(cableNames(plan)).toEqual(["spark-1/0-spark-2/0", "spark-1/1-spark-2/1"]);
    expect(plan.warnings).toEqual([]);
  });
});

describe("a plug moved to the other port on a switch", () => {
  const three = cluster({}, 3);
  const was = onSwitch(3);
  const moved = replugged(three, was, was.replace("1/0", "1/1"));

  it("is a change of the plan that names both, and keeps the addresses", () => {
    const plan = planMesh(three, moved);
    expect(cableNames(plan)).toEqual(["spark-1/1-switch-a", "spark-2/0-switch-a", "spark-3/0-switch-a"]);
    expect(plan.warnings).toEqual([
      "spark-1: port 1 is cabled to switch-a now, and nothing is left of the recorded cable spark-1/0-switch-a; the cable spark-1/1-switch-a is planned instead",
    ]);
    expect(addressesOf(plan, "spark-1")).toEqual(["192.168.177.11/24", "192.168.178.11/24"]);
  });
});
