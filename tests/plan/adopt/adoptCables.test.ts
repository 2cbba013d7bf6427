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
  FIRST,
  host,
  judged,
  PAIR_CABLE,
  planned,
  SECOND,
} from "./adoptions";

describe("a netdev whose address can't be kept", () => {
  /** What becomes of spark-1 with these files, beside a spark-2 that sparkrun configured. */
  function faultsOf(files: readonly SeenFile[], live: Addresses = {}): readonly string[] {
    const found = adopt("1/0-2/0", [host(1, [base, ...files], live), host(2, [base, sparkrun(SECOND)], SECOND)]);
    expect(found.cables).toMatchObject([{ ...BARE_PAIR, subnets: PAIR_CABLE.subnets }]);
    expect(planned(found)).toMatchObject({ "spark-2": SECOND });
    return found.faults;
  }
  const given = ["enp1s0f0np0", "enP2p1s0f0np0"].map((netdev, twin) => ({
    netdev,
    gets: `up gives it 192.168.17${7 + twin}.11/24`,
  }));
  const both = (what: string, remedy = "correct it, or ") =>
    given.map(({ netdev, gets }) => `spark-1: ${netdev}: ${what}; ${remedy}${gets}`);

  it("has a link-local address, DHCP's, or none: it is planned in the subnet of its peer, which is kept", () => {
    expect(faultsOf([nvidiaLinkLocal("enp1s0f0np0", "enP2p1s0f0np0")])).toEqual(
      both("found a link-local address alone in /etc/netplan/40-cx7.yaml, wanted one"),
    );
    expect(faultsOf([nvidiaDhcp("enp1s0f0np0", "enP2p1s0f0np0")], FIRST)).toEqual(
      both("found DHCP in /etc/netplan/40-cx7.yaml, wanted one static address"),
    );
    expect(faultsOf([])).toEqual(both("found no static address", ""));
  });

  it("is alone at its end: the other one's is kept", () => {
    const [first = ""] = both(
      "found 192.168.177.11/24 in /etc/netplan/40-cx7.yaml and 192.168.9.9/24 live, wanted the same",
    );
    expect(faultsOf([sparkrun(FIRST)], { ...FIRST, enp1s0f0np0: "192.168.9.9/24" })).toEqual([first]);
    const [more = ""] = both("found 192.168.177.11/24, 192.168.9.9/24 in /etc/netplan/40-cx7.yaml, wanted one address");
    expect(faultsOf([sparkrun({ ...FIRST, enp1s0f0np0: "192.168.177.11/24, 192.168.9.9/24" })])).toEqual([more]);
  });

  it("is in the subnet of the other one at its end, which keeps it", () => {
    const both = at(0, "192.168.177.11/24", "192.168.177.21/24");
    expect(faultsOf([nvidiaPlaybook(both)])).toEqual([
      "spark-1: enP2p1s0f0np0: found 192.168.177.21 in 192.168.177.0/24, which is 192.168.177.0/24 of spark-1's enp1s0f0np0 too, wanted a subnet of its own; correct it, or up gives it 192.168.178.11/24",
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
  ])("has no host's address in a subnet: %s", (address) => {
    const [first] = both(
      `found ${address} in /etc/netplan/40-cx7.yaml, wanted a host's IPv4 address in a unicast subnet from /8 to /30`,
    );
    expect(faultsOf([nvidiaPlaybook({ ...FIRST, enp1s0f0np0: address })])).toEqual([first]);
  });

  it("has an address that another one has", () => {
    const hosts = [host(1, [base, sparkrun(SECOND)]), host(2, [base, sparkrun(SECOND)], SECOND)];
    const found = adopt("1/0-2/0", hosts);
    expect(found.faults).toEqual([
      "spark-2: enp1s0f0np0: found 192.168.177.12, which spark-1's enp1s0f0np0 has too, wanted an address of its own; correct it, or up gives it 192.168.177.1/24",
      "spark-2: enP2p1s0f0np0: found 192.168.178.12, which spark-1's enP2p1s0f0np0 has too, wanted an address of its own; correct it, or up gives it 192.168.178.1/24",
    ]);
    expect(judged(found, 2).cables).toEqual(found.cables);
  });

  it("is in a bond, or isn't there", () => {
    const bond = netplanFile(
      "/etc/netplan/50-bond.yaml",
      "network: { bonds: { fast: { interfaces: [enp1s0f0np0, enP2p1s0f0np0] } } }\n",
    );
    expect(faultsOf([bond])).toEqual(
      both("found /etc/netplan/50-bond.yaml: bonds.fast, wanted a definition of its own"),
    );
    const lone = host(1, [base, sparkrun(FIRST)], FIRST);
    const found = adopt("1/0-2/0", [changed(lone, { cx7: lone.facts.cx7.slice(0, 1) })]);
    expect(found.faults).toEqual([
      "spark-1: port 0, rail 1: found no netdev, wanted one; correct it, or up gives it 192.168.178.11/24",
      "spark-2: port 0, rail 0: found no netdev, wanted one; correct it, or up gives it 192.168.177.12/24",
      "spark-2: port 0, rail 1: found no netdev, wanted one; correct it, or up gives it 192.168.178.12/24",
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

describe("ports of which one netdev alone has an address", () => {
  const half = (number: number) => ({
    enp1s0f0np0: `172.28.6.${40 + number}/24`,
    enp1s0f1np1: `172.28.7.${40 + number}/24`,
  });
  const hosts = [1, 2].map((number) => host(number, [base, sparkrun(half(number))], half(number)));
  const found = adopt("1/0-2/0 1/1-2/1", hosts);

  it("keep it, and have the other one planned", () => {
    expect(planned(found)).toEqual({
      "spark-1": { ...half(1), enP2p1s0f0np0: "192.168.178.11/24", enP2p1s0f1np1: expect.stringMatching(/\.11\/24$/) },
      "spark-2": { ...half(2), enP2p1s0f0np0: "192.168.178.12/24", enP2p1s0f1np1: expect.stringMatching(/\.12\/24$/) },
    });
    expect(judged(found, 2).cables).toEqual(found.cables);
  });

  it("have one thing said of each netdev that gets an address, and nothing of the others", () => {
    expect(found.faults).toEqual(
      [0, 1].flatMap((port) =>
        [1, 2].map((number) =>
          expect.stringMatching(
            new RegExp(
              `^spark-${number}: enP2p1s0f${port}np${port}: found no static address; up gives it 192\\.168\\.`,
            ),
          ),
        ),
      ),
    );
    expect(found.notes).toEqual([]);
  });
});

it("keeps a subnet for the first of two cables that share it; the other netdev of the second keeps its own", () => {
  const hosts = [
    { ...FIRST, ...at(1, "192.168.177.21/24", "192.168.188.11/24") },
    { ...SECOND, ...at(1, "192.168.177.22/24", "192.168.188.12/24") },
  ].map((addresses, index) => host(index + 1, [base, sparkrun(addresses)], addresses));
  const found = adopt("1/0-2/0 1/1-2/1", hosts);
  expect(found.cables[0]).toEqual(PAIR_CABLE);
  expect(found.cables[1]?.subnets?.[1]).toBe("192.168.188.0/24");
  expect(found.faults).toEqual(
    [1, 2].map((number) =>
      expect.stringMatching(
        `^spark-${number}: enp1s0f1np1: found 192.168.177.2${number} in 192.168.177.0/24, which is 192.168.177.0/24 of spark-1's enp1s0f0np0 too, `,
      ),
    ),
  );
  expect(judged(found, 2).cables).toEqual(found.cables);
});

it("keeps the subnets that most hosts of a switch have, at both places", () => {
  const addresses = (number: number, third: number) => ({
    ...at(0, `10.0.${third}.${number}/24`, `10.0.${third + 1}.${number}/24`),
    ...at(1, `10.1.0.${number}/24`, `10.1.1.${number}/24`),
  });
  const hosts = [addresses(1, 8), addresses(2, 0), addresses(3, 0)].map((some, index) =>
    host(index + 1, [base, sparkrun(some)], some),
  );
  const wiring = [1, 2, 3].flatMap((number) => [`${number}/0-switch-a`, `${number}/1-switch-a`]).join(" ");
  const found = adopt(wiring, hosts);
  expect(found.faults).toEqual(
    ["enp1s0f0np0: found 10.0.8.1 in", "enP2p1s0f0np0: found 10.0.9.1 in"].map((what) =>
      expect.stringContaining(`spark-1: ${what}`),
    ),
  );
  expect(found.cables.map(({ subnets }) => subnets?.[0])).toEqual([
    undefined,
    "10.1.0.0/24",
    "10.0.0.0/24",
    "10.1.0.0/24",
    "10.0.0.0/24",
    "10.1.0.0/24",
  ]);
  expect(judged(found, 3).cables).toHaveLength(6);
});
