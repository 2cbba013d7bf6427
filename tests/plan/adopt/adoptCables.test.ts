import { describe, expect, it } from "vitest";
import type { SeenFile } from "../../../facts/record";
import { nvidiaDhcp, nvidiaLinkLocal, nvidiaPlaybook, sparkrun } from "../foreignFiles";
import { netplanFile } from "../hosts";
import {
  type Addresses,
  adopt,
  at,
  BARE_PAIR,
  base,
  changed,
  endOf,
  FIRST,
  host,
  judged,
  PAIR_CABLE,
  SECOND,
} from "./adoptions";

describe("what can't be kept", () => {
  /** What is said of spark-1 with these files, beside a spark-2 that sparkrun configured. */
  function faultsOf(files: readonly SeenFile[], live: Addresses = {}): readonly string[] {
    const found = adopt("1/0-2/0", [host(1, [base, ...files], live), host(2, [base, sparkrun(SECOND)], SECOND)]);
    expect(found.cables).toEqual([BARE_PAIR]);
    return found.faults;
  }
  const left = "; correct it, or up gives the cable spark-1/0-spark-2/0 planned addresses";
  const both = (what: string) => ["enp1s0f0np0", "enP2p1s0f0np0"].map((netdev) => `spark-1: ${netdev}: ${what}${left}`);

  it("is a link-local address, DHCP's, or none", () => {
    expect(faultsOf([nvidiaLinkLocal("enp1s0f0np0", "enP2p1s0f0np0")])).toEqual(
      both("found a link-local address alone in /etc/netplan/40-cx7.yaml, wanted one"),
    );
    expect(faultsOf([nvidiaDhcp("enp1s0f0np0", "enP2p1s0f0np0")], FIRST)).toEqual(
      both("found DHCP in /etc/netplan/40-cx7.yaml, wanted one static address"),
    );
    expect(faultsOf([])).toEqual(both("found no static address, wanted one"));
  });

  it("is the same subnet on both twins", () => {
    expect(faultsOf([nvidiaPlaybook(at(0, "192.168.177.11/24", "192.168.177.21/24"))])).toEqual([
      `spark-1: enp1s0f0np0, enP2p1s0f0np0: found both in 192.168.177.0/24, wanted a subnet for each twin${left}`,
    ]);
  });

  it("is more than one address, in files or live", () => {
    const [first = ""] = both("");
    const two = sparkrun({ ...FIRST, enp1s0f0np0: "192.168.177.11/24, 192.168.9.9/24" });
    expect(faultsOf([two])).toEqual([
      first.replace(
        ": ;",
        ": found 192.168.177.11/24, 192.168.9.9/24 in /etc/netplan/40-cx7.yaml, wanted one address;",
      ),
    ]);
    expect(faultsOf([sparkrun(FIRST)], { ...FIRST, enp1s0f0np0: "192.168.9.9/24" })).toEqual([
      first.replace(
        ": ;",
        ": found 192.168.177.11/24 in /etc/netplan/40-cx7.yaml and 192.168.9.9/24 live, wanted the same;",
      ),
    ]);
  });

  it.each([
    ["10.0.0.0/24"],
    ["10.0.0.255/24"],
    ["10.0.0.1/31"],
    ["10.0.0.1"],
    ["169.254.3.4/16"],
    ["fd00::1/64"],
    ["300.1.1.1/24"],
  ])("is no host's address in a subnet: %s", (address) => {
    expect(faultsOf([nvidiaPlaybook({ ...FIRST, enp1s0f0np0: address })])).toEqual([
      `spark-1: enp1s0f0np0: found ${address} in /etc/netplan/40-cx7.yaml, wanted a host's IPv4 address in a unicast subnet from /8 to /30${left}`,
    ]);
  });

  it("is different subnets at the two ends, the twins crossed or not", () => {
    const other = "spark-2: enp1s0f0np0, enP2p1s0f0np0: found ";
    const wanted = (a: string, b: string) => `${a}, ${b} as on spark-1's enp1s0f0np0, enP2p1s0f0np0`;
    expect(faultsOf([sparkrun(at(0, "192.168.178.11/24", "192.168.177.11/24"))])).toEqual([
      `${other}the twins' subnets crossed, 192.168.177.0/24, 192.168.178.0/24, wanted ${wanted("192.168.178.0/24", "192.168.177.0/24")}${left}`,
    ]);
    expect(faultsOf([sparkrun(at(0, "192.168.177.11/25", "192.168.9.1/24"))])).toEqual([
      `${other}192.168.177.0/24, 192.168.178.0/24, wanted ${wanted("192.168.177.0/25", "192.168.9.0/24")}${left}`,
    ]);
  });

  it("is an address that two netdevs have", () => {
    expect(faultsOf([sparkrun(SECOND)])).toEqual([
      `spark-2: enp1s0f0np0: found 192.168.177.12, which spark-1's enp1s0f0np0 has too, wanted an address of its own${left}`,
      `spark-2: enP2p1s0f0np0: found 192.168.178.12, which spark-1's enP2p1s0f0np0 has too, wanted an address of its own${left}`,
    ]);
  });

  it("is a netdev that something else than a definition of its own has", () => {
    const bond = netplanFile(
      "/etc/netplan/50-bond.yaml",
      "network: { bonds: { fast: { interfaces: [enp1s0f0np0, enP2p1s0f0np0] } } }\n",
    );
    expect(faultsOf([bond])).toEqual(
      both("found /etc/netplan/50-bond.yaml: bonds.fast, wanted a definition of its own"),
    );
  });

  it("is a port without its twins, or a host that was not asked", () => {
    const lone = host(1, [base, sparkrun(FIRST)], FIRST);
    const found = adopt("1/0-2/0", [changed(lone, { cx7: lone.facts.cx7.slice(0, 1) })]);
    expect(found.faults).toEqual([
      `spark-1: spark-1/0: found enp1s0f0np0, wanted its two netdevs${left}`,
      `spark-2: spark-2/0: found no netdev, wanted its two netdevs${left}`,
    ]);
  });

  it("is a subnet that two cables share, and the first one keeps it", () => {
    const hosts = [
      { ...FIRST, ...at(1, "192.168.177.21/24", "192.168.188.11/24") },
      { ...SECOND, ...at(1, "192.168.177.22/24", "192.168.188.12/24") },
    ].map((addresses, index) => host(index + 1, [base, sparkrun(addresses)], addresses));
    const found = adopt("1/0-2/0 1/1-2/1", hosts);
    expect(found.cables).toEqual([PAIR_CABLE, { from: endOf("1/1"), to: endOf("2/1") }]);
    expect(found.faults).toEqual([
      "spark-1: spark-1/1: found 192.168.177.0/24, which is 192.168.177.0/24 of the cable spark-1/0-spark-2/0 too, wanted a subnet for each cable; correct it, or up gives the cable spark-1/1-spark-2/1 planned addresses",
    ]);
    expect(judged(found, 2).cables).toEqual(found.cables);
  });

  it("is one host of a switch that has other subnets; both places of the others are kept", () => {
    const addresses = (number: number, third: number) => ({
      ...at(0, `10.0.${third}.${number}/24`, `10.0.${third + 1}.${number}/24`),
      ...at(1, `10.1.0.${number}/24`, `10.1.1.${number}/24`),
    });
    const hosts = [addresses(1, 0), addresses(2, 0), addresses(3, 8)].map((some, index) =>
      host(index + 1, [base, sparkrun(some)], some),
    );
    const found = adopt(
      [1, 2, 3].flatMap((number) => [`${number}/0-switch-a`, `${number}/1-switch-a`]).join(" "),
      hosts,
    );
    expect(found.faults).toEqual([
      expect.stringMatching(
        /^spark-3: enp1s0f0np0, enP2p1s0f0np0: found 10\.0\.8\.0\/24, 10\.0\.9\.0\/24, wanted 10\.0\.0\.0\/24, 10\.0\.1\.0\/24 as on spark-1's/,
      ),
    ]);
    expect(found.cables.map(({ subnets }) => subnets?.[0])).toEqual([
      "10.0.0.0/24",
      "10.1.0.0/24",
      "10.0.0.0/24",
      "10.1.0.0/24",
      undefined,
      "10.1.0.0/24",
    ]);
  });

  it("is in a file that nobody can read", () => {
    const found = adopt("1/0-2/0", [
      host(1, [base, sparkrun(FIRST), netplanFile("/etc/netplan/60-broken.yaml", "network: [\n")], FIRST),
      changed(host(2, [], SECOND), { netplanRead: false }),
    ]);
    expect(found.cables).toEqual([PAIR_CABLE]);
    expect(found.faults).toEqual([
      expect.stringMatching(/^spark-1: \/etc\/netplan\/60-broken.yaml: malformed YAML in line 2 \(.+\); correct it$/),
      "spark-2: netplan files: not read, wanted sudo to read them; live addresses only",
    ]);
  });
});
