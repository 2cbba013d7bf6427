import { describe, expect, it } from "vitest";
import type { ClusterConfig } from "../../../config/cluster";
import type { Probe } from "../../../facts/hostFacts";
import { planMesh } from "../../../plan/planMesh";
import {
  ARTICLE_RING,
  change,
  cluster,
  declared,
  factsIn,
  faults,
  freshProbes,
  onSwitch,
  settledProbes,
} from "../hosts";
import { cableNames, evidence, states, twoSwitches } from "../shown";

/** A mesh as committed with the first wiring, whose hosts hear one another through the second. */
function recabled(config: ClusterConfig, was: string, is: string, deaf: readonly string[] = []): Map<string, Probe> {
  const count = config.hosts.length;
  const fresh = freshProbes(was, count);
  const now = freshProbes(is, count);
  const settled = settledProbes(planMesh(config, fresh), fresh);
  return [...settled.keys()].reduce((probes, name) => {
    const heard = new Map(factsIn(now, name).cx7.map((netdev) => [netdev.name, netdev.neighbours]));
    return change(probes, name, (facts) => ({
      ...facts,
      cx7: facts.cx7.map((netdev) => ({
        ...netdev,
        neighbours: deaf.includes(name) ? [] : (heard.get(netdev.name) ?? []),
      })),
    }));
  }, settled);
}

const moved = (host: string, port: number, now: string, was: string, otherWas?: string) => {
  const other = otherWas ? `, and ${now} was cabled to ${otherWas}` : "";
  return `spark-${host}: port ${port} is cabled to ${now} now (seen from both ends), was ${was}${other}; the cable spark-${host}/${port}-${now} is planned instead`;
};
const two = cluster({}, 2);

describe("two cables swapped on a mesh that was discovered", () => {
  it("are a change of the plan that names the old and the new ports", () => {
    const plan = planMesh(two, recabled(two, "1/0-2/0 1/1-2/1", "1/0-2/1 1/1-2/0"));
    expect(evidence(plan)).toEqual([
      ["spark-1/0-spark-2/1", "discovered"],
      ["spark-1/1-spark-2/0", "discovered"],
    ]);
    expect(plan.warnings).toEqual([
      moved("1", 0, "spark-2/1", "spark-2/0", "spark-1/1"),
      moved("1", 1, "spark-2/0", "spark-2/1", "spark-1/0"),
    ]);
    expect(states(plan)).toEqual(["due", "due"]);
  });

  it("are named by their old and new ports where they make a fault", () => {
    const lines = faults(recabled(cluster(), ARTICLE_RING, "1/1-2/1 2/0-3/1 3/0-1/0"));
    expect(lines).toEqual([
      moved("1", 0, "spark-3/0", "spark-2/1", "spark-1/1"),
      moved("1", 1, "spark-2/1", "spark-3/0", "spark-1/0"),
      expect.stringMatching(/^spark-1: port 0 is cabled to port 0 of spark-3 .*; swap the two plugs of spark-1$/),
      expect.stringMatching(/^spark-1: port 1 is cabled to port 1 of spark-2 .*; swap the two plugs of spark-1$/),
    ]);
  });

  it("stay as recorded while one end alone says so", () => {
    const plan = planMesh(two, recabled(two, "1/0-2/0 1/1-2/1", "1/0-2/1 1/1-2/0", ["spark-2"]));
    expect(cableNames(plan)).toEqual(["spark-1/0-spark-2/0", "spark-1/1-spark-2/1"]);
    expect(plan.warnings[0]).toMatch(/^spark-1: enp1s0f0np0 sees spark-2\/enp1s0f1np1 .* the record stands/);
    expect(states(plan)).toEqual(["settled", "settled"]);
  });
});

describe("two cables swapped on a mesh that is declared", () => {
  it("are faults that name the declaration and what is seen", () => {
    const was = "1/0-2/0 1/1-2/1";
    const config = cluster({ cables: declared(was) }, 2);
    const lines = faults(recabled(config, was, "1/0-2/1 1/1-2/0"), config);
    expect(lines).toHaveLength(8);
    expect(lines[0]).toBe(
      "spark-1: enp1s0f0np0 sees spark-2/enp1s0f1np1 (spark-2/1), but spark-mesh:cables[0] declares spark-1/0-spark-2/0; correct the declaration, or move the plug",
    );
  });
});

describe("plugs swapped between two switches", () => {
  const was = onSwitch(3, [0, 1], twoSwitches);
  const swapped = was.replace("1/0-switch-a 1/1-switch-b", "1/0-switch-b 1/1-switch-a");
  const config = cluster({}, 3);

  it("are a change of the plan that names both switches", () => {
    const plan = planMesh(config, recabled(config, was, swapped));
    expect(cableNames(plan)).toEqual([
      "spark-1/1-switch-a",
      "spark-2/0-switch-a",
      "spark-3/0-switch-a",
      "spark-1/0-switch-b",
      "spark-2/1-switch-b",
      "spark-3/1-switch-b",
    ]);
    expect(plan.warnings).toEqual([moved("1", 0, "switch-b", "switch-a"), moved("1", 1, "switch-a", "switch-b")]);
  });

  it("can't be told apart where there are two hosts, and are left as recorded", () => {
    const pair = was.split(" ").slice(0, 4).join(" ");
    const plan = planMesh(
      two,
      recabled(two, pair, pair.replace("1/0-switch-a 1/1-switch-b", "1/0-switch-b 1/1-switch-a")),
    );
    expect(evidence(plan).map(([, how]) => how)).toEqual(["recorded", "recorded", "recorded", "recorded"]);
    expect(plan.warnings).toHaveLength(8);
    expect(plan.warnings[0]).toMatch(
      /^spark-1: enp1s0f0np0 sees .* recorded is the cable spark-1\/0-switch-a; the record stands/,
    );
  });

  it("are faults where the cables are declared", () => {
    const cables = cluster({ cables: declared(was) }, 3);
    expect(faults(recabled(cables, was, swapped), cables)[0]).toMatch(
      /^spark-1: enp1s0f0np0 sees spark-2\/.* but spark-mesh:cables\[0\] declares spark-1\/0-switch-a/,
    );
  });
});
