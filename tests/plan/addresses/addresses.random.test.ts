import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { contains, overlap, subnet } from "../../../config/subnets";
import { planAddresses } from "../../../plan/addresses/addresses";
import type { AddressedCable, AddressWish, CableToAddress } from "../../../plan/addresses/links";
import { between, cablings, hostNumbers, linkKey, ringOf, rings, toSwitch, wishes, withExplicit } from "./cablings";

const turned = (cable: CableToAddress): CableToAddress => {
  const [a, b] = cable.ends;
  return "switch" in b ? cable : { ...cable, ends: [b, a] };
};

/** On a switch a number may be too high for a small subnet. */
const fits = (cables: readonly CableToAddress[], { prefixLength }: AddressWish) =>
  cables.every(
    ({ ends: [{ number }, far] }) => prefixLength <= 24 || !("switch" in far) || number < 2 ** (32 - prefixLength) - 1,
  );
const planned = (cables: readonly CableToAddress[], wish: AddressWish) => {
  fc.pre(fits(cables, wish));
  return planAddresses(cables, wish);
};
const byCable = (cables: readonly CableToAddress[], wish: AddressWish) => {
  const addressed = planned(cables, wish);
  return new Map(cables.map((cable, index) => [JSON.stringify(cable.ends), addressed[index]]));
};

describe("for any cabling of two to eight hosts, any first subnet, length and pool", () => {
  const checkApart = (cables: readonly CableToAddress[], addressed: readonly AddressedCable[], wish: AddressWish) => {
    const owners = new Map<string, string>();
    const seen = new Set<string>();
    expect(addressed).toHaveLength(cables.length);
    addressed.forEach(({ subnets, addresses }, index) => {
      const cable = cables[index] ?? between(1, 2);
      if (cable.subnets) expect(subnets).toEqual(cable.subnets);
      expect([...addresses.keys()]).toEqual(cable.ends.flatMap((end) => ("switch" in end ? [] : [end.number])));
      subnets.forEach((text, twin) => {
        const range = subnet(text);
        if (!cable.subnets) {
          expect(range.prefixLength).toBe(wish.prefixLength);
          expect(contains(subnet(wish.pool ?? "0.0.0.0/0"), range)).toBe(true);
        }
        const owner = `${linkKey(cable, cables)} ${twin}`;
        expect(owners.get(text) ?? owner).toBe(owner);
        owners.set(text, owner);
        for (const twins of addresses.values()) {
          const [bare = "", length] = twins[twin]?.split("/") ?? [];
          expect(Number(length)).toBe(range.prefixLength);
          expect(subnet(`${bare}/32`).first).toBeGreaterThan(range.first);
          expect(subnet(`${bare}/32`).last).toBeLessThan(range.last);
          expect(seen).not.toContain(bare);
          seen.add(bare);
        }
      });
    });
    const ranges = [...owners.keys()].map(subnet);
    ranges.forEach((range, index) => {
      expect(ranges.slice(index + 1).filter((other) => overlap(range, other))).toEqual([]);
    });
  };

  it("subnets are apart, and every host has an address of its own in them", () => {
    fc.assert(
      fc.property(cablings, wishes, (cables, wish) => checkApart(cables, planned(cables, wish), wish)),
      { numRuns: 500 },
    );
  });

  it("so they are beside explicit ones, which are kept", () => {
    fc.assert(
      fc.property(withExplicit, wishes, (cables, wish) => checkApart(cables, planned(cables, wish), wish)),
      { numRuns: 500 },
    );
  });

  it("the order of the cables and of their ends doesn't matter", () => {
    const shuffled = withExplicit.chain((cables) =>
      fc.tuple(fc.constant(cables), fc.shuffledSubarray([...cables], { minLength: cables.length }), fc.boolean()),
    );
    fc.assert(
      fc.property(shuffled, wishes, ([cables, others, turn], wish) => {
        const addresses = (some: readonly CableToAddress[], ends: (cable: CableToAddress) => CableToAddress) => {
          const addressed = planned(some.map(ends), wish);
          return new Map(
            some.map((cable, i) => [
              cable,
              { ...addressed[i], addresses: new Map([...(addressed[i]?.addresses ?? [])].sort()) },
            ]),
          );
        };
        expect(addresses(others, turn ? turned : (cable) => cable)).toEqual(addresses(cables, (cable) => cable));
      }),
    );
  });

  it("a host more in a ring changes no other cable, wherever it is put", () => {
    fc.assert(
      fc.property(
        hostNumbers.filter(({ length }) => length > 2),
        fc.nat(),
        wishes,
        (numbers, where, wish) => {
          const added = Math.max(...numbers) + 1;
          const before = byCable(ringOf(numbers), wish);
          const after = byCable(ringOf(numbers.toSpliced(where % numbers.length, 0, added)), wish);
          const kept = [...before].filter(([cable]) => after.has(cable));
          expect(kept).toHaveLength(numbers.length - 1);
          for (const [cable, addressed] of kept) expect(after.get(cable)).toEqual(addressed);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("a host more at a switch changes no other cable", () => {
    fc.assert(
      fc.property(hostNumbers, fc.integer({ min: 1, max: 244 }), wishes, (numbers, added, wish) => {
        fc.pre(!numbers.includes(added));
        const cables = (some: readonly number[]) => some.flatMap((number) => [toSwitch(number), toSwitch(number, 1)]);
        const before = byCable(cables(numbers), wish);
        const after = byCable(cables([...numbers, added]), wish);
        for (const [cable, addressed] of before) expect(after.get(cable)).toEqual(addressed);
      }),
    );
  });

  it("a cable more to a host with a higher number changes no other cable", () => {
    fc.assert(
      fc.property(rings, wishes, (cables, wish) => {
        const numbers = cables.map(({ ends: [{ number }] }) => number);
        const more = numbers.map((number) => between(number, Math.max(...numbers) + 1));
        const before = byCable(cables, wish);
        const after = byCable([...cables, ...more], wish);
        for (const [cable, addressed] of before) expect(after.get(cable)).toEqual(addressed);
      }),
    );
  });
});
