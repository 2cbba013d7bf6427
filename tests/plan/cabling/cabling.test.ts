import { describe, expect, it } from "vitest";
import type { PortNumber } from "../../../config/cluster";
import { planMesh } from "../../../plan/planMesh";
import {
  ARTICLE_RING,
  change,
  changeNetdev,
  cluster,
  faults,
  freshProbes,
  netdevName,
  settledProbes,
  silenced,
} from "../hosts";

const fresh = freshProbes();
const first = planMesh(cluster(), fresh);
const settled = settledProbes(first, fresh);

describe("cabling", () => {
  it("names port 0 cabled to port 0, both ports, and the host to turn", () => {
    expect(faults(freshProbes("1/0-2/0 2/1-3/1 3/0-1/1"))).toEqual([
      "spark-1: port 0 is cabled to port 0 of spark-2 (cable spark-1/0-spark-2/0); a ring joins port 0 to port 1, NCCL fails otherwise (ibv_modify_qp, error 110); swap the two plugs of spark-2",
      "spark-2: port 1 is cabled to port 1 of spark-3 (cable spark-2/1-spark-3/1); a ring joins port 0 to port 1, NCCL fails otherwise (ibv_modify_qp, error 110); swap the two plugs of spark-2",
    ]);
  });

  it("names the switch in the path by host, netdevs and peers", () => {
    const lines = faults(freshProbes("1/0-2/1-3/0 2/0-3/1"));
    expect(lines).toContain(
      "spark-1: enp1s0f0np0, enP2p1s0f0np0 sees more than one peer (spark-2/1, spark-3/0): a switch is in the path; a ring needs one cable from port to port, without a switch",
    );
    expect(lines).toHaveLength(3);
    const [mismatch, ...whole] = faults(freshProbes("1/0-2/1-3/0-1/1-2/0-3/1"), cluster({ topology: "ring" }));
    expect(mismatch).toBe(
      "spark-mesh:topology: found ring, but the cables lead to a switch (switch); set it to switch or auto, or move the cables",
    );
    expect(whole).toHaveLength(6);
    expect(whole.every((line) => line.includes("a switch is in the path"))).toBe(true);
  });

  it("names a switch that leads to a machine of somebody else's too", () => {
    const probes = changeNetdev(fresh, "spark-1", "enp1s0f0np0", (netdev) => ({
      ...netdev,
      neighbours: [...netdev.neighbours, { mac: "aa:bb:cc:00:00:01", address: "fe80::9" }],
    }));
    expect(faults(probes)[0]).toMatch(
      /^spark-1: enp1s0f0np0 sees more than one peer \(spark-2\/1, aa:bb:cc:00:00:01\)/,
    );
  });

  it("names a stranger at the other end", () => {
    let probes = freshProbes("1/0-2/1 2/0-3/1");
    probes = changeNetdev(probes, "spark-1", "enp1s0f1np1", (netdev) => ({
      ...netdev,
      neighbours: [{ mac: "aa:bb:cc:00:00:01", address: "fe80::9" }],
    }));
    expect(faults(probes)).toContain(
      "spark-1: enp1s0f1np1 sees aa:bb:cc:00:00:01, which is no CX7 netdev of any host in spark-mesh:hosts; check where its cable leads",
    );
  });

  it("names both ends of a dead twin", () => {
    let probes = fresh;
    for (const [host, name] of [
      ["spark-1", "enP2p1s0f0np0"],
      ["spark-2", "enP2p1s0f1np1"],
    ] as const) {
      probes = changeNetdev(probes, host, name, (netdev) => ({ ...netdev, carrier: false, neighbours: [] }));
    }
    expect(faults(probes)).toEqual([
      "spark-1: enP2p1s0f0np0 has no carrier while the other rail enp1s0f0np0 sees spark-2/enp1s0f1np1 (spark-2/1): one rail of the cable spark-1/0-spark-2/1 is dead; reseat the cable, then reboot spark-1 with it in",
      "spark-2: enP2p1s0f1np1 has no carrier while the other rail enp1s0f1np1 sees spark-1/enp1s0f0np0 (spark-1/0): one rail of the cable spark-1/0-spark-2/1 is dead; reseat the cable, then reboot spark-2 with it in",
    ]);
  });

  it("asks for `cables` where a netdev is down on a first visit, and calls no cable missing for it", () => {
    let probes = freshProbes("1/0-2/1 2/0-3/1");
    for (const twin of [0, 1] as const) {
      probes = changeNetdev(probes, "spark-3", netdevName(0, twin), (netdev) => ({ ...netdev, up: false }));
    }
    expect(faults(probes)).toEqual(
      ["enp1s0f0np0", "enP2p1s0f0np0"].map(
        (name) =>
          `spark-3: ${name} is down, so its cable can't be discovered; declare the cables under spark-mesh:cables, or bring it up (ip link set ${name} up)`,
      ),
    );
  });

  const ref = (host: number, port: PortNumber) => ({ host: `spark-${host}`, port });
  const ring = [
    { from: ref(1, 0), to: ref(2, 1) },
    { from: ref(2, 0), to: ref(3, 1) },
    { from: ref(3, 0), to: ref(1, 1) },
  ];

  it("names a declared cable and what contradicts it", () => {
    const lines = faults(freshProbes("1/1-2/0 2/1-3/0 3/1-1/0"), cluster({ cables: ring }));
    expect(lines[0]).toBe(
      "spark-1: enp1s0f0np0 sees spark-3/enp1s0f1np1 (spark-3/1), but spark-mesh:cables[0] declares spark-1/0-spark-2/1; correct the declaration, or move the plug",
    );
    expect(lines).toHaveLength(12);
  });

  it("takes declared cables on a first visit although nothing was heard and netdevs are down", () => {
    let probes = fresh;
    for (const host of fresh.keys()) {
      probes = change(probes, host, (facts) => ({
        ...facts,
        discovered: false,
        cx7: facts.cx7.map((netdev) => ({ ...netdev, up: false, carrier: false, neighbours: [] })),
      }));
    }
    expect(planMesh(cluster({ cables: ring }), probes).mesh).toEqual(first.mesh);
  });

  it("names a declared cable that is missing, straight or carries nothing", () => {
    expect(faults(fresh, cluster({ cables: ring.slice(0, 2) }))).toEqual([
      "spark-3: no cable is seen between spark-3/0 and spark-1/1; plug one in, or name it under spark-mesh:cables if it is there",
    ]);
    const straight = [{ from: ref(1, 0), to: ref(2, 0) }, { from: ref(2, 1), to: ref(3, 1) }, ...ring.slice(2)];
    expect(faults(freshProbes("1/0-2/0 2/1-3/1 3/0-1/1"), cluster({ cables: straight }))[0]).toMatch(
      /^spark-1: port 0 is cabled to port 0 of spark-2 .*swap the two plugs of spark-2, and correct spark-mesh:cables$/,
    );
    const silent = changeNetdev(fresh, "spark-1", "enP2p1s0f0np0", (netdev) => ({
      ...netdev,
      carrier: false,
      neighbours: [],
    }));
    expect(faults(silent, cluster({ cables: ring }))).toEqual([
      "spark-1: port 0 to spark-2: enP2p1s0f0np0 no carrier: one rail of the cable is dead; check that it is plugged in at both ends, then reboot spark-1 with it in",
    ]);
  });
});

describe("a host that replaced a recorded one", () => {
  const config = cluster({
    hosts: cluster().hosts.map((host) => (host.number === 3 ? { ...host, name: "spark-9" } : host)),
  });
  const replaced = (wiring: string) => {
    const probe = freshProbes(wiring).get("spark-3");
    const probes = new Map(silenced(settled));
    probes.delete("spark-3");
    return probe ? probes.set("spark-9", probe) : probes;
  };

  it("is discovered beside the cables that stay recorded", () => {
    expect(planMesh(config, replaced(ARTICLE_RING)).cables.map(({ name, evidence }) => [name, evidence])).toEqual([
      ["spark-1/0-spark-2/1", "recorded"],
      ["spark-1/1-spark-9/0", "discovered"],
      ["spark-2/0-spark-9/1", "discovered"],
    ]);
  });

  it("does not take over the end of a recorded cable", () => {
    expect(faults(replaced("3/0-1/0"), config)).toEqual([
      "spark-2: no cable is seen between spark-2/0 and spark-9/1; plug one in, or name it under spark-mesh:cables if it is there",
      "spark-9: no cable is seen between spark-9/0 and spark-1/1; plug one in, or name it under spark-mesh:cables if it is there",
    ]);
  });
});
