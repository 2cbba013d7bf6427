import fc from "fast-check";
import type { CableConfig, ClusterConfig, PortNumber } from "../../config/cluster";
import { cluster, declared } from "./hosts";

/** Random meshes of two to eight hosts: what is cabled to what, and a stack config that fits. */

export interface RandomMesh {
  readonly config: ClusterConfig;
  /** As `freshProbes` takes it. */
  readonly wiring: string;
}

const PORTS: readonly PortNumber[] = [0, 1];

const shuffled = <T>(values: readonly T[]) =>
  fc.shuffledSubarray([...values], { minLength: values.length, maxLength: values.length });

/** Numbers that leave room for a larger one. */
const numbersOf = (count: number) =>
  fc.oneof(
    fc.constant(Array.from({ length: count }, (_, index) => index + 1)),
    fc.uniqueArray(fc.integer({ min: 1, max: 200 }), { minLength: count, maxLength: count }),
  );

const networks: fc.Arbitrary<Pick<ClusterConfig["network"], "firstSubnet" | "prefixLength" | "pool">> = fc.constantFrom(
  { firstSubnet: "192.168.177.0/24", prefixLength: 24 },
  { firstSubnet: "192.168.250.0/24", prefixLength: 24 },
  { firstSubnet: "10.64.0.0/16", prefixLength: 16, pool: "10.0.0.0/8" },
  { firstSubnet: "10.77.0.0/22", prefixLength: 22, pool: "10.77.0.0/16" },
);

/** Hosts in any rank order and with any numbers. */
export function configs(count: number, cables?: readonly CableConfig[]): fc.Arbitrary<ClusterConfig> {
  return fc.tuple(numbersOf(count), networks).chain(([numbers, network]) => {
    const hosts = cluster({}, count).hosts.map((host, index) => ({ ...host, number: numbers[index] ?? 0 }));
    return shuffled(hosts).map((ranked) => {
      const wish = { hosts: ranked, network: { ...cluster().network, ...network } };
      return cluster({ ...wish, ...(cables && { cables }) });
    });
  });
}

const counts = fc.integer({ min: 2, max: 8 });
const hostsOf = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

const pairs = fc
  .constantFrom("1/0-2/0", "1/0-2/1", "1/1-2/0", "1/1-2/1", "1/0-2/0 1/1-2/1", "1/0-2/1 1/1-2/0")
  .map((wiring) => ({ count: 2, wiring, isDeclared: false }));

/** Round through the hosts in any order, in either direction. Four and more are declared, and so may three be. */
export const rings = fc
  .tuple(fc.integer({ min: 3, max: 8 }), fc.boolean(), fc.boolean())
  .chain(([count, back, isDeclared]) =>
    shuffled(hostsOf(count)).map((round) => {
      const wires = round.map((host, index) => {
        const next = round[(index + 1) % count];
        return back ? `${host}/1-${next}/0` : `${host}/0-${next}/1`;
      });
      return { count, wiring: wires.join(" "), isDeclared: isDeclared || count > 3 };
    }),
  );

/** One cable a host on any port, or both on one switch, or one on each of two, any way round. */
export const switches = fc
  .tuple(counts, fc.boolean(), fc.constantFrom("one", "both", "two"))
  .chain(([count, isDeclared, how]) =>
    fc.array(fc.constantFrom(...PORTS), { minLength: count, maxLength: count }).map((ports) => {
      const wires = ports.flatMap((port, index) => {
        const [first, second] = [`${index + 1}/${port}-switch-a`, `${index + 1}/${1 - port}`];
        return how === "one" ? [first] : [first, `${second}-switch-${how === "two" ? "b" : "a"}`];
      });
      return { count, wiring: wires.join(" "), isDeclared };
    }),
  );

/** Any ports joined with any others, in twos or in crowds. */
export const garbage = fc.tuple(counts, fc.boolean()).chain(([count, isDeclared]) => {
  const ports = hostsOf(count).flatMap((host) => PORTS.map((port) => `${host}/${port}`));
  const sizes = fc.array(fc.constantFrom(1, 2, 2, 2, 3, 4), { minLength: ports.length, maxLength: ports.length });
  return fc.tuple(shuffled(ports), sizes, fc.nat(ports.length)).map(([order, groups, unused]) => {
    const wires: string[] = [];
    let left = order.slice(unused);
    for (const size of groups) {
      const [a, b] = left;
      if (size === 2 && b) wires.push(`${a}-${b}`);
      else wires.push(...left.slice(0, size).map((end) => `${end}-switch-${wires.length}`));
      left = left.slice(size);
    }
    return { count, wiring: wires.join(" "), isDeclared: isDeclared && wires.length > 0 };
  });
});

type Cabled = { readonly count: number; readonly wiring: string; readonly isDeclared: boolean };

export const meshesOf = (cablings: fc.Arbitrary<Cabled>): fc.Arbitrary<RandomMesh> =>
  cablings.chain(({ count, wiring, isDeclared }) =>
    configs(count, isDeclared ? declared(wiring) : undefined).map((config) => ({ config, wiring })),
  );

/** Those that can be built. */
export const meshes = meshesOf(fc.oneof(pairs, rings, switches));
