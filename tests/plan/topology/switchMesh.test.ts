import { describe, expect, it } from "vitest";
import type { CableConfig } from "../../../config/cluster";
import type { Probe } from "../../../facts/hostFacts";
import type { Plan } from "../../../plan/plan";
import { planMesh } from "../../../plan/planMesh";
import {
  change,
  changeNetdev,
  cluster,
  declared,
  factsIn,
  faults,
  freshProbes,
  macOf,
  netdevName,
  onSwitch,
  settledProbes,
  silenced,
} from "../hosts";
import { cableNames, expectQuiet, hostIn, octets, states, twoSwitches } from "../shown";

/** Whom a netdev of spark-1 faces. */
const faced = (plan: Plan, name: string) =>
  hostIn(plan, "spark-1")
    .netdevs.filter(({ netdev }) => netdev === name)
    .flatMap(({ peers }) => peers.map(({ host, netdev }) => `${host}/${netdev}`));

describe("hosts on a switch", () => {
  it.each([2, 3, 4, 8])("%i of them share one pair of subnets, and each faces every other", (count) => {
    const config = cluster({}, count);
    const probes = freshProbes(onSwitch(count), count);
    const plan = planMesh(config, probes);
    expect([plan.topology, plan.mesh.topology]).toEqual(["switch", "switch"]);
    expect(cableNames(plan)).toEqual(plan.hosts.map(({ name }) => `${name}/0-switch-a`));
    expect(new Set(octets(plan))).toEqual(new Set(["177,178"]));
    for (const { name, number, netdevs } of plan.hosts) {
      expect(netdevs.map(({ address }) => address)).toEqual([
        `192.168.177.${10 + number}/24`,
        `192.168.178.${10 + number}/24`,
      ]);
      const others = plan.hosts.filter((host) => host.name !== name);
      for (const { peers, twin } of netdevs) {
        expect(peers).toEqual(
          others.map((other) => ({
            host: other.name,
            netdev: netdevName(0, twin),
            address: `192.168.${177 + twin}.${10 + other.number}`,
            mac: macOf(other.number, 0, twin),
          })),
        );
      }
    }
    expectQuiet(config, plan, probes);
  });

  it("have two pairs of subnets with both ports on it", () => {
    const probes = freshProbes(onSwitch(3, [0, 1]), 3);
    const plan = planMesh(cluster({}, 3), probes);
    expect(plan.topology).toBe("switch");
    expect(octets(plan)).toEqual(["177,178", "187,188", "177,178", "187,188", "177,178", "187,188"]);
    expect(faced(plan, netdevName(1, 1))).toEqual([2, 3].map((host) => `spark-${host}/${netdevName(1, 1)}`));
    expectQuiet(cluster({ topology: "switch" }, 3), plan, probes);
  });

  it("have two pairs of subnets with a switch for each port", () => {
    const probes = freshProbes(onSwitch(2, [0, 1], twoSwitches), 2);
    const plan = planMesh(cluster({}, 2), probes);
    expect(cableNames(plan)).toEqual([
      "spark-1/0-switch-a",
      "spark-2/0-switch-a",
      "spark-1/1-switch-b",
      "spark-2/1-switch-b",
    ]);
    expect(octets(plan)).toEqual(["177,178", "177,178", "197,198", "197,198"]);
    expectQuiet(cluster({}, 2), plan, probes);
  });

  it("may use another port each", () => {
    const plan = planMesh(cluster({}, 2), freshProbes("1/0-switch-a 2/1-switch-a", 2));
    expect(faced(plan, netdevName(0, 1))).toEqual([`spark-2/${netdevName(1, 1)}`]);
  });

  it("are a pair where one of the two alone hears its port's other rail", () => {
    const own = factsIn(freshProbes("1/0-switch-a 2/0-switch-a", 2), "spark-1").cx7;
    const probes = change(freshProbes("1/0-2/0", 2), "spark-1", (facts) => ({ ...facts, cx7: own }));
    expect(planMesh(cluster({}, 2), probes).topology).toBe("direct");
  });

  it("are known by whom they hear, where no switch sends their own frames back", () => {
    const probes = [...freshProbes(onSwitch(3)).keys()].reduce(
      (all, name) =>
        change(all, name, (facts) => {
          const own = facts.cx7.map(({ mac }) => mac);
          const others = (netdev: (typeof facts.cx7)[number]) =>
            netdev.neighbours.filter(({ mac }) => !own.includes(mac));
          return { ...facts, cx7: facts.cx7.map((netdev) => ({ ...netdev, neighbours: others(netdev) })) };
        }),
      freshProbes(onSwitch(3)),
    );
    expect(cableNames(planMesh(cluster(), probes))).toEqual([1, 2, 3].map((host) => `spark-${host}/0-switch-a`));
  });

  it("may have somebody else's machine on it", () => {
    const probes = changeNetdev(freshProbes(onSwitch(2), 2), "spark-1", netdevName(0, 0), (netdev) => ({
      ...netdev,
      neighbours: [...netdev.neighbours, { mac: "aa:bb:cc:00:00:01", address: "fe80::9" }],
    }));
    expect(planMesh(cluster({}, 2), probes).topology).toBe("switch");
  });

  it("are named by a switch that no host is called", () => {
    const config = cluster({
      hosts: cluster({}, 2).hosts.map((host, index) => (index ? { ...host, name: "switch-a" } : host)),
    });
    const [first, second] = [...freshProbes(onSwitch(2), 2).values()];
    if (!first || !second) throw new Error("two hosts");
    expect(
      cableNames(
        planMesh(
          config,
          new Map([
            ["spark-1", first],
            ["switch-a", second],
          ]),
        ),
      ),
    ).toEqual(["spark-1/0-switch-b", "switch-a/0-switch-b"]);
  });

  it("are planned with the hosts that can't be asked, cabled like the others", () => {
    const gone: Probe = { kind: "unreachable", reason: "no route to host" };
    const plan = planMesh(cluster({}, 4), freshProbes(onSwitch(4, [1]), 4).set("spark-3", gone));
    expect(cableNames(plan)).toContain("spark-3/1-switch-a");
    expect(plan.blockers).toHaveLength(1);
    expect(cableNames(planMesh(cluster({}, 4), new Map()))).toEqual(
      [1, 2, 3, 4].map((host) => `spark-${host}/0-switch-a`),
    );
  });

  it.each<[string, string, number, readonly string[]]>([
    [
      "a host without a cable",
      onSwitch(3),
      4,
      [
        "spark-4: no cable is seen between spark-4 and switch-a; plug one in, or name it under spark-mesh:cables if it is there",
      ],
    ],
    [
      "a host on another switch",
      `${onSwitch(3)} 4/1-switch-b`,
      4,
      [
        "spark-4: port 1 is cabled to switch-b (cable spark-4/1-switch-b), but the hosts meet at switch-a; move that plug to switch-a, or cable every host to switch-b too",
      ],
    ],
    [
      "a cable from port to port",
      `${onSwitch(4)} 2/1-3/1`,
      4,
      [
        "spark-2: port 1 is cabled to spark-3/1 (cable spark-2/1-spark-3/1), but the hosts meet at switch-a; plug both its ends into switch-a, or take it out; or have these cables alone be the mesh: spark-mesh:cables: [ { from: spark-1/0, to: switch-a }, { from: spark-2/0, to: switch-a }, { from: spark-3/0, to: switch-a }, { from: spark-4/0, to: switch-a } ]",
      ],
    ],
    [
      "a host cabled to itself",
      `${onSwitch(4)} 5/0-5/1`,
      5,
      ["spark-5: its two ports are cabled to each other (spark-5/0-spark-5/1); on a switch every cable leads to it"],
    ],
    [
      "a second cable that is missing",
      onSwitch(3, [0, 1]).replace(" 2/1-switch-a", ""),
      3,
      [
        "spark-2: one cable is seen to switch-a (spark-2/0-switch-a), most hosts have two; plug in its other port too, or take out the second one of every host",
      ],
    ],
    [
      "a second cable too many",
      `${onSwitch(3)} 2/1-switch-a`,
      3,
      [
        "spark-2: two cables are seen to switch-a (spark-2/0-switch-a, spark-2/1-switch-a), most hosts have one; take one out, or plug in the second one of every host",
      ],
    ],
    [
      "a cable to the second switch that is missing",
      onSwitch(3, [0, 1], twoSwitches).replace(" 3/1-switch-b", ""),
      3,
      [
        "spark-3: no cable is seen between spark-3 and switch-b; plug one in, or name it under spark-mesh:cables if it is there; or have these cables alone be the mesh: spark-mesh:cables: [ { from: spark-1/0, to: switch-a }, { from: spark-2/0, to: switch-a }, { from: spark-3/0, to: switch-a } ]",
      ],
    ],
    [
      "both cables on one of two switches",
      onSwitch(3, [0, 1], twoSwitches).replace("3/1-switch-b", "3/1-switch-a"),
      3,
      [
        "spark-3: two cables are seen to switch-a (spark-3/0-switch-a, spark-3/1-switch-a), most hosts have one; take one out, or plug in the second one of every host",
        "spark-3: both its cables lead to switch-a (spark-3/0-switch-a, spark-3/1-switch-a), none to switch-b, where the others are; move one of them",
      ],
    ],
    [
      "nothing at all",
      "",
      4,
      [1, 2, 3, 4].map(
        (host) =>
          `spark-${host}: no cable is seen between spark-${host} and a switch; plug one in, or name it under spark-mesh:cables if it is there`,
      ),
    ],
  ])("are told of %s", (_, wiring, count, lines) => {
    expect(faults(freshProbes(wiring, count), cluster({}, count))).toEqual(lines);
  });

  it("are told of a dead twin, and of a declared port that carries nothing", () => {
    const dark = changeNetdev(freshProbes(onSwitch(3), 3), "spark-2", netdevName(0, 1), (netdev) => ({
      ...netdev,
      carrier: false,
      neighbours: [],
    }));
    expect(faults(dark)).toEqual([
      expect.stringMatching(
        /^spark-2: enP2p1s0f0np0 has no carrier while the other rail enp1s0f0np0 sees .*: one rail of the cable spark-2\/0-switch-a is dead/,
      ),
    ]);
    expect(faults(dark, cluster({ cables: declared(onSwitch(3)) }))).toEqual([
      "spark-2: port 0 to switch-a: enP2p1s0f0np0 no carrier: one rail of the cable is dead; check that it is plugged in at both ends, then reboot spark-2 with it in",
    ]);
  });

  it("are told of a second port that is down where the others have a second cable", () => {
    const down = [0, 1].reduce(
      (probes, twin) =>
        changeNetdev(probes, "spark-2", netdevName(1, twin === 0 ? 0 : 1), (netdev) => ({ ...netdev, up: false })),
      freshProbes(onSwitch(3, [0, 1]).replace(" 2/1-switch-a", "")),
    );
    expect(faults(down)).toEqual([
      expect.stringMatching(/^spark-2: enp1s0f1np1 is down, so its cable can't be discovered/),
      expect.stringMatching(/^spark-2: enP2p1s0f1np1 is down/),
      expect.stringMatching(/^spark-2: one cable is seen to switch-a .*; plug in its other/),
    ]);
  });

  it("lose a cable with a warning that names the switch", () => {
    const config = cluster({}, 4);
    const fresh = freshProbes(onSwitch(4), 4);
    const settled = settledProbes(planMesh(config, fresh), fresh);
    const plan = planMesh(
      config,
      change(silenced(settled), "spark-4", (facts) => ({
        ...facts,
        cx7: facts.cx7.map((netdev) => ({ ...netdev, carrier: false })),
      })),
    );
    expect(states(plan)).toEqual(["settled", "settled", "settled", "settled"]);
    expect(plan.warnings).toEqual([
      "spark-4: port 0 to switch-a: enp1s0f0np0 no carrier, enP2p1s0f0np0 no carrier: the cable carries nothing; check that it is plugged in at both ends, then reboot spark-4 with it in",
    ]);
  });
});

describe("declared switch cables", () => {
  it("are taken by their names, on a first visit in silence too", () => {
    const wiring = "1/0-rack-1 2/1-rack-1 3/0-rack-1";
    const plan = planMesh(cluster({ cables: declared(wiring) }), silenced(freshProbes(wiring)));
    expect(cableNames(plan)).toEqual(["spark-1/0-rack-1", "spark-2/1-rack-1", "spark-3/0-rack-1"]);
    expect(plan.cables.every((cable) => cable.evidence === "declared")).toBe(true);
  });

  it("are checked against what is heard", () => {
    const lines = faults(
      freshProbes("1/0-switch-a 2/1-switch-a 3/0-switch-a"),
      cluster({ cables: declared(onSwitch(3)) }),
    );
    expect(lines).toContain(
      "spark-1: enp1s0f0np0 sees spark-2/enP2p1s0f1np1 (spark-2/1), spark-3/enP2p1s0f0np0 (spark-3/0), but spark-mesh:cables[0] declares spark-1/0-switch-a; correct the declaration, or move the plug",
    );
  });

  it("carry their subnets and addresses into the plan", () => {
    const cables: CableConfig[] = declared(onSwitch(2)).map((cable) => ({
      ...cable,
      subnets: ["10.7.0.0/28", "10.7.0.16/28"],
      ...(cable.from.host === "spark-2" && { addresses: { "spark-2": ["10.7.0.9", "10.7.0.25"] } }),
    }));
    const plan = planMesh(cluster({ cables }, 2), freshProbes(onSwitch(2), 2));
    expect(plan.cables.map(({ addresses }) => addresses)).toEqual([
      { "spark-1": ["10.7.0.1/28", "10.7.0.17/28"] },
      { "spark-2": ["10.7.0.9/28", "10.7.0.25/28"] },
    ]);
    expect(plan.hosts[0]?.netdevs[1]?.peers).toEqual([
      { host: "spark-2", netdev: netdevName(0, 1), address: "10.7.0.25", mac: macOf(2, 0, 1) },
    ]);
  });
});
