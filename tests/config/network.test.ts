import { describe, expect, it } from "vitest";
import { parse, saysEach, three, type WrongConfig } from "./configs";

const addressPlan = (network: Record<string, unknown>) => {
  const { firstSubnet, pool, prefixLength } = parse({ hosts: three, network }).network;
  return [firstSubnet, prefixLength, pool];
};

describe("a network that is right", () => {
  it.each([
    [{}, "192.168.177.0/24", 24, undefined],
    [{ firstSubnet: "172.31.255.252/30" }, "172.31.255.252/30", 30, undefined],
    [{ firstSubnet: "10.0.0.0/16", prefixLength: 16 }, "10.0.0.0/16", 16, undefined],
    [{ prefixLength: 20 }, "192.168.176.0/20", 20, undefined],
    [{ prefixLength: 30 }, "192.168.177.0/30", 30, undefined],
    [{ pool: "10.9.0.0/16" }, "10.9.0.0/24", 24, "10.9.0.0/16"],
    [{ pool: "10.9.0.0/16", prefixLength: 28 }, "10.9.0.0/28", 28, "10.9.0.0/16"],
    [{ pool: "10.9.0.0/16", firstSubnet: "10.9.4.0/26" }, "10.9.4.0/26", 26, "10.9.0.0/16"],
    [{ pool: "172.16.0.0/29", prefixLength: 30 }, "172.16.0.0/30", 30, "172.16.0.0/29"],
  ])("%j plans from %s on", (network, firstSubnet, prefixLength, pool) => {
    expect(addressPlan(network)).toEqual([firstSubnet, prefixLength, pool]);
  });
});

describe("a network that is wrong", () => {
  const noFirstSubnet = (found: string) =>
    `network.firstSubnet: found "${found}"; allowed: a private subnet from /16 to /30 at its first address, e.g. 192.168.177.0/24`;
  const cases: readonly WrongConfig[] = [
    [
      "a key that is near none",
      { gateway: 1 },
      [
        "network.gateway: unknown key; allowed: firstSubnet, pool, prefixLength, mtu, netplanFile, confirmSeconds, migrate",
      ],
    ],
    ["a subnet off its start", { firstSubnet: "192.168.177.1/24" }, [noFirstSubnet("192.168.177.1/24")]],
    ["a public subnet", { firstSubnet: "8.8.8.0/24" }, [noFirstSubnet("8.8.8.0/24")]],
    ["an octet of 256", { firstSubnet: "10.256.8.0/24" }, [noFirstSubnet("10.256.8.0/24")]],
    [
      "an MTU below IPv6's",
      { mtu: 1279 },
      [
        "network.mtu: found 1279; allowed: a whole number from 1280 to 9216 (9000 is the convention; RoCE's packets are whole from 4200 on)",
      ],
    ],
    [
      "a file elsewhere",
      { netplanFile: "/etc/netplan/../shadow.yaml" },
      [
        'network.netplanFile: found "/etc/netplan/../shadow.yaml"; allowed: a file in /etc/netplan, e.g. /etc/netplan/40-cx7.yaml',
      ],
    ],
    [
      "a hasty confirmation",
      { confirmSeconds: 29 },
      ["network.confirmSeconds: found 29; allowed: a whole number from 30 to 3600"],
    ],
    [
      "subnets outside every private range",
      { firstSubnet: "172.15.0.0/24", pool: "172.16.0.0/11" },
      [
        noFirstSubnet("172.15.0.0/24"),
        'network.pool: found "172.16.0.0/11"; allowed: a private network from /8 to /29 at its first address, e.g. 10.77.0.0/16',
      ],
    ],
    [
      "lengths that no subnet of a cable has",
      { firstSubnet: "10.0.0.0/15", prefixLength: 31 },
      [noFirstSubnet("10.0.0.0/15"), "network.prefixLength: found 31; allowed: a whole number from 16 to 30"],
    ],
    [
      "two lengths",
      { firstSubnet: "10.0.0.0/24", prefixLength: 26 },
      ["network.prefixLength: found 26; allowed: 24, as in firstSubnet, or one of the two alone"],
    ],
    [
      "a first subnet outside the pool",
      { firstSubnet: "10.1.0.0/24", pool: "10.0.0.0/16" },
      ['network.firstSubnet: found "10.1.0.0/24"; allowed: a subnet of network.pool, 10.0.0.0/16'],
    ],
    [
      "a pool of one subnet",
      { pool: "10.0.0.0/24" },
      [
        'network.pool: found "10.0.0.0/24"; 10.0.0.0/24 has no room for two subnets of /24; allowed: a longer prefix length, or a larger pool',
      ],
    ],
    [
      "the whole private range as first subnet",
      { firstSubnet: "192.168.0.0/16" },
      [
        'network.firstSubnet: found "192.168.0.0/16"; 192.168.0.0/16 has no room for two subnets of /16; allowed: a longer prefix length, or a firstSubnet in 10.0.0.0/8',
      ],
    ],
    [
      "a length with no room beside the default",
      { prefixLength: 16 },
      [
        "network.prefixLength: found 16; 192.168.0.0/16 has no room for two subnets of /16; allowed: a longer prefix length, or a firstSubnet in 10.0.0.0/8",
      ],
    ],
    [
      "a migration that is neither wanted nor not",
      { migrate: "yes" },
      ['network.migrate: found "yes"; allowed: true or false'],
    ],
  ];
  saysEach(cases.map(([title, network, lines]) => [title, { hosts: three, network }, lines]));
});
