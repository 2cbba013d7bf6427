import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ClusterConfig } from "../../config/cluster";
import { Faults } from "../../config/faults";
import { overlap, type Subnet, subnet, subnetAround, subnetText } from "../../config/subnets";
import type { Probe } from "../../facts/hostFacts";
import type { Plan } from "../../plan/plan";
import { planMesh } from "../../plan/planMesh";
import { cluster, declared, freshProbes } from "./hosts";
import { garbage, meshes, meshesOf, type RandomMesh, rings, switches } from "./randomMeshes";
import { addressesOf, expectQuiet, hostIn } from "./shown";

const probesOf = ({ config, wiring }: RandomMesh) => freshProbes(wiring, config.hosts.length);
const planned = (mesh: RandomMesh) => planMesh(mesh.config, probesOf(mesh));
const networkOf = (cidr: string): Subnet => {
  const [bare = "", length] = cidr.split("/");
  return subnetAround(subnet(`${bare}/32`).first, Number(length));
};

/** What is wired to what, from the wiring alone: the ports on one wire, by wire. */
function wiresOf(wiring: string): readonly (readonly string[])[] {
  const atSwitch = new Map<string, string[]>();
  const cables: string[][] = [];
  for (const wire of wiring.split(" ")) {
    const [, from = "", to = ""] = /^(\d+\/\d)-(.+)$/.exec(wire) ?? [];
    if (/^\d/.test(to)) cables.push([from, to]);
    else atSwitch.set(to, [...(atSwitch.get(to) ?? []), from]);
  }
  return [...cables, ...atSwitch.values()];
}

/** The subnets of a port, by twin. */
const subnetsAt = (plan: Plan, port: string): readonly string[] => {
  const [host, number] = port.split("/");
  return hostIn(plan, `spark-${host}`)
    .netdevs.filter((netdev) => netdev.port === Number(number))
    .map(({ address }) => subnetText(networkOf(address)));
};
const sameNetwork = (a: string, b: string) => subnetText(networkOf(a)) === subnetText(networkOf(b));
const hostOf = (port: string) => port.split("/")[0];

function expectApart({ hosts }: Plan): void {
  for (const { netdevs } of hosts) {
    const ranges = netdevs.map(({ address }) => networkOf(address));
    const apart = ranges.every((range, index) => !ranges.slice(index + 1).some((other) => overlap(range, other)));
    expect(apart).toBe(true);
  }
  const bare = hosts.flatMap(({ netdevs }) => netdevs.map(({ address }) => address.split("/")[0]));
  expect(new Set(bare).size).toBe(bare.length);
}

describe("any mesh of two to eight hosts that can be built", () => {
  it("has no two twins of a host in one subnet, and no address twice", () => {
    fc.assert(
      fc.property(meshes, (mesh) => {
        expectApart(planned(mesh));
      }),
    );
  });

  it("has exactly one subnet in common at the two ends of every link", () => {
    fc.assert(
      fc.property(meshes, (mesh) => {
        const plan = planned(mesh);
        for (const ports of wiresOf(mesh.wiring)) {
          for (const near of ports) {
            const own = subnetsAt(plan, near);
            expect(own).toHaveLength(2);
            for (const host of new Set(ports.map(hostOf).filter((one) => one !== hostOf(near)))) {
              // Of two ports of a host on one switch, one is at the same place, and the other has nothing in common.
              const others = ports.filter((port) => hostOf(port) === host).map((port) => subnetsAt(plan, port));
              const common = others.map((other) => other.filter((one, twin) => one === own[twin]).length);
              expect(common.sort()).toEqual(others.length === 1 ? [2] : [0, 2]);
              expect(others.flat().filter((one) => own.includes(one))).toHaveLength(2);
            }
          }
        }
      }),
    );
  });

  it("names the peers of every netdev, by the address that they have and from both sides", () => {
    fc.assert(
      fc.property(meshes, (mesh) => {
        const { hosts } = planned(mesh);
        const own = hosts.flatMap(({ name, netdevs }) => netdevs.map((netdev) => ({ name, ...netdev })));
        const faced = own.flatMap(({ name, netdev, peers }) =>
          peers.map((peer) => [`${name}/${netdev}`, `${peer.host}/${peer.netdev} ${peer.address}`].join(" ")),
        );
        const shared = own.flatMap((one) =>
          own
            .filter(({ name, address }) => name !== one.name && sameNetwork(address, one.address))
            .map(({ name, netdev, address }) => `${one.name}/${one.netdev} ${name}/${netdev} ${address.split("/")[0]}`),
        );
        expect(faced.sort()).toEqual(shared.sort());
        expect(faced.length).toBeGreaterThan(0);
      }),
    );
  });

  it("is planned alike in whatever order the facts come", () => {
    const turn = ([name, probe]: [string, Probe]): [string, Probe] => {
      if (probe.kind !== "facts") return [name, probe];
      const { facts } = probe;
      const cx7 = facts.cx7.map((netdev) => ({ ...netdev, neighbours: [...netdev.neighbours].reverse() })).reverse();
      return [name, { kind: "facts", facts: { ...facts, cx7, otherNetdevs: [...facts.otherNetdevs].reverse() } }];
    };
    fc.assert(
      fc.property(meshes, (mesh) => {
        const turned = new Map([...probesOf(mesh)].reverse().map(turn));
        expect(planMesh(mesh.config, turned)).toEqual(planned(mesh));
      }),
    );
  });

  it("is the same mesh in every rank order", () => {
    fc.assert(
      fc.property(meshes, (mesh) => {
        const config = { ...mesh.config, hosts: [...mesh.config.hosts].reverse() };
        expect(planned({ ...mesh, config }).mesh).toEqual(planned(mesh).mesh);
      }),
    );
  });

  it("has nothing to do once it is committed", () => {
    fc.assert(
      fc.property(meshes, (mesh) => {
        expectQuiet(mesh.config, planned(mesh), probesOf(mesh));
      }),
      { numRuns: 50 },
    );
  });
});

describe("a further host", () => {
  const larger = ({ hosts, ...rest }: ClusterConfig): ClusterConfig => {
    const number = Math.max(...hosts.map((host) => host.number)) + 1;
    const [added] = cluster({}, hosts.length + 1).hosts.slice(-1);
    return { hosts: added ? [...hosts, { ...added, number }] : hosts, ...rest };
  };

  it("re-addresses nobody on a switch", () => {
    fc.assert(
      fc.property(meshesOf(switches), ({ config, wiring }) => {
        const count = config.hosts.length + 1;
        const own = wiring.split(" ").filter((wire) => wire.startsWith("1/"));
        const grownWiring = [wiring, ...own.map((wire) => wire.replace(/^1/, String(count)))].join(" ");
        const cables = config.cables && declared(grownWiring);
        const before = planned({ config, wiring });
        const after = planned({ config: { ...larger(config), ...(cables && { cables }) }, wiring: grownWiring });
        for (const { name } of before.hosts) expect(addressesOf(after, name)).toEqual(addressesOf(before, name));
      }),
    );
  });

  it("re-addresses only the two ends of the cable that it opens in a declared ring", () => {
    fc.assert(
      fc.property(
        meshesOf(rings.filter(({ isDeclared, count }) => isDeclared && count < 8)),
        fc.nat(7),
        ({ config, wiring }, at) => {
          const count = config.hosts.length + 1;
          const wires = wiring.split(" ");
          const opened = wires[at % wires.length] ?? "";
          const [from = "", to = ""] = opened.split("-");
          const between = [`${from}-${count}/${to.split("/")[1]}`, `${count}/${from.split("/")[1]}-${to}`];
          const grownWiring = [...wires.filter((wire) => wire !== opened), ...between].join(" ");
          const after = planned({ config: { ...larger(config), cables: declared(grownWiring) }, wiring: grownWiring });
          const stay = new Map(after.cables.map((cable) => [cable.name, cable.addresses]));
          const before = planned({ config, wiring }).cables.filter(({ name }) => stay.has(name));
          expect(before).toHaveLength(wires.length - 1);
          for (const { name, addresses } of before) expect(stay.get(name)).toEqual(addresses);
        },
      ),
    );
  });
});

describe("anything else", () => {
  it("is planned, or its faults are told, host or key first", () => {
    fc.assert(
      fc.property(meshesOf(garbage), (mesh) => {
        try {
          const plan = planned(mesh);
          expectApart(plan);
          expect(plan.cables).toHaveLength(mesh.wiring.split(" ").length);
        } catch (error) {
          if (!(error instanceof Faults)) throw error;
          expect(error.lines.length).toBeGreaterThan(0);
          for (const line of error.lines) expect(line).toMatch(/^(spark-\d|spark-mesh:[a-zA-Z]+): [^\n]+$/);
        }
      }),
      { numRuns: 500 },
    );
  });
});
