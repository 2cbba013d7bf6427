import { describe, expect, it } from "vitest";
import type { Probe } from "../../../facts/hostFacts";
import { planMesh } from "../../../plan/planMesh";
import { change, changeNetdev, cluster, faults, freshProbes, netdevName, silenced } from "../hosts";
import { cableNames, evidence, expectQuiet, octets } from "../shown";

const OFFER = "; or have these cables alone be the mesh: spark-mesh:cables: [ { from: spark-1/0, to: spark-2/0 } ]";

describe("two hosts, port to port", () => {
  const pair = (wiring: string, config = cluster({}, 2)) => planMesh(config, freshProbes(wiring, 2));

  it.each(["1/0-2/0", "1/0-2/1", "1/1-2/0", "1/1-2/1"])(
    "are direct by one cable, straight or crossed: %s",
    (wiring) => {
      const plan = pair(wiring);
      const [a = "", b = ""] = wiring.split("-");
      expect(plan.topology).toBe("direct");
      expect(cableNames(plan)).toEqual([`spark-${a}-spark-${b}`]);
      expect(octets(plan)).toEqual(["177,178"]);
      expect(plan.hosts.map(({ netdevs }) => netdevs.map(({ address }) => address))).toEqual([
        ["192.168.177.11/24", "192.168.178.11/24"],
        ["192.168.177.12/24", "192.168.178.12/24"],
      ]);
      expectQuiet(cluster({}, 2), plan, freshProbes(wiring, 2));
    },
  );

  it.each(["1/0-2/0 1/1-2/1", "1/0-2/1 1/1-2/0"])("are direct by two cables: %s", (wiring) => {
    const plan = pair(wiring);
    expect(plan.topology).toBe("direct");
    expect(octets(plan)).toEqual(["177,178", "253,254"]);
    expectQuiet(cluster({ topology: "direct" }, 2), plan, freshProbes(wiring, 2));
  });

  it("are no less direct where a netdev lists itself among its neighbours", () => {
    const probes = [...freshProbes("1/0-2/0", 2).keys()].reduce(
      (all, name) =>
        change(all, name, (facts) => ({
          ...facts,
          cx7: facts.cx7.map((netdev) => ({
            ...netdev,
            neighbours: [...netdev.neighbours, { mac: netdev.mac, address: "fe80::1" }],
          })),
        })),
      freshProbes("1/0-2/0", 2),
    );
    expect(planMesh(cluster({}, 2), probes).topology).toBe("direct");
  });

  it("need neither the other port nor its netdevs", () => {
    let probes = freshProbes("1/1-2/0", 2);
    probes = change(probes, "spark-1", (facts) => ({ ...facts, cx7: facts.cx7.filter(({ port }) => port === 1) }));
    probes = change(probes, "spark-2", (facts) => ({ ...facts, cx7: facts.cx7.filter(({ port }) => port === 0) }));
    expect(cableNames(planMesh(cluster({}, 2), probes))).toEqual(["spark-1/1-spark-2/0"]);
    const none = change(silenced(probes), "spark-2", (facts) => ({ ...facts, cx7: [] }));
    expect(faults(none, cluster({}, 2))).toEqual([
      "spark-1: no cable is seen between spark-1 and spark-2; plug one in, or name it under spark-mesh:cables if it is there",
      "spark-2: no CX7 netdev; direct topology requires 1 physical port (2 interfaces); without a cable the NIC leaves PCI: check that its cable is plugged in, then reboot with it in",
    ]);
  });

  it("are warned of a second port that is down, and told of it where it is needed", () => {
    const down = [0, 1].reduce(
      (probes, twin) =>
        changeNetdev(probes, "spark-1", netdevName(1, twin === 0 ? 0 : 1), (netdev) => ({ ...netdev, up: false })),
      freshProbes("1/0-2/0", 2),
    );
    const said = ["enp1s0f1np1", "enP2p1s0f1np1"].map(
      (name) =>
        `spark-1: ${name} is down, so its cable can't be discovered; declare the cables under spark-mesh:cables, or bring it up (ip link set ${name} up)`,
    );
    const plan = planMesh(cluster({}, 2), down);
    expect(cableNames(plan)).toEqual(["spark-1/0-spark-2/0"]);
    expect(plan.warnings).toEqual(said);
    expect(faults(silenced(down), cluster({}, 2))).toEqual(said);
  });

  it("are told of a host cabled to itself, and of the missing cable", () => {
    expect(faults(freshProbes("1/0-1/1", 2), cluster({}, 2))).toEqual([
      "spark-1: its two ports are cabled to each other (spark-1/0-spark-1/1); a pair joins the one host to the other",
      "spark-1: no cable is seen between spark-1 and spark-2; plug one in, or name it under spark-mesh:cables if it is there",
    ]);
  });

  it("are told of a switch beside the cable", () => {
    expect(faults(freshProbes("1/0-2/0 1/1-switch-a 2/1-switch-a", 2), cluster({}, 2))).toEqual(
      [1, 2].map(
        (host) =>
          `spark-${host}: enp1s0f1np1, enP2p1s0f1np1 sees its port's other rail: a switch is in the path; a pair needs a cable from port to port, without a switch; if none is, declare spark-mesh:cables${host === 2 ? OFFER : ""}`,
      ),
    );
  });

  it("are assumed to be cabled where one can't be asked, on the port that has a carrier", () => {
    const gone: Probe = { kind: "unreachable", reason: "no route to host" };
    const plan = planMesh(cluster({}, 2), freshProbes("1/1-2/1", 2).set("spark-2", gone));
    expect(cableNames(plan)).toEqual(["spark-1/1-spark-2/0"]);
    expect(evidence(plan)).toEqual([["spark-1/1-spark-2/0", "assumed"]]);
    expect(plan.blockers[0]).toMatch(/^spark-2: unreachable .* assumed/);
    expect(cableNames(planMesh(cluster({}, 2), new Map()))).toEqual(["spark-1/0-spark-2/1"]);
  });
});
