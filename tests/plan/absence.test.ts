import { describe, expect, it } from "vitest";
import type { Probe } from "../../facts/hostFacts";
import { planMesh } from "../../plan/planMesh";
import { change, changeNetdev, changeRecord, cluster, factsIn, freshProbes, settledProbes, silenced } from "./hosts";
import { hostIn, states } from "./shown";

const fresh = freshProbes();
const first = planMesh(cluster(), fresh);
const settled = settledProbes(first, fresh);

describe("hosts that don't answer", () => {
  const gone: Probe = { kind: "unreachable", reason: "no route to host" };

  it("plans an unreachable host from a record, with a warning and no claim of drift", () => {
    const plan = planMesh(cluster(), new Map(settled).set("spark-3", gone));
    expect(states(plan)).toEqual(["settled", "settled", "unknown"]);
    expect(plan.mesh).toEqual(first.mesh);
    expect(plan.warnings).toEqual([
      "spark-3: unreachable (no route to host); drift not checked; check its power or its address",
    ]);
    expect(plan.blockers).toEqual([]);
  });

  it("blocks `up` when a change needs it", () => {
    const broken = changeNetdev(settled, "spark-1", "enp1s0f0np0", (netdev) => ({ ...netdev, mtu: 1500 }));
    const plan = planMesh(cluster(), broken.set("spark-3", gone));
    expect(plan.blockers).toEqual([
      "spark-3: unreachable (no route to host), and the change needs it to verify its cables; bring it up, or name it under spark-mesh:abandon",
    ]);
  });

  it("assumes the cables of a host that nobody has a record of, and blocks `up`", () => {
    const plan = planMesh(cluster(), new Map(fresh).set("spark-3", gone));
    expect(plan.cables.map(({ name, evidence }) => [name, evidence])).toEqual([
      ["spark-1/0-spark-2/1", "discovered"],
      ["spark-1/1-spark-3/0", "assumed"],
      ["spark-2/0-spark-3/1", "assumed"],
    ]);
    expect(plan.blockers).toHaveLength(1);
    expect(plan.blockers[0]).toMatch(/^spark-3: unreachable .* assumed/);
    const backward = planMesh(cluster(), freshProbes("1/1-2/0 2/1-3/0 3/1-1/0").set("spark-3", gone));
    expect(backward.cables.map(({ name }) => name)).toContain("spark-2/1-spark-3/0");
    const nobody = planMesh(cluster(), new Map());
    expect(nobody.cables.map(({ name }) => name)).toEqual(first.cables.map(({ name }) => name));
    expect(nobody.blockers).toHaveLength(3);
  });

  it("names an unreachable host's netdevs as recorded", () => {
    const named = change(fresh, "spark-3", (facts) => ({
      ...facts,
      cx7: facts.cx7.map((netdev) => ({ ...netdev, name: netdev.name.replace("enp1s0", "enp9s0") })),
    }));
    const committed = planMesh(cluster(), named);
    const plan = planMesh(cluster(), settledProbes(committed, named).set("spark-3", gone));
    expect(plan.mesh).toEqual(committed.mesh);
    expect(hostIn(plan, "spark-3").netdevs.map(({ roceDevice }) => roceDevice)).toContain("rocep9s0f1");
  });

  it("does not blame the cables of a host that is off or abandoned", () => {
    const dark = (probes: Map<string, Probe>) =>
      changeNetdev(probes, "spark-1", "enp1s0f1np1", (netdev) => ({ ...netdev, carrier: false, neighbours: [] }));
    expect(planMesh(cluster({ abandon: ["spark-3"] }), dark(settled)).warnings).toEqual([]);
    const plan = planMesh(cluster(), dark(fresh).set("spark-3", gone));
    expect(plan.warnings[0]).toMatch(/^spark-1: port 1 to spark-3: enp1s0f1np1 no carrier/);
  });

  it("takes the newest record of all that answer", () => {
    const newer = planMesh(cluster(), freshProbes("1/1-2/0 2/1-3/0 3/1-1/0"));
    const probes = changeRecord(silenced(settled), "spark-2", (record) => ({
      ...record,
      transaction: "20261201T000000-aaaaaaaa",
      mesh: newer.mesh,
    })).set("spark-3", gone);
    expect(planMesh(cluster(), probes).cables.map(({ name }) => name)).toEqual(newer.cables.map(({ name }) => name));
  });

  it("keeps an abandoned host as recorded, and needs no probe of it", () => {
    const wish = cluster({
      abandon: ["spark-3"],
      network: { ...cluster().network, mtu: 4200, netplanFile: "/etc/netplan/50-mesh.yaml" },
    });
    const probes = new Map(settled);
    probes.delete("spark-3");
    const plan = planMesh(wish, probes);
    expect(states(plan)).toEqual(["due", "due", "abandoned"]);
    expect(hostIn(plan, "spark-3")).toMatchObject({
      netplanText: hostIn(first, "spark-3").netplanText,
      netplanFile: "/etc/netplan/40-cx7.yaml",
      note: "",
    });
    expect([...plan.warnings, ...plan.blockers]).toEqual([]);
  });

  it("assumes the cables of an abandoned host that nobody has a record of, fewer ports on the others included", () => {
    // As a destroy leaves them that cleaned all hosts but a dead one.
    const probes = new Map<string, Probe>(
      ["spark-1", "spark-2"].map((name) => {
        const facts = factsIn(fresh, name);
        const facing = name === "spark-1" ? 0 : 1;
        return [name, { kind: "facts", facts: { ...facts, cx7: facts.cx7.filter(({ port }) => port === facing) } }];
      }),
    );
    const plan = planMesh(cluster({ abandon: ["spark-3"] }), probes);
    expect(states(plan)).toEqual(["due", "due", "abandoned"]);
    expect(plan.blockers).toEqual([]);
    expect(plan.warnings).toEqual([
      "spark-3: abandoned, and no reachable host's record knows it, so its cables are assumed; take it out of spark-mesh:hosts when the stack has nothing of it",
    ]);
  });
});

describe("a first change that was cut short", () => {
  const armed = {
    version: 1 as const,
    transaction: "20261102T000000-bbbbbbbb",
    stack: "s",
    operator: "o",
    until: 5,
    mesh: first.mesh,
  };

  it("takes the wiring from what is armed, since our own file ends its discovery", () => {
    const probes = [...fresh.keys()].reduce(
      (all, name) => change(all, name, (facts) => ({ ...facts, armed: { ...armed, host: name } })),
      silenced(fresh),
    );
    const plan = planMesh(cluster(), probes);
    expect(plan.cables.map(({ name }) => name)).toEqual(first.cables.map(({ name }) => name));
    expect(states(plan)).toEqual(["due", "due", "due"]);
  });
});

describe("cables that moved", () => {
  const heard = (probes: Map<string, Probe>, wiring: string, names: readonly string[]) => {
    let result = probes;
    for (const name of names) {
      const other = factsIn(freshProbes(wiring), name);
      result = change(result, name, (facts) => ({
        ...facts,
        cx7: facts.cx7.map((netdev, index) => ({ ...netdev, neighbours: other.cx7[index]?.neighbours ?? [] })),
      }));
    }
    return result;
  };
  const backward = "1/1-2/0 2/1-3/0 3/1-1/0";

  it("follows them when both ends say so, and says it", () => {
    const plan = planMesh(cluster(), heard(settled, backward, ["spark-1", "spark-2", "spark-3"]));
    expect(plan.cables.map(({ name }) => name)).toEqual([
      "spark-1/1-spark-2/0",
      "spark-1/0-spark-3/1",
      "spark-2/1-spark-3/0",
    ]);
    const said = (host: string, port: number, now: string, was: string, otherWas: string, cable: string) =>
      `${host}: port ${port} is cabled to ${now} now (seen from both ends), was ${was}, and ${now} was cabled to ${otherWas}; the cable ${cable} is planned instead`;
    expect(plan.warnings).toEqual([
      said("spark-1", 0, "spark-3/1", "spark-2/1", "spark-2/0", "spark-1/0-spark-3/1"),
      said("spark-1", 1, "spark-2/0", "spark-3/0", "spark-3/1", "spark-1/1-spark-2/0"),
      said("spark-2", 1, "spark-3/0", "spark-1/0", "spark-1/1", "spark-2/1-spark-3/0"),
    ]);
    expect(states(plan)).toEqual(["due", "due", "due"]);
  });

  it("stays with the record when one end alone says so, and says that", () => {
    const plan = planMesh(cluster(), heard(settled, backward, ["spark-1"]));
    expect(plan.mesh).toEqual(first.mesh);
    expect(plan.warnings[0]).toBe(
      "spark-1: enp1s0f0np0 sees spark-3/enp1s0f1np1 (spark-3/1), recorded is the cable spark-1/0-spark-2/1; the record stands until both ends see the same; check that cable, or declare spark-mesh:cables",
    );
  });
});

describe("warnings", () => {
  it("names differing kernels and drivers, and management over Wi-Fi", () => {
    const probes = change(
      change(settled, "spark-2", (facts) => ({ ...facts, kernel: "6.17.0", driver: "580.95" })),
      "spark-3",
      (facts) => ({ ...facts, managementInterface: "wlP9s9" }),
    );
    const plan = planMesh(cluster(), probes);
    expect(plan.warnings).toEqual([
      "spark-2: kernel 6.17.0 differs from spark-1's 6.14.0-1015-nvidia; bring all hosts to the same version",
      "spark-2: driver 580.95 differs from spark-1's 580.142; bring all hosts to the same version",
      "spark-3: management goes over Wi-Fi (wlP9s9); NCCL's bootstrap works badly there; use the wired port",
    ]);
    expect(states(plan)).toEqual(["settled", "settled", "settled"]);
  });

  it("says a pulled cable, which nothing of ours repairs, and blocks a change that must verify it", () => {
    for (const absent of [true, false]) {
      const probes = change(settled, "spark-1", (facts) => ({
        ...facts,
        cx7: absent
          ? facts.cx7.filter(({ port }) => port === 1)
          : facts.cx7.map((netdev) => (netdev.port === 0 ? { ...netdev, carrier: false } : netdev)),
      }));
      const plan = planMesh(cluster(), probes);
      expect(states(plan)).toEqual(["settled", "settled", "settled"]);
      const found = absent ? "absent" : "no carrier";
      expect(plan.warnings).toEqual([
        `spark-1: port 0 to spark-2: enp1s0f0np0 ${found}, enP2p1s0f0np0 ${found}: the cable carries nothing; check that it is plugged in at both ends, then reboot spark-1 with it in`,
      ]);
      expect(plan.blockers).toEqual([]);
      const wish = cluster({ network: { ...cluster().network, mtu: 4200 } });
      expect(planMesh(wish, probes).blockers).toEqual(plan.warnings);
    }
  });

  it("does not blame the cable where the peer's link is down", () => {
    let probes = changeNetdev(settled, "spark-1", "enp1s0f0np0", (netdev) => ({ ...netdev, carrier: false }));
    probes = changeNetdev(probes, "spark-2", "enp1s0f1np1", (netdev) => ({ ...netdev, up: false, carrier: false }));
    const plan = planMesh(cluster(), probes);
    expect([...plan.warnings, ...plan.blockers]).toEqual([]);
    expect(states(plan)).toEqual(["settled", "due", "settled"]);
  });
});
