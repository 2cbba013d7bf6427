import { describe, expect, it } from "vitest";
import type { ClusterConfig } from "../../config/cluster";
import type { Probe } from "../../facts/hostFacts";
import { planMesh } from "../../plan/planMesh";
import { baseFile, change, changeNetdev, cluster, factsIn, freshProbes, settledProbes, silenced } from "./hosts";
import { hostIn, states } from "./shown";

const fresh = freshProbes();
const first = planMesh(cluster(), fresh);
const settled = settledProbes(first, fresh);

describe("a fresh ring of three", () => {
  it("finds the article's cables and subnets", () => {
    expect(first.topology).toBe("ring");
    expect(first.cables.map(({ name, subnets, evidence }) => [name, ...subnets, evidence])).toEqual([
      ["spark-1/0-spark-2/1", "192.168.177.0/24", "192.168.178.0/24", "discovered"],
      ["spark-1/1-spark-3/0", "192.168.187.0/24", "192.168.188.0/24", "discovered"],
      ["spark-2/0-spark-3/1", "192.168.197.0/24", "192.168.198.0/24", "discovered"],
    ]);
  });

  it("is due everywhere, without drift, warnings or blockers", () => {
    expect(states(first)).toEqual(["due", "due", "due"]);
    expect(first.hosts.flatMap(({ differences }) => differences)).toEqual([]);
    expect(first.warnings).toEqual([]);
    expect(first.blockers).toEqual([]);
    expect(hostIn(first, "spark-1").note).toMatch(/^first visit, files=[0-9a-f]{12}$/);
  });

  it("names every netdev's peer, both ways", () => {
    expect(hostIn(first, "spark-2").netdevs[2]).toEqual({
      netdev: "enp1s0f1np1",
      port: 1,
      twin: 0,
      address: "192.168.177.12/24",
      mtu: 9000,
      roceDevice: "rocep1s0f1",
      peers: [{ host: "spark-1", netdev: "enp1s0f0np0", address: "192.168.177.11", mac: "02:00:00:00:01:00" }],
    });
    expect(hostIn(first, "spark-1").managementAddress).toBe("10.0.0.11");
  });

  it("finds a ring that runs the other way round", () => {
    const plan = planMesh(cluster(), freshProbes("1/1-2/0 2/1-3/0 3/1-1/0"));
    expect(plan.cables.map(({ name }) => name)).toEqual([
      "spark-1/1-spark-2/0",
      "spark-1/0-spark-3/1",
      "spark-2/1-spark-3/0",
    ]);
  });

  it("does not depend on the order of the probes, netdevs, neighbours or files", () => {
    const turned = new Map(
      [...fresh]
        .reverse()
        .map(([name, probe]): [string, Probe] => [
          name,
          probe.kind === "facts"
            ? { kind: "facts", facts: { ...probe.facts, cx7: [...probe.facts.cx7].reverse() } }
            : probe,
        ]),
    );
    expect(planMesh(cluster(), turned)).toEqual(first);
  });

  it("hears both of a peer's twins on one netdev without calling it a switch", () => {
    let probes = fresh;
    for (const name of ["enp1s0f0np0", "enP2p1s0f0np0"]) {
      const own = factsIn(fresh, "spark-1").cx7.map(({ mac }) => ({ mac, address: "fe80::1" }));
      const twins = factsIn(fresh, "spark-1")
        .cx7.filter(({ port }) => port === 0)
        .flatMap(({ neighbours }) => neighbours);
      probes = changeNetdev(probes, "spark-1", name, (netdev) => ({
        ...netdev,
        neighbours: [...own.slice(0, 2), ...twins],
      }));
    }
    expect(planMesh(cluster(), probes)).toEqual(first);
  });
});

describe("a settled ring", () => {
  const plan = planMesh(cluster(), settled);

  it("has nothing to do", () => {
    expect(states(plan)).toEqual(["settled", "settled", "settled"]);
    expect(plan.hosts.flatMap(({ differences, note }) => [...differences, note].filter(Boolean))).toEqual([]);
    expect([...plan.warnings, ...plan.blockers]).toEqual([]);
  });

  it("keeps the wish of the first visit, with the cables as recorded", () => {
    expect(plan.mesh).toEqual(first.mesh);
    expect(plan.hosts.map(({ digest }) => digest)).toEqual(first.hosts.map(({ digest }) => digest));
    expect(plan.cables.map(({ evidence }) => evidence)).toEqual(["recorded", "recorded", "recorded"]);
    expect(hostIn(plan, "spark-1").committedPayload).toBe("H4sIpayload");
  });

  it("stays a ring when nobody hears anybody, as after a reboot", () => {
    const probes = silenced(settled);
    expect(planMesh(cluster(), probes)).toMatchObject({ cables: plan.cables, warnings: [] });
    expect(states(planMesh(cluster(), probes))).toEqual(["settled", "settled", "settled"]);
  });

  it("has digests that hang on the whole mesh", () => {
    const other = change(fresh, "spark-2", (facts) => ({ ...facts, netplanFiles: [baseFile("NetworkManager")] }));
    expect(hostIn(planMesh(cluster(), other), "spark-1").digest).not.toBe(hostIn(first, "spark-1").digest);
  });

  it("has digests that hang on no MAC", () => {
    const probes = change(fresh, "spark-1", (facts) => ({
      ...facts,
      cx7: facts.cx7.map((netdev) => ({ ...netdev, mac: netdev.mac.replace("02:00", "02:99") })),
    }));
    const known = settledProbes(first, fresh);
    const replaced = planMesh(
      cluster(),
      change(known, "spark-1", () => ({ ...factsIn(probes, "spark-1"), discovered: false })),
    );
    expect(replaced.hosts.map(({ digest }) => digest)).toEqual(first.hosts.map(({ digest }) => digest));
    expect(states(replaced)).toEqual(["due", "settled", "settled"]);
  });

  it("takes the renderer from the record where files were not read", () => {
    const networkManager = change(fresh, "spark-2", (facts) => ({
      ...facts,
      netplanFiles: [baseFile("NetworkManager")],
    }));
    const committed = planMesh(cluster(), networkManager);
    const again = planMesh(cluster(), settledProbes(committed, networkManager));
    expect(again.hosts.map(({ renderer }) => renderer)).toEqual(["networkd", "NetworkManager", "networkd"]);
    expect(states(again)).toEqual(["settled", "settled", "settled"]);
  });

  it("does not change with the rank order, and follows a renamed host by its record", () => {
    const { hosts } = cluster();
    const renamed: ClusterConfig = cluster({
      hosts: [...hosts].reverse().map((one) => (one.name === "spark-2" ? { ...one, name: "middle" } : one)),
    });
    const probes = new Map([...settled].map(([name, probe]) => [name === "spark-2" ? "middle" : name, probe]));
    const moved = planMesh(renamed, probes);
    expect(moved.cables.map(({ name, evidence }) => [name, evidence])).toEqual([
      ["spark-1/0-middle/1", "recorded"],
      ["spark-1/1-spark-3/0", "recorded"],
      ["middle/0-spark-3/1", "recorded"],
    ]);
    const turned = planMesh(cluster({ hosts: [...hosts].reverse() }), settled);
    expect(states(turned)).toEqual(["settled", "settled", "settled"]);
  });

  it("is due without drift when the wish changed", () => {
    const wish = cluster({ network: { ...cluster().network, mtu: 4200 } });
    const changed = planMesh(wish, settled);
    expect(states(changed)).toEqual(["due", "due", "due"]);
    expect(changed.hosts.flatMap(({ differences }) => differences)).toEqual([]);
    expect(hostIn(changed, "spark-3").note).toBe("the wish changed, last=20261101T100003-00000003");
  });

  it("tells drift from a changed wish", () => {
    const wish = cluster({ network: { ...cluster().network, mtu: 4200, firstSubnet: "192.168.100.0/24" } });
    const probes = changeNetdev(settled, "spark-1", "enp1s0f0np0", (netdev) => ({
      ...netdev,
      mtu: 1500,
      addresses: [],
    }));
    expect(planMesh(wish, probes).hosts.flatMap(({ differences }) => differences)).toEqual([
      { host: "spark-1", object: "enp1s0f0np0", property: "mtu", found: "1500", wanted: "4200" },
      { host: "spark-1", object: "enp1s0f0np0", property: "address", found: "missing", wanted: "192.168.100.11/24" },
    ]);
  });
});

it("takes declared cables over a record", () => {
  const ref = (name: string, port: 0 | 1) => ({ host: name, port });
  const cables = [
    { from: ref("spark-1", 1), to: ref("spark-2", 0) },
    { from: ref("spark-2", 1), to: ref("spark-3", 0) },
    { from: ref("spark-3", 1), to: ref("spark-1", 0) },
  ];
  const plan = planMesh(cluster({ cables }), silenced(settled));
  expect(plan.cables.map(({ name, evidence }) => [name, evidence])).toEqual([
    ["spark-1/1-spark-2/0", "declared"],
    ["spark-1/0-spark-3/1", "declared"],
    ["spark-2/1-spark-3/0", "declared"],
  ]);
});
