import { describe, expect, it } from "vitest";
import type { Probe } from "../../../facts/hostFacts";
import type { Plan } from "../../../plan/plan";
import { planMesh } from "../../../plan/planMesh";
import { changeNetdev, cluster, faults, freshProbes, macOf, netdevName, type Twin, v4 } from "../hosts";
import { cableNames } from "../shown";

const two = cluster({}, 2);
const TWINS: readonly Twin[] = [0, 1];

/** Two hosts on port 0, configured by hand without link-local addresses, with these twins' own addresses. */
function configured(heardTwin: readonly number[], addressed: readonly Twin[] = TWINS): Map<string, Probe> {
  let probes = freshProbes("1/0-2/0", 2);
  for (const host of [1, 2]) {
    for (const twin of TWINS) {
      const own = heardTwin.includes(host) ? [{ mac: macOf(host, 0, twin === 0 ? 1 : 0), address: "10.42.9.9" }] : [];
      probes = changeNetdev(probes, `spark-${host}`, netdevName(0, twin), (netdev) => ({
        ...netdev,
        addresses: addressed.includes(twin) ? [v4(`10.42.${twin}.${host}`, 24)] : [],
        neighbours: addressed.includes(twin) ? [...netdev.neighbours, ...own] : [],
      }));
    }
  }
  return probes;
}

/** The warnings but for those of what somebody configured and `up` alters. */
const cablingWarnings = ({ warnings }: Plan) =>
  warnings.filter((line) => !/: (address|MTU) \S+ (goes|becomes)/.test(line));

describe("two hosts that are configured without link-local addresses", () => {
  it("are on a switch where both ports hear their own twins", () => {
    const plan = planMesh(two, configured([1, 2]));
    expect(plan.topology).toBe("switch");
    expect(cablingWarnings(plan)).toEqual([]);
  });

  it.each([[[]], [[2]]])(
    "are a pair where a port could hear its port's other rail and doesn't (heard by %j)",
    (heardTwin) => {
      const plan = planMesh(two, configured(heardTwin));
      expect(cableNames(plan)).toEqual(["spark-1/0-spark-2/0"]);
      expect(cablingWarnings(plan)).toEqual([]);
    },
  );

  it("explain so what is wrong with them, which isn't counted among it", () => {
    const lines = faults(configured([], [0]), { ...two, topology: "ring" });
    expect(lines.filter((line) => line.includes("a switch may be between"))).toHaveLength(1);
    const wrong = lines.length - 1;
    expect(() => planMesh({ ...two, topology: "ring" }, configured([], [0]))).toThrow(
      new RegExp(`^${wrong} faults? in the hosts:\n`),
    );
  });

  it("are taken for a pair with a warning where no twins have addresses to hear each other by", () => {
    const plan = planMesh(two, configured([], [0]));
    expect(cableNames(plan)).toEqual(["spark-1/0-spark-2/0"]);
    expect(cablingWarnings(plan)).toEqual([
      "spark-1: port 0 to spark-2/0 is taken for a cable, and a switch may be between: spark-1/enp1s0f0np0, spark-1/enP2p1s0f0np0, spark-2/enp1s0f0np0, spark-2/enP2p1s0f0np0 lack addresses by which the rails of a port hear each other there; if one is, declare spark-mesh:cables",
    ]);
  });

  it("are taken so too where one of them hears its twin and the other couldn't", () => {
    const probes = changeNetdev(configured([2]), "spark-1", netdevName(0, 1), (netdev) => ({
      ...netdev,
      addresses: [],
      neighbours: [],
    }));
    expect(cablingWarnings(planMesh(two, probes))).toEqual([
      expect.stringMatching(/between: spark-1\/enp1s0f0np0, spark-1\/enP2p1s0f0np0 lack addresses/),
    ]);
  });
});

describe("a twin that hears nothing while the other does", () => {
  const silent = (address: string) =>
    changeNetdev(configured([]), "spark-1", netdevName(0, 1), (netdev) => ({
      ...netdev,
      addresses: [v4(address, 24)],
      neighbours: [],
    }));

  it("is dead where its peer is in its subnet", () => {
    expect(faults(silent("10.42.1.1"), two)).toEqual([
      expect.stringMatching(/^spark-1: enP2p1s0f0np0 hears nothing while the other rail enp1s0f0np0 sees .* is dead/),
    ]);
  });

  it("is not where its addresses find nobody, unless it has no carrier", () => {
    const elsewhere = silent("10.42.7.1");
    expect(cablingWarnings(planMesh(two, elsewhere))).toEqual([]);
    const dark = changeNetdev(elsewhere, "spark-1", netdevName(0, 1), (netdev) => ({ ...netdev, carrier: false }));
    expect(faults(dark, two)[0]).toMatch(/^spark-1: enP2p1s0f0np0 has no carrier while the other rail/);
  });
});
