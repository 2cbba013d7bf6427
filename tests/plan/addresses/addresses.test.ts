import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compareCables, planAddresses } from "../../../plan/addresses/addresses";
import type { AddressWish, CableToAddress } from "../../../plan/addresses/links";
import { between, ringOf, toSwitch } from "./cablings";

const article: AddressWish = { firstSubnet: "192.168.177.0/24", prefixLength: 24 };
const from = (firstSubnet: string): AddressWish => ({ firstSubnet, prefixLength: Number(firstSubnet.split("/")[1]) });
const subnetsOf = (cables: readonly CableToAddress[], wish = article) =>
  planAddresses(cables, wish).map(({ subnets }) => subnets);
const thirdOctets = (cables: readonly CableToAddress[], firstSubnet = "192.168.177.0/24") =>
  subnetsOf(cables, from(firstSubnet)).map((twins) => twins.map((twin) => Number(twin.split(".")[2])));
const addressesOf = (cable: CableToAddress, wish = article) =>
  Object.fromEntries(planAddresses([cable], wish)[0]?.addresses ?? []);

describe("the subnets of cables between hosts", () => {
  it("are the article's six", () => {
    expect(subnetsOf([between(1, 2), between(1, 3), between(2, 3)])).toEqual([
      ["192.168.177.0/24", "192.168.178.0/24"],
      ["192.168.187.0/24", "192.168.188.0/24"],
      ["192.168.197.0/24", "192.168.198.0/24"],
    ]);
  });

  it("stay when a host is added", () => {
    const three = [between(1, 2), between(1, 3), between(2, 3)];
    const four = [...three, between(1, 4), between(3, 4)];
    expect(subnetsOf(four, from("10.1.0.0/24")).slice(0, 3)).toEqual(subnetsOf(three, from("10.1.0.0/24")));
    expect(thirdOctets(four).slice(3)).toEqual([
      [207, 208],
      [227, 228],
    ]);
  });

  it("are the highest free pair where the slot is past 254", () => {
    expect(thirdOctets([between(1, 2), between(1, 9), between(2, 9)])).toEqual([
      [177, 178],
      [253, 254],
      [251, 252],
    ]);
    expect(thirdOctets([between(1, 2)], "192.168.254.0/24")).toEqual([[253, 254]]);
    expect(thirdOctets([between(1, 2), between(1, 3), between(2, 3)], "192.168.244.0/24")).toEqual([
      [244, 245],
      [253, 254],
      [251, 252],
    ]);
    expect(thirdOctets(ringOf([1, 2, 3, 4, 5]))).toContainEqual([253, 254]);
  });

  it("are the highest free pair for a pair's second cable", () => {
    expect(thirdOctets([between(1, 2, 1, 0), between(1, 2)])).toEqual([
      [253, 254],
      [177, 178],
    ]);
  });

  it("leave their slot to others where they are declared, and are nobody else's", () => {
    const subnets = ["192.168.187.0/24", "10.0.0.0/24"] as const;
    expect(thirdOctets([{ ...between(1, 2), subnets }, between(1, 2, 1, 0), between(1, 3)])).toEqual([
      [187, 0],
      [177, 178],
      [253, 254],
    ]);
    const wide = ["192.168.192.0/18", "192.168.0.0/17"] as const;
    expect(thirdOctets([{ ...between(1, 2), subnets: wide }, between(1, 3), between(2, 3)]).slice(1)).toEqual([
      [187, 188],
      [190, 191],
    ]);
  });

  it("follow each other with another length, or with a pool", () => {
    const three = [between(1, 2), between(1, 3), between(2, 3)];
    expect(subnetsOf(three, from("10.0.0.192/26"))).toEqual([
      ["10.0.0.192/26", "10.0.1.0/26"],
      ["10.0.1.64/26", "10.0.1.128/26"],
      ["10.0.1.192/26", "10.0.2.0/26"],
    ]);
    expect(subnetsOf(three, { ...from("10.0.4.0/24"), pool: "10.0.0.0/21" })).toEqual([
      ["10.0.4.0/24", "10.0.5.0/24"],
      ["10.0.6.0/24", "10.0.7.0/24"],
      ["10.0.2.0/24", "10.0.3.0/24"],
    ]);
  });

  it("run out with a fault", () => {
    const pool = { firstSubnet: "10.0.0.0/30", prefixLength: 30, pool: "10.0.0.0/28" };
    expect(() => planAddresses(ringOf([1, 2, 3]), pool)).toThrow(
      "1 fault in the address plan:\n  spark-mesh:network.pool: found 10.0.0.0/28, which has room for 2 of 3 pairs of /30 subnets; set a larger spark-mesh:network.pool, or a longer spark-mesh:network.prefixLength",
    );
    const octets = Array.from({ length: 128 }, (_, index) => index + 1);
    expect(() => planAddresses(ringOf(octets), article)).toThrow(
      "network.firstSubnet: found 192.168.177.0/24, which has room for 127 of 128 pairs",
    );
  });
});

describe("the subnets of a switch", () => {
  it("are one pair for the first cable of every host, one for the second", () => {
    const cables = [toSwitch(3, 1), toSwitch(1, 0), toSwitch(1, 1), toSwitch(2, 0)];
    expect(thirdOctets(cables)).toEqual([
      [177, 178],
      [177, 178],
      [187, 188],
      [177, 178],
    ]);
  });

  it("go by the switches' names", () => {
    const cables = [toSwitch(1, 0, "b"), toSwitch(1, 1, "a"), toSwitch(2, 0, "b"), toSwitch(2, 1, "a")];
    expect(thirdOctets(cables)).toEqual([
      [197, 198],
      [177, 178],
      [197, 198],
      [177, 178],
    ]);
  });

  it("are those that any of its cables declares", () => {
    const subnets = ["10.1.0.0/24", "10.2.0.0/24"] as const;
    expect(subnetsOf([toSwitch(1), { ...toSwitch(2), subnets }, toSwitch(3), toSwitch(1, 1)])).toEqual([
      subnets,
      subnets,
      subnets,
      ["192.168.187.0/24", "192.168.188.0/24"],
    ]);
  });

  it("that are too small for a host's number are a fault", () => {
    expect(() => planAddresses([toSwitch(1), toSwitch(7)], from("10.0.0.0/29"))).toThrow(
      "1 fault in the address plan:\n  spark-mesh:network.prefixLength: 10.0.0.0/29 at switch-a is too small for the host numbered 7; allowed there: at most 28",
    );
    const cable = { ...toSwitch(7), subnets: ["10.1.0.0/29", "10.2.0.0/29"] as const };
    expect(addressesOf({ ...cable, addresses: new Map([[7, ["10.1.0.1", "10.2.0.1"]]]) })).toEqual({
      7: ["10.1.0.1/29", "10.2.0.1/29"],
    });
    expect(addressesOf(toSwitch(6), from("10.0.0.0/29"))).toEqual({ 6: ["10.0.0.6/29", "10.0.0.14/29"] });
  });
});

describe("a host's addresses", () => {
  it("end in 10 + number", () => {
    expect(addressesOf(between(244, 1))).toMatchObject({ 1: ["192.168.253.11/24", "192.168.254.11/24"] });
    expect(addressesOf(toSwitch(244))).toEqual({ 244: ["192.168.177.254/24", "192.168.178.254/24"] });
    expect(addressesOf(between(1, 2), from("10.16.0.0/16"))).toEqual({
      1: ["10.16.0.11/16", "10.17.0.11/16"],
      2: ["10.16.0.12/16", "10.17.0.12/16"],
    });
  });

  it("are the first two in a smaller subnet, the lower number first", () => {
    expect(addressesOf(between(9, 7), { ...from("10.0.0.0/30"), pool: "10.0.0.0/29" })).toEqual({
      9: ["10.0.0.2/30", "10.0.0.6/30"],
      7: ["10.0.0.1/30", "10.0.0.5/30"],
    });
  });

  it("are the declared ones, in the declared subnets", () => {
    const cable: CableToAddress = {
      ...between(1, 2),
      subnets: ["10.0.0.0/22", "10.1.0.8/29"],
      addresses: new Map([[1, ["10.0.3.7", "10.1.0.14"]]]),
    };
    expect(addressesOf(cable)).toEqual({ 1: ["10.0.3.7/22", "10.1.0.14/29"], 2: ["10.0.0.12/22", "10.1.0.10/29"] });
  });
});

it("cables are in order of slot and ports, then of switch, number and port", () => {
  const cables = [
    between(1, 2),
    between(2, 1, 0, 1),
    between(1, 3, 1, 1),
    between(2, 3),
    toSwitch(7, 1, "a"),
    toSwitch(1, 0, "b"),
    toSwitch(1, 1, "b"),
    toSwitch(2, 0, "b"),
  ];
  fc.assert(
    fc.property(fc.shuffledSubarray(cables, { minLength: cables.length }), (shuffled) => {
      expect([...shuffled].sort(compareCables)).toEqual(cables);
    }),
  );
});
