import fc from "fast-check";
import type { PortNumber } from "../../../config/cluster";
import type { AddressWish, CableToAddress } from "../../../plan/addresses/links";

/** Random cablings and address wishes, as the stack config and the cables allow them. */

const PORTS: readonly PortNumber[] = [0, 1];

export const between = (a: number, b: number, aPort: PortNumber = 0, bPort: PortNumber = 1): CableToAddress => ({
  ends: [
    { number: a, port: aPort },
    { number: b, port: bPort },
  ],
});

export const toSwitch = (number: number, port: PortNumber = 0, name = "switch-a"): CableToAddress => ({
  ends: [{ number, port }, { switch: name }],
});

/** A ring in the order of the numbers given, port 0 of each to port 1 of the next. */
export const ringOf = (numbers: readonly number[]): readonly CableToAddress[] =>
  numbers.map((number, index) => between(number, numbers[(index + 1) % numbers.length] ?? 0));

const consecutive = fc.integer({ min: 2, max: 8 }).map((count) => Array.from({ length: count }, (_, i) => i + 1));
const anyNumbers = fc.uniqueArray(fc.integer({ min: 1, max: 243 }), { minLength: 2, maxLength: 8 });

/** Two to eight hosts' numbers, in any order. */
export const hostNumbers = fc
  .oneof(consecutive, anyNumbers)
  .chain((numbers) => fc.shuffledSubarray([...numbers], { minLength: numbers.length, maxLength: numbers.length }));

const pairs = hostNumbers.chain(([a = 1, b = 2]) =>
  fc.constantFrom(
    ...PORTS.flatMap((p) => PORTS.map((q) => [between(a, b, p, q)])),
    [between(a, b, 0, 0), between(a, b, 1, 1)],
    [between(a, b, 0, 1), between(a, b, 1, 0)],
  ),
);
export const rings = hostNumbers.filter(({ length }) => length > 2).map(ringOf);
/** Each host's one cable on any of its ports, or both, to one switch or to two. */
const switched = fc.oneof(
  hostNumbers.chain((numbers) =>
    fc.tuple(...numbers.map((number) => fc.constantFrom(...PORTS).map((port) => toSwitch(number, port)))),
  ),
  fc
    .tuple(hostNumbers, fc.constantFrom("switch-a", "rack 1"))
    .map(([numbers, second]) => numbers.flatMap((number) => [toSwitch(number, 0), toSwitch(number, 1, second)])),
);

export const cablings: fc.Arbitrary<readonly CableToAddress[]> = fc.oneof(pairs, rings, switched);

/** What shares its subnets has the same key: at a switch, all hosts' first cables there, and all second ones. */
export function linkKey({ ends: [near, far] }: CableToAddress, cables: readonly CableToAddress[]): string {
  if (!("switch" in far)) return JSON.stringify([near, far]);
  const lower = cables.filter(
    ({ ends: [a, b] }) => a.number === near.number && a.port < near.port && "switch" in b && b.switch === far.switch,
  );
  return `${far.switch} ${lower.length}`;
}

/** With subnets of their own for some links. */
export const withExplicit = cablings.chain((cables) => {
  const keys = [...new Set(cables.map((cable) => linkKey(cable, cables)))];
  return fc.tuple(fc.nat(3), fc.integer({ min: 0, max: 200 }), fc.subarray(keys)).map(([second, third, explicit]) =>
    cables.map((cable): CableToAddress => {
      const index = explicit.indexOf(linkKey(cable, cables));
      if (index < 0) return cable;
      const subnet = (twin: number) => `10.${second}.${third + 3 * index + twin}.0/24`;
      return { ...cable, subnets: [subnet(0), subnet(1)] };
    }),
  );
});

const octet = fc.nat(255);
const octets24 = fc
  .tuple(
    fc.oneof(
      fc.constant("192.168"),
      fc.nat(3).map((second) => `10.${second}`),
    ),
    octet,
  )
  .map(([start, third]): AddressWish => ({ firstSubnet: `${start}.${third}.0/24`, prefixLength: 24 }));
const address = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
const TEN = 10 * 2 ** 24;
/** With room for at least 128 subnets, from any of them on. */
const roomy = fc.integer({ min: 16, max: 30 }).chain((prefixLength) =>
  fc
    .tuple(fc.integer({ min: 8, max: prefixLength - 7 }), fc.nat(), fc.nat(), fc.boolean())
    .map(([poolLength, where, from, withPool]): AddressWish => {
      const [poolSize, size] = [2 ** (32 - poolLength), 2 ** (32 - prefixLength)];
      const pool = TEN + (where % (2 ** 24 / poolSize)) * poolSize;
      const firstSubnet = `${address(pool + (from % (poolSize / size)) * size)}/${prefixLength}`;
      return { firstSubnet, prefixLength, ...(withPool && { pool: `${address(pool)}/${poolLength}` }) };
    }),
);

export const wishes: fc.Arbitrary<AddressWish> = fc.oneof(octets24, roomy);
