import { describe, expect, it } from "vitest";
import type { Probe } from "../../../facts/hostFacts";
import type { SeenFile } from "../../../facts/record";
import { planMesh } from "../../../plan/planMesh";
import { baseFile, change, changeNetdev, cluster, freshProbes, netplanFile, settledProbes, v4 } from "../hosts";

const OWN = "/etc/netplan/40-cx7.yaml";
const OTHER = "/etc/netplan/98-other.yaml";
const pair = cluster({ stack: "home" }, 2);
const KEEP = "npx spark-mesh discover --stack home --adopt --write";
const fresh = freshProbes("1/0-2/0", 2);
const settled = settledProbes(planMesh(pair, fresh), fresh);

const withFile = (file: SeenFile, probes = fresh) =>
  change(probes, "spark-1", (facts) => ({
    ...facts,
    netplanRead: true,
    netplanFiles: [...facts.netplanFiles.filter(({ path }) => path !== file.path), file],
  }));
/** Live addresses of the first netdev, in a /24, beside the link-local one that the kernel made. */
const withLive = (probes: Map<string, Probe>, ...addresses: readonly string[]) =>
  changeNetdev(probes, "spark-1", "enp1s0f0np0", (netdev) => ({
    ...netdev,
    addresses: [...netdev.addresses, ...addresses.map((address) => v4(address, 24))],
  }));
const warnings = (probes: Map<string, Probe>, config = pair) => planMesh(config, probes).warnings;

const gone = (address: string) =>
  `spark-1: enp1s0f0np0: address ${address} goes, 192.168.177.11/24 takes its place; to keep it: ${KEEP}`;
const altered = (mtu: number) => `spark-1: enp1s0f0np0: MTU ${mtu} becomes 9000; to keep it where all agree: ${KEEP}`;

describe("a first preview", () => {
  it("has nothing to say of hosts that nobody configured", () => {
    expect(warnings(fresh)).toEqual([]);
  });

  it("says each live address that goes, and the MTU", () => {
    expect(warnings(withLive(fresh, "172.30.4.1", "172.30.5.1"))).toEqual([
      gone("172.30.4.1/24"),
      gone("172.30.5.1/24"),
      altered(1500),
    ]);
  });

  it("points to no way to keep a link-local address, and leaves out the multicast route beside it", () => {
    const routed = change(withLive(fresh, "169.254.7.7"), "spark-1", (facts) => ({
      ...facts,
      cx7Routes: [{ destination: "224.0.0.0/4", netdev: "enp1s0f0np0" }],
    }));
    expect(warnings(routed)[0]).toBe(
      "spark-1: enp1s0f0np0: link-local address 169.254.7.7/24 goes, 192.168.177.11/24 takes its place",
    );
    expect(warnings(routed).join()).not.toContain("224.0.0.0");
  });

  it("says nothing of what stays as it is", () => {
    const same = withLive(fresh, "192.168.177.11");
    expect(warnings(changeNetdev(same, "spark-1", "enp1s0f0np0", (netdev) => ({ ...netdev, mtu: 9000 })))).toEqual([]);
  });

  it("says an MTU that somebody set without an address, and each route that somebody made", () => {
    const jumbo = changeNetdev(fresh, "spark-1", "enp1s0f0np0", (netdev) => ({ ...netdev, mtu: 4200 }));
    const routed = change(jumbo, "spark-1", (facts) => ({
      ...facts,
      cx7Routes: [
        { destination: "172.30.8.0/24", netdev: "enp1s0f0np0", via: "172.30.4.2" },
        { destination: "default", netdev: "enp1s0f0np0" },
        { destination: "172.30.9.0/24", netdev: "enp1s0f1np1" },
      ],
    }));
    expect(warnings(routed)).toEqual([
      altered(4200),
      "spark-1: enp1s0f0np0: route 172.30.8.0/24 via 172.30.4.2 goes, and no netplan file has it",
      "spark-1: enp1s0f0np0: route default goes, and no netplan file has it",
    ]);
  });

  it("says each definition, address, MTU, route and setting of the file in the place of ours", () => {
    const text = `network:
  ethernets:
    enp1s0f0np0:
      addresses: [172.30.4.1/24, "fd00:30::1/64"]
      mtu: 1500
      nameservers: { addresses: [10.0.0.1] }
      routes: [{ to: 172.30.8.0/24, via: 172.30.4.2 }, { to: default, via: 172.30.4.3 }]
    enP2p1s0f0np0: { dhcp4: true, link-local: [ipv4], mtu: 9000 }
`;
    expect(warnings(withFile(netplanFile(OWN, text), withLive(fresh, "172.30.4.1")))).toEqual([
      `spark-1: ${OWN}: ethernets.enp1s0f0np0 gives way to ours; destroy puts it back`,
      `spark-1: ${OWN}: ethernets.enP2p1s0f0np0 gives way to ours; destroy puts it back`,
      gone("172.30.4.1/24"),
      gone("fd00:30::1/64"),
      altered(1500),
      "spark-1: enp1s0f0np0: route 172.30.8.0/24 via 172.30.4.2 goes; destroy puts it back",
      "spark-1: enp1s0f0np0: route default via 172.30.4.3 goes; destroy puts it back",
      `spark-1: enp1s0f0np0: nameservers in ${OWN} goes; destroy puts it back`,
      `spark-1: enP2p1s0f0np0: DHCP in ${OWN} goes, 192.168.178.11/24 takes its place; destroy puts it back`,
      `spark-1: enP2p1s0f0np0: its IPv4 link-local address in ${OWN} goes; destroy puts it back`,
    ]);
  });

  it("says nothing of what ours says too, but that it gives way", () => {
    const text =
      "network: { ethernets: { enp1s0f0np0: { addresses: [192.168.177.11/24], link-local: [], mtu: 9000 } } }\n";
    const same = changeNetdev(withLive(fresh, "192.168.177.11"), "spark-1", "enp1s0f0np0", (netdev) => ({
      ...netdev,
      mtu: 9000,
    }));
    expect(warnings(withFile(netplanFile(OWN, text), same))).toEqual([
      `spark-1: ${OWN}: ethernets.enp1s0f0np0 gives way to ours; destroy puts it back`,
    ]);
  });

  it("says the ARP settings that somebody chose for a netdev on a switch", () => {
    const wired = freshProbes("1/0-switch-a 2/0-switch-a", 2);
    const chosen = changeNetdev(wired, "spark-1", "enp1s0f0np0", (netdev) => ({
      ...netdev,
      arp: { ignore: 2, announce: 2 },
    }));
    expect(warnings(chosen)).toEqual(["spark-1: enp1s0f0np0: arp_ignore 2 becomes 1; destroy puts it back"]);
  });
});

describe("definitions that are moved out of another file", () => {
  const migrating = { ...pair, network: { ...pair.network, migrate: true } };
  const file = netplanFile(
    OTHER,
    "network: { ethernets: { enp1s0f0np0: { addresses: [172.30.4.1/24] }, enp1s0f1np1: { mtu: 1500 } } }\n",
  );
  const said = [
    `spark-1: ${OTHER}: ethernets.enp1s0f0np0 moves to ${OWN}, the rest of the file stays; destroy puts it back`,
    gone("172.30.4.1/24"),
    altered(1500),
  ];

  it("are said on the first visit and on every other", () => {
    expect(warnings(withFile(file), migrating)).toEqual(said);
    const later = settledProbes(planMesh(migrating, fresh), fresh);
    expect(warnings(later, migrating)).toEqual([]);
    expect(warnings(withFile(file, later), migrating)).toEqual(said.slice(0, 2));
  });
});

describe("a later preview", () => {
  const both = freshProbes("1/0-2/0 1/1-2/1", 2);

  it("says what it takes from a port that joins the mesh", () => {
    const joined = {
      ...pair,
      cables: [0, 1].map((port) => ({ from: { host: "spark-1", port }, to: { host: "spark-2", port } })),
    };
    const one = settledProbes(planMesh(pair, fresh), both);
    const used = changeNetdev(one, "spark-1", "enp1s0f1np1", (netdev) => ({
      ...netdev,
      addresses: [v4("172.30.9.1", 24)],
    }));
    expect(warnings(used, joined as typeof pair)).toEqual([
      expect.stringMatching(
        /^spark-1: enp1s0f1np1: address 172\.30\.9\.1\/24 goes, 192\.168\.\d+\.11\/24 takes its place/,
      ),
      expect.stringMatching(/^spark-1: enp1s0f1np1: MTU 1500 becomes 9000/),
    ]);
  });

  it("says each setting that was edited into our file, and nothing while it is in sync", () => {
    const [host] = planMesh(pair, settled).hosts;
    const edited = (host?.netplanText ?? "").replace(
      "      mtu: 9000\n",
      "      mtu: 9000\n      routes: [{ to: 172.30.8.0/24, via: 192.168.177.12 }]\n",
    );
    expect(warnings(settled)).toEqual([]);
    expect(warnings(withFile(netplanFile(OWN, edited), settled))).toEqual([
      "spark-1: enp1s0f0np0: route 172.30.8.0/24 via 192.168.177.12 goes",
    ]);
  });

  it("says nothing of an address that the config itself changes", () => {
    const renumbered = { ...pair, network: { ...pair.network, firstSubnet: "172.30.4.0/24" } };
    expect(warnings(settled, renumbered)).toEqual([]);
  });
});

it("names a file of the base system in no line", () => {
  expect(warnings(withFile(baseFile("networkd")))).toEqual([]);
});
