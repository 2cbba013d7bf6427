import { describe, expect, test } from "vitest";
import {
  bridgesOf,
  cableAt,
  endName,
  managementOf,
  namesOf,
  netdevLines,
  parsePort,
  parseWiring,
  preferredNetwork,
  twinsOf,
} from "../../lab/layout";

function words(wiring: string, hosts: number): string[] {
  return parseWiring(wiring, hosts).map(({ from, to }) => `${endName(from)}-${endName(to)}`);
}

describe("parseWiring", () => {
  test.each([
    ["ring", 3, ["1/0-2/1", "2/0-3/1", "3/0-1/1"]],
    ["ring", 4, ["1/0-2/1", "2/0-3/1", "3/0-4/1", "4/0-1/1"]],
    ["pair", 2, ["1/0-2/1"]],
    ["switch", 3, ["1/0-switch-a", "2/0-switch-a", "3/0-switch-a"]],
    ["1/0-2/0, 1/1-switch-b", 2, ["1/0-2/0", "1/1-switch-b"]],
    ["1/0-2/0 1/1-2/1", 2, ["1/0-2/0", "1/1-2/1"]],
    ["1/0-switch-a 1/1-switch-a", 1, ["1/0-switch-a", "1/1-switch-a"]],
    ["", 3, []],
  ])("%s of %i", (wiring, hosts, expected) => {
    expect(words(wiring, hosts)).toEqual(expected);
  });

  test.each([
    ["pair", 3, "wiring: found a pair of 3, wanted --hosts 2"],
    ["ring", 1, "wiring: found a ring of 1, wanted 2 hosts or more"],
    ["1/0-2/2", 3, 'wiring[0]: found "1/0-2/2", wanted'],
    ["1/0-2/0 1/0-3/0", 3, "wiring[1]: 1/0 is already used by wiring[0]; a port takes one cable"],
    ["1/0-4/1 0/0-2/1", 3, "wiring[0]: found host 4, wanted 1 to 3\nwiring[1]: found host 0, wanted 1 to 3"],
    ["1/0-1/0", 1, "wiring[0]: 1/0 is already used by wiring[0]"],
  ])("refuses %s of %i", (wiring, hosts, message) => {
    expect(() => parseWiring(wiring, hosts)).toThrow(message);
  });
});

test("a cable is two netdevs at each end, and each twin has a bridge of its own", () => {
  const [cable] = parseWiring("1/0-2/1", 2);
  if (cable === undefined) {
    throw new Error("no cable");
  }
  const end = parsePort("2/1");
  expect(netdevLines(twinsOf(7, cable, end, true))).toBe(
    "sml7-panel\tenp1s0f1np1\t02:5b:00:07:02:02\ts2p1a\tc1p0-2p1a\ts1p0a\n" +
      "sml7-panel\tenP2p1s0f1np1\t02:5b:00:07:02:03\ts2p1b\tc1p0-2p1b\ts1p0b\n",
  );
  expect(bridgesOf([cable])).toEqual(["c1p0-2p1a", "c1p0-2p1b"]);
  expect(twinsOf(7, cable, end, false).map(({ far }) => far)).toEqual(["!", "!"]);
});

test("a switch joins all its cables and their twins, and always answers", () => {
  const cables = parseWiring("switch", 3);
  expect(bridgesOf(cables)).toEqual(["switch-a"]);
  expect(cables.flatMap((cable) => twinsOf(7, cable, cable.from, true).map(({ far }) => far))).toEqual(
    Array(6).fill("-"),
  );
});

test("every interface name fits the kernel's 15 characters, in the largest lab", () => {
  const ring = parseWiring("ring", 99);
  const netdevs = ring.flatMap((cable) => twinsOf(254, cable, cable.from, true));
  const names = [...netdevs, managementOf(254, 99)].flatMap(({ netdev, outer, bridge }) => [netdev, outer, bridge]);
  names.push(namesOf(254).management, ...bridgesOf(parseWiring("1/0-switch-of-rck", 1)));
  expect(names.filter((name) => name.length > 15)).toEqual([]);
});

test("no two netdevs of a machine's labs share a MAC", () => {
  const macs = [1, 2].flatMap((network) =>
    parseWiring("ring", 99).flatMap((cable) =>
      [cable.from, cable.to].flatMap((end) =>
        end.kind === "port" ? twinsOf(network, cable, end, true).map(({ mac }) => mac) : [],
      ),
    ),
  );
  expect(new Set(macs).size).toBe(2 * 99 * 4);
});

test("cableAt finds a cable by either end", () => {
  const cables = parseWiring("ring", 3);
  expect(cableAt(cables, parsePort("2/1"))).toBe(cables[0]);
  expect(cableAt(cables, parsePort("4/0"))).toBeUndefined();
  expect(() => parsePort("1/2")).toThrow("wanted HOST/PORT");
});

test("a lab's network number is always one that an address can have", () => {
  for (const name of ["default", "a", "test-lab", "z".repeat(31)]) {
    expect(preferredNetwork(name)).toBeGreaterThanOrEqual(1);
    expect(preferredNetwork(name)).toBeLessThanOrEqual(254);
  }
});
