import { describe, expect, it } from "vitest";
import type { Probe } from "../../facts/hostFacts";
import { planMesh } from "../../plan/planMesh";
import { change, cluster, faults, freshProbes, netplanFile, settledProbes, v4 } from "./hosts";

const fresh = freshProbes();
const first = planMesh(cluster(), fresh);
const settled = settledProbes(first, fresh);

describe("topology", () => {
  it("takes exactly three hosts for a ring, or more whose cables are declared", () => {
    expect(faults(freshProbes("1/0-2/1", 2), cluster({ topology: "ring" }, 2))).toEqual([
      "spark-mesh:topology: ring topology requires exactly 3 hosts, found 2; use direct for two, switch for four or more",
    ]);
    expect(faults(freshProbes("1/0-2/1", 4), cluster({ topology: "ring" }, 4))[0]).toMatch(
      /^spark-mesh:cables: found a part of a ring of 4 by discovery; .* only when it is declared/,
    );
  });

  it("takes exactly two hosts for a pair, and no single one", () => {
    expect(faults(fresh, cluster({ topology: "direct" }))).toEqual([
      "spark-mesh:topology: direct topology requires exactly 2 hosts, found 3; use ring for three, switch for four or more",
    ]);
    expect(faults(freshProbes("", 1), cluster({}, 1))).toEqual([
      "spark-mesh:hosts: found 1; a mesh has at least 2 hosts",
    ]);
  });

  it("names a host with fewer ports, and the cable that is missing", () => {
    const probes = change(freshProbes("1/0-2/1 2/0-3/1"), "spark-3", (facts) => ({
      ...facts,
      cx7: facts.cx7.filter(({ port }) => port === 1),
    }));
    expect(faults(probes)).toEqual([
      "spark-3: ring topology requires 2 physical ports (4 interfaces), found 1 port (enp1s0f1np1, enP2p1s0f1np1); without a cable the NIC leaves PCI: check that both cables are plugged in, then reboot with them in",
      "spark-3: no cable is seen between spark-3/0 and spark-1/1; plug one in, or name it under spark-mesh:cables if it is there",
    ]);
  });

  it("names a host without any NIC", () => {
    const probes = change(freshProbes("1/0-2/1"), "spark-3", (facts) => ({ ...facts, cx7: [] }));
    expect(faults(probes).filter((line) => line.startsWith("spark-3:"))[0]).toMatch(
      /^spark-3: no CX7 netdev; .* without a cable the NIC leaves PCI/,
    );
  });
});

describe("logins, sudo and netplan", () => {
  it("says all hosts' faults at once, by rank, whatever the order of the probes", () => {
    const probes = new Map<string, Probe>([
      ["spark-3", { kind: "hostKeyUnknown", name: "10.0.0.13", otherTypes: [] }],
      ["spark-2", { kind: "denied", reason: "publickey" }],
      ["spark-1", { kind: "hostKeyMismatch", pinned: "SHA256:a", offered: "SHA256:b" }],
    ]);
    expect(faults(probes)).toEqual([
      "spark-1: host key mismatch: found SHA256:b, wanted the pinned SHA256:a; the machine was reinstalled, or another one answers in its place; compare the found key with the machine's own (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on it), and only where they are the same: npx spark-mesh trust --replace 10.0.0.11",
      "spark-2: login denied (publickey); check its user and key under spark-mesh:ssh, or let the key in with that user's password: npx spark-mesh trust --authorize 10.0.0.12",
      "spark-3: host key unknown: found no pinned ed25519 key for 10.0.0.13; compare the key that it shows with the machine's own and pin it: npx spark-mesh trust 10.0.0.13",
    ]);
    expect(faults(new Map([...probes].reverse()))).toEqual(faults(probes));
  });

  it("says how to pin a host key by the stack's name, at a jump host by its own", () => {
    const lines = faults(
      new Map<string, Probe>([
        ...fresh,
        ["spark-1", { kind: "hostKeyMismatch", pinned: "SHA256:a", jumpName: "me@bastion:2200" }],
        ["spark-2", { kind: "hostKeyMismatch", pinned: "SHA256:a", offered: "no ed25519 key, only ssh-rsa" }],
        ["spark-3", { kind: "hostKeyUnknown", name: "[10.0.0.13]:22", otherTypes: ["ssh-rsa"] }],
      ]),
      { ...cluster(), stack: "home" },
    );
    expect(lines).toEqual([
      expect.stringMatching(
        /^spark-1: jump host me@bastion:2200: host key mismatch: found another key, .*npx spark-mesh trust --replace me@bastion:2200$/,
      ),
      expect.stringMatching(/^spark-2: host key mismatch: found no ed25519 key, only ssh-rsa, .*sudo ssh-keygen -A$/),
      expect.stringMatching(
        /^spark-3: host key unknown: .*\(known_hosts has only ssh-rsa, which apply can't pin\); .*npx spark-mesh trust --stack home spark-3$/,
      ),
    ]);
  });

  it("does not call cables to a host that lets nobody in missing", () => {
    expect(faults(new Map(fresh).set("spark-2", { kind: "denied", reason: "publickey" }))).toHaveLength(1);
  });

  it("asks for sudo only where something is due", () => {
    const refused = (probes: Map<string, Probe>, sudo: "refused" | "wrongPassword") =>
      change(probes, "spark-2", (facts) => ({ ...facts, sudo }));
    expect(faults(refused(fresh, "refused"))).toEqual([
      "spark-2: passwordless sudo not available; set spark-mesh:sudoPassword (pulumi config set --secret), or allow its user passwordless sudo",
    ]);
    expect(faults(refused(fresh, "wrongPassword"))[0]).toMatch(/^spark-2: sudo password refused; correct/);
    const quiet = planMesh(cluster(), refused(settled, "refused"));
    expect(quiet.hosts.map(({ state }) => state)).toEqual(["settled", "settled", "settled"]);
    expect(quiet.warnings).toEqual([
      "spark-2: other netplan files changed since the last commit and can't be read (no sudo); check that none defines a CX7 netdev, or set spark-mesh:sudoPassword",
    ]);
    expect(
      faults(refused(freshProbes("1/0-2/1 2/0-3/1"), "refused")).filter((line) => line.includes("sudo")),
    ).toHaveLength(1);
  });

  it("names a missing netplan", () => {
    expect(faults(change(fresh, "spark-1", (facts) => ({ ...facts, netplanInstalled: false })))).toEqual([
      "spark-1: netplan is missing (no netplan command); install netplan.io",
    ]);
  });

  it("names overlapping routes and addresses of any host, and a firstSubnet that fits", () => {
    const probes = change(fresh, "spark-2", (facts) => ({
      ...facts,
      routes: [
        ...facts.routes,
        { destination: "192.168.176.0/20", netdev: "docker0" },
        { destination: "172.16.0.0/12", netdev: "wg0" },
      ],
      otherNetdevs: [
        ...facts.otherNetdevs,
        { name: "wg1", addresses: [{ address: "192.168.198.1", prefixLength: 32, family: 4, linkLocal: false }] },
      ],
    }));
    const remedy = "set spark-mesh:network.firstSubnet to 10.1.177.0/24, which is free on every host";
    const other = change(probes, "spark-3", (facts) => ({
      ...facts,
      routes: [
        ...facts.routes,
        { destination: "10.0.0.0/16", netdev: "enP7s7" },
        { destination: "not a route", netdev: "x" },
      ],
    }));
    expect(faults(other)).toEqual([
      `spark-2: route 192.168.176.0/20 on docker0 overlaps the planned subnets 192.168.177.0/24, 192.168.178.0/24, 192.168.187.0/24, 192.168.188.0/24; ${remedy}`,
      `spark-2: address 192.168.198.1/32 on wg1 overlaps the planned subnet 192.168.198.0/24; ${remedy}`,
    ]);
    const wish = cluster({ network: { ...cluster().network, firstSubnet: "10.1.177.0/24" } });
    expect(planMesh(wish, other).cables[0]?.subnets).toEqual(["10.1.177.0/24", "10.1.178.0/24"]);
  });

  it("says an address and its own route once", () => {
    const probes = change(fresh, "spark-2", (facts) => ({
      ...facts,
      routes: [{ destination: "192.168.177.0/24", netdev: "docker0" }],
      otherNetdevs: [{ name: "docker0", addresses: [v4("192.168.177.1", 24)] }],
    }));
    expect(faults(probes)).toEqual([
      expect.stringMatching(/^spark-2: route 192\.168\.177\.0\/24 on docker0 overlaps the planned subnet 192/),
    ]);
  });

  it("says cabling, overlap and netplan faults together", () => {
    let probes = freshProbes("1/0-2/1 2/0-3/1");
    probes = change(probes, "spark-1", (facts) => ({
      ...facts,
      routes: [{ destination: "192.168.178.0/24", netdev: "docker0" }],
      netplanFiles: [netplanFile("/etc/netplan/99-broken.yaml", "network:\n  ethernets: {\n")],
    }));
    const lines = faults(probes);
    expect(lines.map((line) => line.split(";")[0])).toEqual([
      expect.stringMatching(/^spark-1: \/etc\/netplan\/99-broken.yaml: malformed YAML in line \d/),
      expect.stringMatching(/^spark-1: route 192.168.178.0\/24 on docker0 overlaps/),
      "spark-3: no cable is seen between spark-3/0 and spark-1/1",
    ]);
  });
});
