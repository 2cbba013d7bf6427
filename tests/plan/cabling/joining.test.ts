import { describe, expect, it } from "vitest";
import { planMesh } from "../../../plan/planMesh";
import {
  change,
  changeNetdev,
  cluster,
  faults,
  freshProbes,
  macOf,
  netdevName,
  onSwitch,
  settledProbes,
} from "../hosts";
import { addressesOf, cableNames, evidence, twoSwitches } from "../shown";

describe("a mesh that changes its size", () => {
  const grown = (before: number, after: number, wiring: string) => {
    const fresh = freshProbes(wiring, after);
    const small = new Map([...fresh].slice(0, before));
    const first = planMesh(cluster({}, before), small);
    return { first, fresh, settled: settledProbes(first, small) };
  };

  it("takes a host in at the recorded switch that hears it", () => {
    const { first, fresh, settled } = grown(3, 4, onSwitch(4));
    const probes = changeNetdev(
      new Map([...settled, ...[...fresh].slice(3)]),
      "spark-1",
      netdevName(0, 0),
      (netdev) => ({ ...netdev, neighbours: [...netdev.neighbours, { mac: macOf(4, 0, 0), address: "10.7.7.7" }] }),
    );
    const plan = planMesh(cluster({}, 4), probes);
    expect(evidence(plan)).toEqual([
      ["spark-1/0-switch-a", "recorded"],
      ["spark-2/0-switch-a", "recorded"],
      ["spark-3/0-switch-a", "recorded"],
      ["spark-4/0-switch-a", "discovered"],
    ]);
    expect(plan.warnings).toEqual([]);
    for (const { name } of first.hosts) expect(addressesOf(plan, name)).toEqual(addressesOf(first, name));
  });

  it("takes a host in that hears itself alone, since recorded hosts answer no multicast", () => {
    const { fresh, settled } = grown(3, 4, onSwitch(4, [0, 1], twoSwitches));
    const alone = change(new Map([...settled, ...[...fresh].slice(3)]), "spark-4", (facts) => ({
      ...facts,
      cx7: facts.cx7.map((netdev) => ({
        ...netdev,
        neighbours: netdev.neighbours.filter(({ mac }) => facts.cx7.some((own) => own.mac === mac)),
      })),
    }));
    const plan = planMesh(cluster({}, 4), alone);
    expect(cableNames(plan)).toEqual(expect.arrayContaining(["spark-4/0-switch-a", "spark-4/1-switch-b"]));
    expect(plan.warnings).toEqual(
      [
        "spark-4/0 is behind a switch whose recorded hosts can't be heard; taken for switch-a",
        "spark-4/1 is behind a switch whose recorded hosts can't be heard; taken for switch-b",
      ].map((text) => `spark-4: ${text}, and verified by \`up\`; declare spark-mesh:cables if it is another`),
    );
  });

  it("says of a port that hears two recorded switches that it can't tell", () => {
    const { fresh, settled } = grown(3, 4, onSwitch(4, [0, 1], twoSwitches));
    const both = change(new Map([...settled, ...[...fresh].slice(3)]), "spark-4", (facts) => ({
      ...facts,
      cx7: facts.cx7.map((netdev) => ({ ...netdev, neighbours: facts.cx7.flatMap(({ neighbours }) => neighbours) })),
    }));
    expect(faults(both, cluster({}, 4))).toContain(
      "spark-4: port 0 hears hosts on switch-a and on switch-b, which are recorded as switches apart; declare spark-mesh:cables",
    );
  });

  it("goes on without a host that is taken out", () => {
    const { first, settled } = grown(4, 4, onSwitch(4));
    const plan = planMesh(cluster({}, 3), new Map([...settled].slice(0, 3)));
    expect(cableNames(plan)).toEqual(["spark-1/0-switch-a", "spark-2/0-switch-a", "spark-3/0-switch-a"]);
    for (const { name, netplanText } of plan.hosts) {
      expect(netplanText).toBe(first.hosts.find((host) => host.name === name)?.netplanText);
    }
  });
});
