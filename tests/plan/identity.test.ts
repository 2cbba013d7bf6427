import { describe, expect, it } from "vitest";
import type { Login } from "../../facts/hostFacts";
import { planMesh } from "../../plan/planMesh";
import { change, changeNetdev, changeRecord, cluster, faults, freshProbes, settledProbes, v4 } from "./hosts";

const fresh = freshProbes();
const settled = settledProbes(planMesh(cluster(), fresh), fresh);

describe("addresses of two hosts that were exchanged", () => {
  const exchanged = new Map(settled);
  const [one, two] = [settled.get("spark-1"), settled.get("spark-2")];
  if (one && two) exchanged.set("spark-1", two).set("spark-2", one);

  it("are a problem of both, by address and by the name under which each was committed", () => {
    expect(faults(exchanged)).toEqual([
      expect.stringMatching(/^spark-1: 10\.0\.0\.11 was committed as spark-2, /),
      expect.stringMatching(/^spark-2: 10\.0\.0\.12 was committed as spark-1, /),
    ]);
  });

  it("are one where the other host is off", () => {
    const alone = new Map(exchanged).set("spark-2", { kind: "unreachable", reason: "no route to host" });
    expect(faults(alone)).toEqual([expect.stringContaining("10.0.0.11 was committed as spark-2")]);
  });

  it("are none where a host has a new name", () => {
    const renamed = changeRecord(settled, "spark-1", (record) => ({ ...record, host: "old-one" }));
    expect(planMesh(cluster(), renamed).hosts).toHaveLength(3);
  });
});

describe("machines that can't be told apart", () => {
  const login = (hostKey: string): Login => ({ address: "10.0.0.11", port: 22, user: "nvidia", hostKey });
  const warnings = (probes = fresh, keys = ["a", "b", "c"]) =>
    planMesh(cluster(), probes, new Map(keys.map((key, index) => [`spark-${index + 1}`, login(`ssh-ed25519 ${key}`)])))
      .warnings;

  it("are named by their host keys", () => {
    expect(warnings(fresh, ["a", "b", "a"])).toEqual([
      expect.stringMatching(/^spark-3: has the SSH host key of spark-1: a cloned disk\? .*ssh-keygen -A/),
    ]);
  });

  it("are named by their machine ids", () => {
    const cloned = ["spark-2", "spark-3"].reduce(
      (probes, host) => change(probes, host, (facts) => ({ ...facts, machineId: "1".padStart(32, "0") })),
      fresh,
    );
    expect(warnings(cloned)).toEqual([
      expect.stringMatching(/^spark-2: has the machine id of spark-1: .*systemd-machine-id-setup/),
      expect.stringMatching(/^spark-3: has the machine id of spark-1: /),
    ]);
  });

  it("are not those of which nothing is known", () => {
    const unknown = ["spark-1", "spark-2"].reduce(
      (probes, host) => change(probes, host, ({ machineId: _, ...facts }) => facts),
      fresh,
    );
    expect(warnings(unknown, [])).toEqual([]);
  });
});

describe("a host that is addressed over one of the mesh's netdevs", () => {
  const over = (address: string) =>
    change(
      changeNetdev(fresh, "spark-2", "enp1s0f1np1", (netdev) => ({ ...netdev, addresses: [v4(address, 24)] })),
      "spark-2",
      (facts) => ({ ...facts, sessionAddress: address }),
    );
  const addressed = {
    hosts: cluster().hosts.map((host) => (host.name === "spark-2" ? { ...host, address: "fast-2.local" } : host)),
  };

  it("is a problem where that address would go, with the address to use", () => {
    expect(faults(over("172.30.4.2"), cluster(addressed))).toEqual([
      "spark-2: fast-2.local leads to 172.30.4.2 on enp1s0f1np1, which `up` gives 192.168.177.12/24: it would cut itself off; address it by 10.0.0.12 (enP7s7) in spark-mesh:hosts",
    ]);
  });

  it("is none where that address stays, and on a netdev that is not of the mesh", () => {
    expect(planMesh(cluster(addressed), over("192.168.177.12")).hosts).toHaveLength(3);
    const pair = freshProbes("1/0-2/0", 2);
    const elsewhere = change(
      changeNetdev(pair, "spark-2", "enp1s0f1np1", (netdev) => ({ ...netdev, addresses: [v4("172.30.4.2", 24)] })),
      "spark-2",
      (facts) => ({ ...facts, sessionAddress: "172.30.4.2" }),
    );
    expect(planMesh(cluster({}, 2), elsewhere).hosts).toHaveLength(2);
  });

  it("is a problem on the first visit and on every other", () => {
    const [, host] = planMesh(cluster(), settled).hosts;
    const own = host?.netdevs[0]?.address.split("/")[0] ?? "";
    const inside = change(settled, "spark-2", (facts) => ({ ...facts, sessionAddress: own }));
    expect(planMesh(cluster(), inside).hosts).toHaveLength(3);
    const renumbered = cluster({ network: { ...cluster().network, firstSubnet: "172.30.4.0/24" } });
    expect(faults(inside, renumbered)).toEqual([expect.stringContaining(`leads to ${own} on enp1s0f0np0`)]);
  });
});
