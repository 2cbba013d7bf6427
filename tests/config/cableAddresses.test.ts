import { describe, expect, it } from "vitest";
import { parse, saysEach, three, type WrongConfig } from "./configs";

const A = ["10.20.0.0/24", "10.21.0.0/24"] as const;
const B = ["10.22.0.0/24", "10.23.0.0/24"] as const;

/** One cable between spark-1 and spark-2, with what is special in it. */
const cable = (fields: Record<string, unknown>, network: Record<string, unknown> = {}) => ({
  hosts: three,
  network,
  cables: [{ from: "spark-1/0", to: "spark-2/1", ...fields }],
});
const twoCables = (first: Record<string, unknown>, second: Record<string, unknown>) => ({
  hosts: three,
  cables: [
    { from: "spark-1/0", to: "spark-2/1", ...first },
    { from: "spark-2/0", to: "spark-3/1", ...second },
  ],
});
/** Each entry is a cable to switch-a. */
const onSwitch = (...cables: readonly Record<string, unknown>[]) => ({
  hosts: three,
  cables: cables.map((fields) => ({ to: "switch-a", ...fields })),
});
const subnetsOf = (config: Record<string, unknown>) => parse(config).cables?.map(({ subnets }) => subnets);

describe("explicit subnets and addresses that are right", () => {
  it("are the subnets that addresses alone lie in", () => {
    const addresses = { "spark-2": ["192.168.10.2", "192.168.11.2"] };
    expect(subnetsOf(cable({ addresses }))).toEqual([["192.168.10.0/24", "192.168.11.0/24"]]);
    expect(subnetsOf(cable({ addresses }, { prefixLength: 29 }))).toEqual([["192.168.10.0/29", "192.168.11.0/29"]]);
  });

  it("hold for every cable at the same place of a switch, and for no other", () => {
    const config = onSwitch(
      { from: "spark-1/0" },
      { from: "spark-1/1" },
      // Its only cable there is its first, whichever port it is on.
      { from: "spark-2/1", subnets: A },
      { from: "spark-3/1", to: "switch-b" },
    );
    expect(subnetsOf(config)).toEqual([A, undefined, A, undefined]);
  });

  it("may be public, and of any length that two hosts fit in", () => {
    const subnets = ["11.0.0.0/8", "100.64.0.0/30"];
    expect(subnetsOf(cable({ subnets }))).toEqual([subnets]);
  });

  it("are found under any host's name", () => {
    const hosts = [three[0], { name: "constructor", address: "10.0.0.12" }];
    const cables = [{ from: "constructor/0", to: "spark-1/1", addresses: { "spark-1": ["10.1.0.1", "10.2.0.1"] } }];
    expect(subnetsOf({ hosts, cables })).toEqual([["10.1.0.0/24", "10.2.0.0/24"]]);
  });
});

const subnetText =
  "allowed: a unicast subnet from /8 to /30 at its first address, e.g. 192.168.177.0/24; not loopback, link-local, multicast or reserved";

describe("explicit subnets that are wrong", () => {
  saysEach([
    [
      "one only",
      cable({ subnets: ["10.20.0.0/24"] }),
      ["cables[0].subnets: found a list; allowed: a list of exactly two subnets, one for each rail"],
    ],
    ...[
      ["off its start", "10.20.0.1/24"],
      ["without a length", "10.20.0.0"],
      ["for nobody", "10.20.0.0/31"],
      ["this network", "0.0.0.0/8"],
      ["loopback", "127.3.0.0/24"],
      ["link-local", "169.254.7.0/24"],
      ["with link-local in it", "169.0.0.0/8"],
      ["multicast", "239.1.1.0/24"],
      ["reserved", "255.255.255.0/24"],
      ["wider than any", "8.0.0.0/7"],
      ["with a leading zero", "010.20.0.0/24"],
      ["IPv6", "fd00::/64"],
    ].map(
      ([title = "", subnet = ""]): WrongConfig => [
        title,
        cable({ subnets: [subnet, A[1]] }),
        [`cables[0].subnets[0]: found "${subnet}"; ${subnetText}`],
      ],
    ),
    [
      "one for both twins",
      cable({ subnets: ["10.20.0.0/24", "10.20.0.128/25"] }),
      [
        "cables[0].subnets[1]: 10.20.0.128/25 overlaps 10.20.0.0/24 of cables[0].subnets[0]; each rail of a cable needs a subnet of its own",
      ],
    ],
    [
      "one for two cables",
      twoCables({ subnets: A }, { subnets: [B[0], "10.20.0.0/16"] }),
      [
        "cables[1].subnets[1]: 10.20.0.0/16 overlaps 10.20.0.0/24 of cables[0].subnets[0]; each rail of a cable needs a subnet of its own",
      ],
    ],
    [
      "two for one place of a switch",
      onSwitch({ from: "spark-1/0", subnets: A }, { from: "spark-2/1", subnets: B }),
      [
        "cables[1].subnets: found 10.22.0.0/24, 10.23.0.0/24; allowed: 10.20.0.0/24, 10.21.0.0/24, as in cables[0].subnets; at one place of a switch all hosts share them",
      ],
    ],
    [
      "too small for a host's number",
      {
        ...onSwitch({ from: "spark-1/0", subnets: ["10.20.0.0/30", "10.21.0.0/29"] }, { from: "spark-3/0" }),
      },
      [
        "cables[0].subnets[0]: 10.20.0.0/30 is too small for spark-3, whose number is 3; allowed: up to /29, or addresses of its own for spark-3",
      ],
    ],
  ]);
});

describe("explicit addresses that are wrong", () => {
  const addressText = "allowed: a unicast IPv4 address without a prefix length, e.g. 192.168.177.11";
  saysEach([
    ...[
      "10.20.0.7/24",
      "127.0.0.1",
      "169.254.1.1",
      "224.0.0.5",
      "0.0.0.0",
      "255.255.255.255",
      "10.20.0.256",
      "::1",
    ].map(
      (address): WrongConfig => [
        address,
        cable({ subnets: A, addresses: { "spark-1": [address, "10.21.0.7"] } }),
        [`cables[0].addresses.spark-1[0]: found "${address}"; ${addressText}`],
      ],
    ),
    [
      "one only",
      cable({ addresses: { "spark-1": ["10.20.0.7"] } }),
      ["cables[0].addresses.spark-1: found a list; allowed: a list of exactly two addresses, one for each rail"],
    ],
    [
      "of hosts that the cable doesn't end at",
      cable({ subnets: A, addresses: { "spark-3": ["10.20.0.7", "10.21.0.7"] } }),
      ["cables[0].addresses.spark-3: unknown key (did you mean spark-1?); allowed: spark-1, spark-2"],
    ],
    [
      "outside, and at either end of their subnet",
      cable({
        subnets: A,
        addresses: { "spark-1": ["10.21.0.7", "10.21.0.0"], "spark-2": ["10.20.0.7", "10.21.0.255"] },
      }),
      [
        'cables[0].addresses.spark-1[0]: found "10.21.0.7", outside 10.20.0.0/24; allowed: 10.20.0.1 to 10.20.0.254',
        'cables[0].addresses.spark-1[1]: found "10.21.0.0", the network address of 10.21.0.0/24; allowed: 10.21.0.1 to 10.21.0.254',
        'cables[0].addresses.spark-2[1]: found "10.21.0.255", the broadcast address of 10.21.0.0/24; allowed: 10.21.0.1 to 10.21.0.254',
      ],
    ],
    [
      "not in one subnet",
      cable({ addresses: { "spark-1": ["10.20.0.7", "10.21.0.7"], "spark-2": ["10.20.1.7", "10.21.0.8"] } }),
      ['cables[0].addresses.spark-2[0]: found "10.20.1.7", outside 10.20.0.0/24; allowed: 10.20.0.1 to 10.20.0.254'],
    ],
    [
      "twice",
      cable({
        subnets: A,
        addresses: { "spark-1": ["10.20.0.7", "10.21.0.7"], "spark-2": ["10.20.0.7", "10.21.0.8"] },
      }),
      ["cables[0].addresses.spark-2[0]: 10.20.0.7 is already cables[0].addresses.spark-1[0]; every host needs its own"],
    ],
    [
      "twice, on two cables of a switch",
      onSwitch(
        { from: "spark-1/0", addresses: { "spark-1": ["10.20.0.7", "10.21.0.7"] } },
        { from: "spark-2/0", addresses: { "spark-2": ["10.20.0.8", "10.21.0.7"] } },
      ),
      ["cables[1].addresses.spark-2[1]: 10.21.0.7 is already cables[0].addresses.spark-1[1]; every host needs its own"],
    ],
    [
      "what another host gets from its number",
      cable({ subnets: A, addresses: { "spark-1": ["10.20.0.12", "10.21.0.7"] } }),
      [
        "cables[0].addresses.spark-1[0]: 10.20.0.12 is spark-2's by its number; choose another, or give spark-2 addresses too",
      ],
    ],
    [
      "of twins in one subnet",
      cable({ addresses: { "spark-1": ["10.20.0.7", "10.20.0.8"] } }),
      [
        "cables[0].addresses.spark-1[1]: 10.20.0.0/24 overlaps 10.20.0.0/24 of cables[0].addresses.spark-1[0]; each rail of a cable needs a subnet of its own",
      ],
    ],
  ]);

  it("don't imply subnets of a length that is wrong itself", () => {
    const config = cable({ addresses: { "spark-1": ["10.20.0.7", "10.20.0.8"] } }, { prefixLength: 31 });
    expect(() => parse(config)).toThrow(/^1 fault in the stack config:\n {2}network\.prefixLength: found 31;/);
  });
});
