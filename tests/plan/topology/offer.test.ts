import { describe, expect, it } from "vitest";
import { parseClusterConfig } from "../../../config/load";
import { planMesh } from "../../../plan/planMesh";
import { changeNetdev, cluster, faults, freshProbes, netdevName } from "../hosts";
import { cableNames } from "../shown";

/** The cables that the message offers, as the stack config's own judge reads them. */
function offered(lines: readonly string[], count: number) {
  const [, list] = /spark-mesh:cables: \[ (.+) \]$/.exec(lines.at(-1) ?? "") ?? [];
  const cables = [...(list ?? "").matchAll(/\{ from: (\S+), to: (\S+) \}/g)].map(([, from, to]) => ({ from, to }));
  const hosts = cluster({}, count).hosts.map(({ name, address }) => ({ name, address }));
  const config = { "spark-mesh:hosts": JSON.stringify(hosts), "spark-mesh:cables": JSON.stringify(cables) };
  return { ...parseClusterConfig(config, "/home/nobody", []), trust: false };
}

describe("cables that make no mesh together", () => {
  it("are offered to be declared as far as they make one: those to the switch, beside pairs by cable", () => {
    const wiring = "1/1-switch-a 2/1-switch-a 3/1-switch-a 4/1-switch-a 1/0-2/0 3/0-4/0";
    const probes = freshProbes(wiring, 4);
    const config = offered(faults(probes, cluster({}, 4)), 4);
    expect(cableNames(planMesh(config, probes))).toEqual([1, 2, 3, 4].map((number) => `spark-${number}/1-switch-a`));
  });

  it("are offered where one port leads to a machine that is no Spark", () => {
    const probes = changeNetdev(freshProbes("1/0-2/0", 2), "spark-1", netdevName(1, 0), (netdev) => ({
      ...netdev,
      carrier: true,
      neighbours: [{ mac: "02:00:00:00:77:77", address: "fe80::77" }],
    }));
    const lines = faults(probes, cluster({}, 2));
    expect(lines).toEqual([expect.stringContaining("enp1s0f1np1 sees 02:00:00:00:77:77, which is no CX7 netdev")]);
    expect(cableNames(planMesh(offered(lines, 2), probes))).toEqual(["spark-1/0-spark-2/0"]);
  });

  it("are not offered where no part of them is a mesh, and not where cables are declared", () => {
    expect(faults(freshProbes("1/0-2/1 2/0-3/0 3/1-1/1")).join()).not.toContain("spark-mesh:cables: [");
    const declared = { cables: [{ from: { host: "spark-1", port: 0 }, to: { switch: "s" } }] } as const;
    expect(faults(freshProbes("1/0-2/0", 2), cluster(declared, 2)).join()).not.toContain("spark-mesh:cables: [");
  });
});
