import { describe, expect, it } from "vitest";
import type { SeenFile } from "../../../facts/record";
import { planMesh } from "../../../plan/planMesh";
import { baseFile, change, cluster, freshProbes, netplanFile, settledProbes } from "../hosts";

const OWN = "/etc/netplan/40-cx7.yaml";
const OTHER = "/etc/netplan/98-other.yaml";
const two = cluster({}, 2);
const LINE = (file: string) =>
  `spark-1: enp1s0f0np0: found nameservers, routes in ${file}; up leaves that out, and what is live of it goes when the netdev is activated anew; destroy puts it back`;

const foreign = (path: string) =>
  netplanFile(
    path,
    "network:\n  ethernets:\n    enp1s0f0np0:\n      mtu: 9000\n      nameservers: { addresses: [10.0.0.1] }\n      routes: [{ to: 10.9.0.0/16, via: 192.168.177.12 }]\n",
  );
const withFile = (file: SeenFile, probes = freshProbes("1/0-2/0", 2)) =>
  change(probes, "spark-1", (facts) => ({ ...facts, netplanFiles: [baseFile("networkd"), file] }));

it("names the settings of a file that ours replaces", () => {
  expect(planMesh(two, withFile(foreign(OWN))).warnings).toEqual([LINE(OWN)]);
});

it("names the settings of definitions that are moved out, on the first visit and later", () => {
  const migrating = cluster({ network: { ...two.network, migrate: true } }, 2);
  const fresh = withFile(foreign(OTHER));
  expect(planMesh(migrating, fresh).warnings).toContain(LINE(OTHER));
  const plain = freshProbes("1/0-2/0", 2);
  const settled = settledProbes(planMesh(migrating, plain), plain);
  expect(planMesh(migrating, settled).warnings).toEqual([]);
  expect(planMesh(migrating, withFile(foreign(OTHER), settled)).warnings).toContain(LINE(OTHER));
});

it("says nothing of what ours says too", () => {
  const file = netplanFile(OWN, "network:\n  ethernets:\n    enp1s0f0np0: { dhcp4: no, link-local: [], mtu: 1500 }\n");
  expect(planMesh(two, withFile(file)).warnings).toEqual([]);
});

describe("a file in the place of ours", () => {
  const own = (text: string) => withFile(netplanFile(OWN, `network:\n  version: 2\n${text}`));
  const found = (places: string) =>
    `spark-1: ${OWN}: found ${places} in it; up replaces the file, and destroy puts it back; to keep that, let \`npx spark-mesh discover --adopt --write\` choose another file`;

  it("is named where it defines what is no CX7 netdev", () => {
    const text =
      "  ethernets: { enp1s0f0np0: {}, eno1: { dhcp4: true } }\n  bonds: { b: { interfaces: [enp1s0f0np0] } }\n";
    expect(planMesh(two, own(text)).warnings).toEqual([found("ethernets.eno1, bonds.b")]);
  });

  it("is not where it defines CX7 netdevs alone, by name, there or not, or by a match, or can't be read", () => {
    const text = "  ethernets: { enp1s0f0np0: {}, enp9s0f1np1: {}, x: { match: { name: enp1s0f1* } } }\n";
    expect(planMesh(two, own(text)).warnings).toEqual([]);
    expect(planMesh(two, withFile(netplanFile(OWN, "network: [\n"))).warnings).toEqual([]);
  });

  it("is not once it is ours: whatever is in it is drift", () => {
    const plain = freshProbes("1/0-2/0", 2);
    const settled = settledProbes(planMesh(two, plain), plain);
    const changed = withFile(netplanFile(OWN, "network: { ethernets: { eno1: { dhcp4: true } } }\n"), settled);
    expect(planMesh(two, changed).warnings).toEqual([]);
  });
});
