import { describe, expect, it } from "vitest";
import type { HostFacts } from "../../../facts/hostFacts";
import type { AddressWish, CableToAddress } from "../../../plan/addresses/links";
import { overlapFaults } from "../../../plan/addresses/overlaps";
import type { ReachedHost } from "../../../plan/views";
import { cluster, freshFacts, v4 } from "../hosts";
import { between, ringOf, toSwitch } from "./cablings";

const article: AddressWish = { firstSubnet: "192.168.177.0/24", prefixLength: 24 };

const CABLED: ReadonlySet<string> = new Set(freshFacts(1).cx7.map(({ name }) => name));

/** The hosts of the ring of three; the second has these routes, all on docker0. */
const hosts = (routes: readonly string[] = []): readonly ReachedHost[] =>
  cluster().hosts.map((config, index) => {
    const facts: HostFacts = {
      ...freshFacts(index + 1),
      routes: index === 1 ? routes.map((destination) => ({ destination, netdev: "docker0" })) : [],
      otherNetdevs: [],
    };
    return { kind: "reached", config, recorded: undefined, facts };
  });
const lines = (cables: readonly CableToAddress[], wish: AddressWish, ...routes: readonly string[]) =>
  linesOf(cables, wish, routes);
const linesOf = (cables: readonly CableToAddress[], wish: AddressWish, routes: readonly string[]) =>
  overlapFaults(cables, wish, new Map(hosts(routes).map((host) => [host, CABLED]))).map(({ host, line }) => {
    expect(host).toBe("spark-2");
    return line;
  });

describe("planned subnets that overlap a route", () => {
  it("are none where the route is elsewhere", () => {
    const routes = ["192.168.176.0/24", "192.168.179.0/24", "10.0.0.0/8", "not a route", "1.2.3.4.5", "fd00::/8"];
    expect(lines(ringOf([1, 2, 3]), article, ...routes)).toEqual([]);
  });

  it("are named at a switch and between two hosts, with a firstSubnet that fits", () => {
    const remedy = "set spark-mesh:network.firstSubnet to 172.16.177.0/24, which is free on every host";
    const cables = [toSwitch(1), toSwitch(2), toSwitch(3)];
    expect(lines(cables, article, "192.168.0.0/16")).toEqual([
      `spark-2: route 192.168.0.0/16 on docker0 overlaps the planned subnets 192.168.177.0/24, 192.168.178.0/24; ${remedy}`,
    ]);
    expect(lines([between(1, 2)], article, "192.168.178.200")).toEqual([
      `spark-2: route 192.168.178.200 on docker0 overlaps the planned subnet 192.168.178.0/24; ${remedy}`,
    ]);
  });

  it("find a firstSubnet of their own length", () => {
    expect(lines([between(1, 2)], { firstSubnet: "10.0.0.0/28", prefixLength: 28 }, "10.0.0.0/27")).toEqual([
      "spark-2: route 10.0.0.0/27 on docker0 overlaps the planned subnets 10.0.0.0/28, 10.0.0.16/28; set spark-mesh:network.firstSubnet to 192.168.177.0/28, which is free on every host",
    ]);
    const wide = { firstSubnet: "10.0.0.0/16", prefixLength: 16 };
    expect(lines([between(1, 2)], wide, "10.0.0.0/24", "172.16.0.0/12", "192.168.0.0/16")).toEqual([
      "spark-2: route 10.0.0.0/24 on docker0 overlaps the planned subnet 10.0.0.0/16; set spark-mesh:network.firstSubnet to 10.1.0.0/16, which is free on every host",
    ]);
  });

  it("stay in their pool while it has room, else find another pool", () => {
    const pool: AddressWish = { firstSubnet: "10.7.0.0/24", prefixLength: 24, pool: "10.7.0.0/21" };
    expect(lines([between(1, 2)], pool, "10.7.0.0/23", "10.7.6.0/24")).toEqual([
      "spark-2: route 10.7.0.0/23 on docker0 overlaps the planned subnets 10.7.0.0/24, 10.7.1.0/24; set spark-mesh:network.firstSubnet to 10.7.2.0/24, which is free on every host",
    ]);
    expect(lines([between(1, 2)], pool, "10.7.0.0/16")).toEqual([
      "spark-2: route 10.7.0.0/16 on docker0 overlaps the planned subnets 10.7.0.0/24, 10.7.1.0/24; set spark-mesh:network.pool to 192.168.176.0/21 and firstSubnet to 192.168.176.0/24, which are free on every host",
    ]);
  });

  it("find nothing that is not private", () => {
    const half: AddressWish = { firstSubnet: "10.0.0.0/24", prefixLength: 24, pool: "10.0.0.0/9" };
    expect(lines([between(1, 2)], half, "10.0.0.0/9")).toEqual([
      expect.stringMatching(/; set spark-mesh:network.pool to 10\.128\.0\.0\/9 and firstSubnet to 10\.128\.0\.0\/24, /),
    ]);
  });

  it("say so where nothing private is free", () => {
    const everything = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
    expect(lines([between(1, 2)], article, ...everything)).toEqual([
      "spark-2: route 192.168.0.0/16 on docker0 overlaps the planned subnets 192.168.177.0/24, 192.168.178.0/24; no private /24 is free on every host: remove that route, or declare another spark-mesh:network.firstSubnet",
    ]);
    const pool: AddressWish = { firstSubnet: "10.7.0.0/24", prefixLength: 24, pool: "10.7.0.0/21" };
    expect(lines([between(1, 2)], pool, ...everything)).toEqual([
      "spark-2: route 10.0.0.0/8 on docker0 overlaps the planned subnets 10.7.0.0/24, 10.7.1.0/24; no private /21 is free on every host: remove that route, or declare another spark-mesh:network.pool",
    ]);
  });

  it("are left to planAddresses where they don't fit", () => {
    const small: AddressWish = { firstSubnet: "10.7.0.0/30", prefixLength: 30, pool: "10.7.0.0/29" };
    expect(lines(ringOf([1, 2, 3]), small, "10.7.0.0/16")).toEqual([]);
  });
});

describe("declared subnets that overlap a route", () => {
  const subnets = ["10.5.0.0/24", "10.6.0.0/24"] as const;

  it("are named with their cable, whose subnets are to be changed", () => {
    expect(lines([{ ...between(1, 2), subnets }, between(2, 3)], article, "10.6.0.128/25", "10.5.0.0/16")).toEqual([
      "spark-2: route 10.6.0.128/25 on docker0 overlaps the declared subnet 10.6.0.0/24; give the cable spark-1/0-spark-2/1 other subnets in spark-mesh:cables",
      "spark-2: route 10.5.0.0/16 on docker0 overlaps the declared subnet 10.5.0.0/24; give the cable spark-1/0-spark-2/1 other subnets in spark-mesh:cables",
    ]);
  });

  it("are named apart from planned ones", () => {
    const cables = [{ ...between(1, 2), subnets }, between(2, 3)];
    const wish = { firstSubnet: "10.7.0.0/24", prefixLength: 24 };
    expect(lines(cables, wish, "10.0.0.0/8")).toEqual([
      "spark-2: route 10.0.0.0/8 on docker0 overlaps the declared subnets 10.5.0.0/24, 10.6.0.0/24; give the cable spark-1/0-spark-2/1 other subnets in spark-mesh:cables",
      "spark-2: route 10.0.0.0/8 on docker0 overlaps the planned subnets 10.7.20.0/24, 10.7.21.0/24; set spark-mesh:network.firstSubnet to 192.168.177.0/24, which is free on every host",
    ]);
  });

  it("are named where they are a switch's, and where a host can't be asked", () => {
    const cables = [9, 2].map((number) => ({ ...toSwitch(number), subnets }));
    expect(lines(cables, article, "10.6.0.0/24")).toEqual([
      expect.stringMatching(/10\.6\.0\.0\/24; give the cable spark-2\/0-switch-a other subnets in spark-mesh:cables$/),
    ]);
    expect(lines([{ ...between(2, 9), subnets }], article, "10.6.0.0/24")).toEqual([
      expect.stringMatching(/10\.6\.0\.0\/24; give the cable spark-2\/0-host 9\/1 other subnets in spark-mesh:cables$/),
    ]);
  });
});

describe("a host that routes a great deal", () => {
  const many = Array.from(
    { length: 150_000 },
    (_, index) => `${11 + Math.floor(index / 65_536)}.${Math.floor(index / 256) % 256}.${index % 256}.0/24`,
  );

  it("is planned for in seconds, be its routes in the way or not", { timeout: 60_000 }, () => {
    const started = performance.now();
    expect(linesOf(ringOf([1, 2, 3]), article, many)).toEqual([]);
    expect(linesOf(ringOf([1, 2, 3]), article, [...many, "192.168.177.0/24"])).toEqual([
      expect.stringContaining("set spark-mesh:network.firstSubnet to 172.16.177.0/24"),
    ]);
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  it("is given a firstSubnet past all that it routes", () => {
    const taken = ["172.16.0.0/13", "172.24.0.0/14", "10.0.0.0/9", "10.128.0.0/24", "192.168.0.0/16"];
    expect(lines([between(1, 2)], article, ...taken)).toEqual([
      expect.stringContaining("set spark-mesh:network.firstSubnet to 172.28.177.0/24"),
    ]);
  });

  it("has twenty of its overlaps named, and the others counted", () => {
    const inside = Array.from({ length: 200 }, (_, index) => `192.168.177.${index}`);
    const found = lines([between(1, 2)], article, ...inside);
    expect(found).toHaveLength(21);
    expect(found.at(-1)).toBe("spark-2: 180 more routes and addresses overlap the mesh's subnets");
  });
});

describe("a CX7 netdev that is no end of the mesh's cables", () => {
  const [first, ...others] = hosts();
  const port1 = "enp1s0f1np1";
  const withAddress = (change: Partial<ReachedHost> = {}): ReachedHost => {
    if (!first) throw new Error("no host");
    const cx7 = first.facts.cx7.map((netdev) =>
      netdev.name === port1 ? { ...netdev, addresses: [v4("192.168.177.1", 24)] } : netdev,
    );
    const cx7Routes = [
      { destination: "192.168.178.128/25", netdev: port1 },
      { destination: "default", netdev: port1 },
    ];
    return { ...first, facts: { ...first.facts, cx7, cx7Routes }, ...change };
  };
  const found = (host: ReachedHost, cabled: ReadonlySet<string>) =>
    overlapFaults([between(1, 2)], article, new Map([host, ...others].map((one) => [one, cabled]))).map(
      ({ line }) => line,
    );

  it("keeps its networks, so the mesh has others", () => {
    expect(found(withAddress(), new Set(["enp1s0f0np0", "enP2p1s0f0np0"]))).toEqual([
      expect.stringContaining(`spark-1: route 192.168.178.128/25 on ${port1} overlaps the planned subnet`),
      expect.stringContaining(`spark-1: address 192.168.177.1/24 on ${port1} overlaps the planned subnet`),
    ]);
    expect(found(withAddress(), CABLED)).toEqual([]);
  });

  it("has nothing to keep of what the mesh gave it before", () => {
    const recorded: ReachedHost["recorded"] = {
      name: "spark-1",
      number: 1,
      renderer: "networkd",
      netplanFile: "/etc/netplan/40-cx7.yaml",
      netdevs: [{ netdev: port1, port: 1, twin: 0, address: "192.168.177.1/24", mtu: 9000 }],
    };
    expect(found(withAddress({ recorded }), new Set())).toEqual([]);
  });
});
