import { describe, expect, it } from "vitest";
import type { PortNumber } from "../../../config/cluster";
import type { Probe } from "../../../facts/hostFacts";
import { planMesh } from "../../../plan/planMesh";
import {
  change,
  changeNetdev,
  cluster,
  declared,
  faults,
  freshProbes,
  netdevName,
  silenced,
  type Twin,
} from "../hosts";
import { cableNames } from "../shown";

interface Port {
  readonly host: number;
  readonly port: PortNumber;
}
type Cable = readonly [Port, Port];

/** Every way to join some of the ports of so many hosts in pairs. */
function cablings(count: number): readonly (readonly Cable[])[] {
  const joined = ([port, ...rest]: readonly Port[]): readonly (readonly Cable[])[] => {
    if (!port) return [[]];
    const cabled = rest.flatMap((far) =>
      joined(rest.filter((one) => one !== far)).map((more): Cable[] => [[port, far], ...more]),
    );
    return [...joined(rest), ...cabled];
  };
  const hosts = Array.from({ length: count }, (_, index) => index + 1);
  return joined(hosts.flatMap((host) => [0 as const, 1 as const].map((port) => ({ host, port }))));
}

const text = ({ host, port }: Port) => `${host}/${port}`;
const nameOf = ([a, b]: Cable) => `spark-${text(a)}-spark-${text(b)}`;
const wiringOf = (cables: readonly Cable[]) => cables.map(([a, b]) => `${text(a)}-${text(b)}`).join(" ");
const joins = ([a, b]: Cable, x: number, y: number) => (a.host === x && b.host === y) || (a.host === y && b.host === x);
const TWINS: readonly Twin[] = [0, 1];

/** Port 0 to port 1, and round through all hosts. */
function isRing(cables: readonly Cable[], count: number): boolean {
  if (cables.length !== count || cables.some(([a, b]) => a.port === b.port)) return false;
  const next = new Map(cables.map(([a, b]) => (a.port === 0 ? [a.host, b.host] : [b.host, a.host])));
  const round = new Set<number>();
  for (let host = 1; !round.has(host); host = next.get(host) ?? host) round.add(host);
  return round.size === count;
}

/** Whether one of the lines has all these words. */
const saysIn =
  (lines: readonly string[]) =>
  (...words: readonly string[]) =>
    lines.some((line) => words.every((word) => line.includes(word)));

/** Loops, straight cables and double ones are each named, and nothing else is called so. */
function expectWrongCablesNamed(cables: readonly Cable[], lines: readonly string[]): void {
  const said = saysIn(lines);
  const about = (words: string) => lines.filter((line) => line.includes(words)).length;
  const loops = cables.filter(([a, b]) => a.host === b.host);
  const straight = cables.filter(([a, b]) => a.host !== b.host && a.port === b.port);
  for (const cable of loops) expect(said("cabled to each other", nameOf(cable))).toBe(true);
  for (const cable of straight) {
    expect(said(`port ${cable[0].port} is cabled to port ${cable[1].port}`, nameOf(cable))).toBe(true);
  }
  const double = cables.filter((cable) => cable[0].host !== cable[1].host && twin(cable, cables));
  for (const cable of double) expect(said("two cables lead to", nameOf(cable))).toBe(true);
  expect([about("cabled to each other"), about("is cabled to port"), about("two cables lead to")]).toEqual([
    loops.length,
    straight.length,
    double.length / 2,
  ]);
}

const twin = (cable: Cable, cables: readonly Cable[]) =>
  cables.find((other) => other !== cable && joins(other, cable[0].host, cable[1].host));

/** In a ring of three every pair without a cable is named, and no other. */
function expectMissingNamed(cables: readonly Cable[], lines: readonly string[]): void {
  for (const [x, y] of [
    [1, 2],
    [2, 3],
    [1, 3],
  ] as const) {
    const missing = !cables.some((cable) => joins(cable, x, y));
    expect(saysIn(lines)("no cable is seen", `spark-${x}`, `spark-${y}`)).toBe(missing);
  }
}

function withoutUnused(probes: Map<string, Probe>): Map<string, Probe> {
  return [...probes.keys()].reduce(
    (all, host) => change(all, host, (facts) => ({ ...facts, cx7: facts.cx7.filter(({ carrier }) => carrier) })),
    probes,
  );
}

/** What a netdev hears, and whether light comes in. */
function quiet(probes: Map<string, Probe>, { host, port }: Port, twin: Twin, carrier: boolean): Map<string, Probe> {
  const edit = { carrier, neighbours: [] };
  return changeNetdev(probes, `spark-${host}`, netdevName(port, twin), (netdev) => ({ ...netdev, ...edit }));
}

describe("every cabling of three hosts with two ports", () => {
  const all = cablings(3);
  const rings = all.filter((cables) => isRing(cables, 3));

  const expectRing = (cables: readonly Cable[], probes: Map<string, Probe>) =>
    expect(cableNames(planMesh(cluster(), probes)).sort(), wiringOf(cables)).toEqual(cables.map(nameOf).sort());

  it("is 76 in all, two of them rings", () => {
    expect([all.length, rings.length]).toEqual([76, 2]);
  });

  it.each(["present", "absent"] as const)("is a ring or named by its fault, with the unused ports %s", (unused) => {
    for (const cables of all) {
      const fresh = freshProbes(wiringOf(cables));
      const probes = unused === "absent" ? withoutUnused(fresh) : fresh;
      if (isRing(cables, 3)) {
        expectRing(cables, probes);
        continue;
      }
      const lines = faults(probes).filter((line) => !line.includes("requires 2 physical ports"));
      expect(lines.length, wiringOf(cables)).toBeGreaterThan(0);
      expectWrongCablesNamed(cables, lines);
      expectMissingNamed(cables, lines);
    }
  });

  it("is judged alike where it is declared, in silence", () => {
    for (const cables of all.filter(({ length }) => length > 0)) {
      const config = cluster({ cables: declared(wiringOf(cables)) });
      const probes = silenced(freshProbes(wiringOf(cables)));
      if (isRing(cables, 3)) {
        expect(cableNames(planMesh(config, probes)).sort()).toEqual(cables.map(nameOf).sort());
        continue;
      }
      const lines = faults(probes, config);
      expectWrongCablesNamed(cables, lines);
      expectMissingNamed(cables, lines);
    }
  });

  it("is named by its cable and both netdevs where half of one is dead, besides all else", () => {
    for (const cables of all) {
      for (const [cable, twin] of cables.flatMap((one) => TWINS.map((dead) => [one, dead] as const))) {
        const fresh = freshProbes(wiringOf(cables));
        const lines = faults(cable.reduce((probes, end) => quiet(probes, end, twin, false), fresh));
        for (const { host, port } of cable) {
          const words = [`spark-${host}: ${netdevName(port, twin)} has no carrier while the other rail`, nameOf(cable)];
          expect(saysIn(lines)(...words), wiringOf(cables)).toBe(true);
        }
        expect(lines.filter((line) => line.includes("is dead"))).toHaveLength(2);
        expectWrongCablesNamed(cables, lines);
        expectMissingNamed(cables, lines);
      }
    }
  });

  it("is the same where a cable is heard at one of its ends only", () => {
    for (const cables of all) {
      for (const deaf of cables.flat()) {
        const fresh = freshProbes(wiringOf(cables));
        const probes = TWINS.reduce((so, twin) => quiet(so, deaf, twin, true), fresh);
        if (isRing(cables, 3)) expectRing(cables, probes);
        else expect(faults(probes)).toEqual(faults(fresh));
      }
    }
  });

  it("is named port by port where a switch is in the path of a ring", () => {
    for (const cables of rings) {
      for (let subset = 1; subset < 2 ** cables.length; subset += 1) {
        const isSwitched = (index: number) => (subset >> index) % 2 === 1;
        const wiring = cables.flatMap((cable, index) =>
          isSwitched(index) ? cable.map((end) => `${text(end)}-path${index}`) : [wiringOf([cable])],
        );
        const lines = faults(freshProbes(wiring.join(" ")));
        const ports = cables.filter((_, index) => isSwitched(index)).flat();
        expect(lines).toHaveLength(ports.length);
        for (const { host, port } of ports) {
          expect(saysIn(lines)(`spark-${host}: ${netdevName(port, 0)}`, "a switch is in the path")).toBe(true);
        }
      }
    }
  });
});

describe("every cabling of two hosts with two ports", () => {
  it("is a pair or named by its fault", () => {
    const all = cablings(2);
    expect(all).toHaveLength(10);
    for (const cables of all) {
      const probes = freshProbes(wiringOf(cables), 2);
      const across = cables.filter((cable) => joins(cable, 1, 2));
      const loops = cables.filter((cable) => !across.includes(cable));
      if (loops.length === 0 && across.length > 0) {
        const plan = planMesh(cluster({}, 2), probes);
        expect([plan.topology, ...cableNames(plan)]).toEqual(["direct", ...cables.map(nameOf)]);
        continue;
      }
      const lines = faults(probes, cluster({}, 2));
      for (const cable of loops) expect(saysIn(lines)("cabled to each other", nameOf(cable))).toBe(true);
      expect(saysIn(lines)("no cable is seen between spark-1 and spark-2")).toBe(across.length === 0);
    }
  });
});

describe("every cabling of four hosts with two ports", () => {
  it("is a ring where it is declared and is one, else named by its fault", () => {
    const all = cablings(4).filter(({ length }) => length > 0);
    expect(all).toHaveLength(763);
    let found = 0;
    for (const cables of all) {
      const config = cluster({ cables: declared(wiringOf(cables)) }, 4);
      const probes = silenced(freshProbes(wiringOf(cables), 4));
      if (isRing(cables, 4)) {
        found += 1;
        expect(planMesh(config, probes).topology).toBe("ring");
        continue;
      }
      const lines = faults(probes, config);
      expectWrongCablesNamed(cables, lines);
      const used = cables.flat().map(text);
      for (const port of ["1/0", "1/1", "2/0", "2/1", "3/0", "3/1", "4/0", "4/1"]) {
        expect(saysIn(lines)("no cable is seen", `spark-${port}`), wiringOf(cables)).toBe(!used.includes(port));
      }
    }
    expect(found).toBe(6);
  });
});
