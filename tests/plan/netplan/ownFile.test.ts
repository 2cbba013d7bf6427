import { describe, expect, it } from "vitest";
import { planMesh } from "../../../plan/planMesh";
import { baseFile, change, cluster, faults, freshProbes, netplanFile, settledProbes } from "../hosts";

const OWN = "/etc/netplan/40-cx7.yaml";
const pair = cluster({}, 2);
const fresh = freshProbes("1/0-2/0", 2);
const withOwn = (text: string, probes = fresh) =>
  change(probes, "spark-1", (facts) => ({
    ...facts,
    netplanRead: true,
    netplanFiles: [baseFile("networkd"), netplanFile(OWN, text)],
  }));
const network = (text: string) => `network:\n  version: 2\n  ethernets:\n    enp1s0f0np0: {}\n${text}`;
const found = (places: string, keep = "{ netplanFile: /etc/netplan/45-spark-mesh.yaml, migrate: true }") => [
  `spark-1: ${OWN}: has ${places}, which is not of the mesh's cables and would be lost when the file is replaced; move that to a file of its own in /etc/netplan, or leave this one to its owner with spark-mesh:network: ${keep}`,
];

describe("a file in the place of ours", () => {
  it.each([
    ["a port that is cabled to no Spark", "    enp1s0f1np1: { addresses: [172.30.9.1/24] }\n", "ethernets.enp1s0f1np1"],
    ["a CX7 netdev that isn't there", "    enp9s0f1np1: { mtu: 1500 }\n", "ethernets.enp9s0f1np1"],
    ["management", "    enP7s7: { dhcp4: true }\n", "ethernets.enP7s7"],
    ["a match that means more", "    all: { match: { name: enp1s0f0* } }\n", "ethernets.all"],
    ["an empty match", "    all: { match: {} }\n", "ethernets.all"],
    ["another name for a netdev", "    enP2p1s0f0np0: { set-name: lan0 }\n", "ethernets.enP2p1s0f0np0"],
    [
      "a bond of ours, and Wi-Fi",
      "  bonds: { b: { interfaces: [enp1s0f0np0] } }\n  wifis: { w: {} }\n",
      "bonds.b, wifis.w",
    ],
    ["the renderer of all", "  renderer: NetworkManager\n", "renderer"],
    ["what is no mapping", "  ovs: 5\n", "ovs"],
  ])("isn't replaced where it defines %s", (_, text, places) => {
    expect(faults(withOwn(network(text)), pair)).toEqual(found(places));
  });

  it("is left to its owner without a move where it defines none of the mesh's netdevs", () => {
    const text = "network: { ethernets: { enp1s0f1np1: { mtu: 1500 }, eno1: {} } }\n";
    const keep = "{ netplanFile: /etc/netplan/45-spark-mesh.yaml }";
    expect(faults(withOwn(text), pair)).toEqual(found("ethernets.enp1s0f1np1, ethernets.eno1", keep));
  });

  it.each([
    ["by their names", "    enP2p1s0f0np0: { dhcp4: no }\n"],
    ["by a match on one's name", "    a: { match: { name: enP2p1s0f0np0 }, set-name: enP2p1s0f0np0 }\n"],
    ["by a match on one's MAC", "    a: { match: { macaddress: '02:00:00:00:01:01' } }\n"],
    ["and chooses the renderer that the host has", "  renderer: networkd\n"],
    ["and has a section with nothing in it", "  bonds: {}\n"],
  ])("is replaced where it defines the mesh's netdevs alone, %s", (_, text) => {
    expect(planMesh(pair, withOwn(network(text))).hosts[0]?.state).toBe("due");
  });

  it("keeps its owner's words where the config says so: only the mesh's definitions move", () => {
    const keeping = {
      ...pair,
      network: { ...pair.network, netplanFile: "/etc/netplan/45-spark-mesh.yaml", migrate: true },
    };
    const text = network("    enp1s0f1np1: { addresses: [172.30.9.1/24] }\n");
    const [host] = planMesh(keeping, withOwn(text)).hosts;
    expect(host?.moves.map(({ change }) => change?.after)).toEqual([text.replace(/ {4}enp1s0f0np0.*\n/, "")]);
  });
});

describe("our own file, once it is committed", () => {
  const settled = settledProbes(planMesh(pair, fresh), fresh);
  const [host] = planMesh(pair, settled).hosts;
  const ours = host?.netplanText ?? "";

  it("is refused to be put back where somebody defined another netdev in it", () => {
    expect(faults(withOwn(`${ours}    enp1s0f1np1: { mtu: 1500 }\n`, settled), pair)).toEqual(
      found("ethernets.enp1s0f1np1"),
    );
  });

  it("is put back where what is ours was edited, or broken", () => {
    for (const text of [ours.replace("9000", "1500"), "network: [\n"]) {
      expect(planMesh(pair, withOwn(text, settled)).hosts[0]?.state).toBe("due");
    }
  });

  it("gives up a netdev of ours whose cable is gone", () => {
    const both = freshProbes("1/0-2/0 1/1-2/1", 2);
    const two = settledProbes(planMesh(pair, both), both);
    const edited = (planMesh(pair, two).hosts[0]?.netplanText ?? "").replace("9000", "1500");
    const one = {
      ...pair,
      cables: [{ from: { host: "spark-1", port: 0 }, to: { host: "spark-2", port: 0 } }],
    } as const;
    expect(planMesh(one, withOwn(edited, two)).hosts[0]?.netdevs).toHaveLength(2);
  });
});
