import { describe, expect, it } from "vitest";
import { addressIn, type NumberedCable, planSubnets } from "../../plan/addresses";

const cable = (i: number, j: number, port: 0 | 1 = 0): NumberedCable => [
  { number: i, port },
  { number: j, port: port === 0 ? 1 : 0 },
];
const thirdOctets = (cables: readonly NumberedCable[], first = "192.168.177.0/24") =>
  planSubnets(cables, first).map((pair) => pair.map((subnet) => Number(subnet.split(".")[2])));

describe("planSubnets", () => {
  it("gives the article's six subnets", () => {
    expect(planSubnets([cable(1, 2), cable(1, 3), cable(2, 3)], "192.168.177.0/24")).toEqual([
      ["192.168.177.0/24", "192.168.178.0/24"],
      ["192.168.187.0/24", "192.168.188.0/24"],
      ["192.168.197.0/24", "192.168.198.0/24"],
    ]);
  });

  it("keeps the subnets of the others when a host is added", () => {
    const three = [cable(1, 2), cable(1, 3), cable(2, 3)];
    const four = [...three, cable(1, 4), cable(3, 4)];
    expect(planSubnets(four, "10.1.0.0/24").slice(0, 3)).toEqual(planSubnets(three, "10.1.0.0/24"));
    expect(thirdOctets(four).slice(3)).toEqual([
      [207, 208],
      [227, 228],
    ]);
  });

  it("moves a slot past 254 to the highest free pair", () => {
    expect(thirdOctets([cable(1, 2), cable(1, 9), cable(2, 9)])).toEqual([
      [177, 178],
      [253, 254],
      [251, 252],
    ]);
    expect(thirdOctets([cable(1, 2)], "192.168.254.0/24")).toEqual([[253, 254]]);
    expect(thirdOctets([cable(1, 2), cable(1, 3), cable(2, 3)], "192.168.244.0/24")).toEqual([
      [244, 245],
      [253, 254],
      [251, 252],
    ]);
  });

  it("moves a pair's second cable to the highest free pair", () => {
    expect(thirdOctets([cable(1, 2, 1), cable(1, 2, 0)])).toEqual([
      [253, 254],
      [177, 178],
    ]);
  });

  it("depends neither on the order of cables nor on that of their ends", () => {
    const cables = [cable(1, 2), cable(1, 9), cable(2, 9)];
    const turned = [...cables].reverse().map(([a, b]): NumberedCable => [b, a]);
    expect(planSubnets(turned, "192.168.177.0/24")).toEqual([...planSubnets(cables, "192.168.177.0/24")].reverse());
  });
});

describe("addressIn", () => {
  it("ends in 10 + number", () => {
    expect(addressIn("192.168.177.0/24", 1)).toBe("192.168.177.11/24");
    expect(addressIn("192.168.177.0/24", 244)).toBe("192.168.177.254/24");
  });
});
