import { describe, expect, it } from "vitest";
import type { HostFacts } from "../../../facts/hostFacts";
import type { AddressWish, CableToAddress } from "../../../plan/addresses/links";
import { overlapFaults } from "../../../plan/addresses/overlaps";
import type { ReachedHost } from "../../../plan/views";
import { cluster, freshFacts } from "../hosts";
import { between, ringOf, toSwitch } from "./cablings";

const article: AddressWish = { firstSubnet: "192.168.177.0/24", prefixLength: 24 };

/** The hosts of the ring of three; the second has these routes, all on docker0. */
const hosts = (...routes: readonly string[]): readonly ReachedHost[] =>
  cluster().hosts.map((config, index) => {
    const facts: HostFacts = {
      ...freshFacts(index + 1),
      routes: index === 1 ? routes.map((destination) => ({ destination, netdev: "docker0" })) : [],
      otherNetdevs: [],
    };
    return { kind: "reached", config, recorded: undefined, facts };
  });
const lines = (cables: readonly CableToAddress[], wish: AddressWish, ...routes: readonly string[]) =>
  overlapFaults(cables, wish, hosts(...routes)).map(({ host, line }) => {
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
