import { describe, expect, it } from "vitest";
import type { CableEnd, PortNumber, PortRef } from "../../../config/cluster";
import { parseClusterConfig } from "../../../config/load";
import type { NetplanFileFact } from "../../../facts/hostFacts";
import { adoptHosts } from "../../../plan/adopt/adopt";
import { adoptCables } from "../../../plan/adopt/adoptCables";
import { adoptNetwork } from "../../../plan/adopt/adoptNetwork";
import type { Wire } from "../../../plan/cabling/wires";
import { planMesh } from "../../../plan/planMesh";
import type { ReachedHost } from "../../../plan/views";
import {
  networkManagerConnection,
  nvidiaDhcp,
  nvidiaLinkLocal,
  nvidiaPlaybook,
  nvidiaScript,
  nvidiaSync,
  sparkrun,
  sparkVllmDocker,
  UUID,
} from "../foreignFiles";
import { baseFile, cluster, type Facts, freshFacts, netdevName, netplanFile, v4 } from "../hosts";

type Addresses = Readonly<Record<string, string>>;

/** `1/0-2/1 1/1-switch-a` as wires. */
function wires(text: string): readonly Wire[] {
  return text.split(" ").map((wire) => {
    const [from, ...far] = wire.split("-");
    return { ends: [endOf(from ?? ""), farEnd(far.join("-"))], evidence: "discovered" } as Wire;
  });
}
const endOf = (text: string): PortRef => ({ host: `spark-${text.charAt(0)}`, port: text.endsWith("0") ? 0 : 1 });
const farEnd = (text: string): CableEnd => (text.startsWith("switch") ? { switch: text } : endOf(text));

/** A host with these files, and what `netplan apply` made live of them. */
function host(number: number, files: readonly NetplanFileFact[], live: Addresses = {}, mtu = 9000): ReachedHost {
  const config = cluster({}, 9).hosts[number - 1];
  if (!config) throw new Error("no such host");
  const fresh = freshFacts(number);
  const cx7 = fresh.cx7.map((netdev) => {
    const [address, length] = live[netdev.name]?.split("/") ?? [];
    const addresses = address === undefined ? [] : [v4(address, Number(length))];
    // Nobody hears anybody: the cables are declared here.
    return { ...netdev, mtu, addresses, carrier: true, neighbours: [] };
  });
  return { kind: "reached", config, recorded: undefined, facts: { ...fresh, cx7, netplanFiles: files } };
}

const changed = (reached: ReachedHost, change: Partial<Facts>): ReachedHost => ({
  ...reached,
  facts: { ...reached.facts, ...change },
});

/** A netdev's addresses by port, twin after twin: `at(0, "192.168.177.11/24", "192.168.178.11/24")`. */
function at(port: PortNumber, first: string, second: string): Addresses {
  return { [netdevName(port, 0)]: first, [netdevName(port, 1)]: second };
}

function adopt(text: string, hosts: readonly ReachedHost[]) {
  const adoption = adoptHosts(hosts);
  const { cables, faults } = adoptCables(wires(text), adoption);
  const { network, notes } = adoptNetwork(wires(text), adoption);
  const lines = (some: readonly { readonly line: string }[]) => some.map(({ line }) => line);
  return { cables, network, faults: [...lines(adoption.faults), ...lines(faults)], notes: lines(notes), adoption };
}

/** The stack config that was adopted, as its own judge reads it. */
function judged({ cables, network }: Pick<ReturnType<typeof adopt>, "cables" | "network">, count: number) {
  const end = (one: CableEnd) => ("switch" in one ? one.switch : `${one.host}/${one.port}`);
  const hosts = cluster({}, count).hosts.map(({ name, address }) => ({ name, address }));
  return parseClusterConfig(
    {
      "spark-mesh:hosts": JSON.stringify(hosts),
      "spark-mesh:cables": JSON.stringify(
        cables.map((cable) => ({ ...cable, from: end(cable.from), to: end(cable.to) })),
      ),
      "spark-mesh:network": JSON.stringify(network),
    },
    "/home/nobody",
    [],
  );
}

const PAIR = [at(0, "192.168.177.11/24", "192.168.178.11/24"), at(0, "192.168.177.12/24", "192.168.178.12/24")];
const [FIRST = {}, SECOND = {}] = PAIR;
const PAIR_CABLE = {
  from: { host: "spark-1", port: 0 },
  to: { host: "spark-2", port: 0 },
  subnets: ["192.168.177.0/24", "192.168.178.0/24"],
  addresses: {
    "spark-1": ["192.168.177.11", "192.168.178.11"],
    "spark-2": ["192.168.177.12", "192.168.178.12"],
  },
};
const BARE_PAIR = { from: PAIR_CABLE.from, to: PAIR_CABLE.to };
const base = baseFile("networkd");

describe("what is there", () => {
  it("is sparkrun's, on a pair", () => {
    const found = adopt(
      "1/0-2/0",
      PAIR.map((addresses, index) => host(index + 1, [base, sparkrun(addresses)], addresses)),
    );
    expect(found).toMatchObject({
      cables: [PAIR_CABLE],
      network: { mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml" },
      faults: [],
      notes: [],
    });
    expect(found.network).not.toHaveProperty("migrate");
    expect(judged(found, 2).cables).toEqual([PAIR_CABLE]);
    expect(found.adoption.files.get("spark-1")).toContainEqual({
      path: "/etc/netplan/40-cx7.yaml",
      origin: "sparkrun",
      netdevs: ["enp1s0f0np0", "enP2p1s0f0np0"],
      replaceable: true,
    });
  });

  it("is spark-vllm-docker's, on a ring of three", () => {
    const ring = [
      { ...at(0, "10.20.0.11/24", "10.20.1.11/24"), ...at(1, "10.20.4.11/24", "10.20.5.11/24") },
      { ...at(0, "10.20.2.12/24", "10.20.3.12/24"), ...at(1, "10.20.0.12/24", "10.20.1.12/24") },
      { ...at(0, "10.20.4.13/24", "10.20.5.13/24"), ...at(1, "10.20.2.13/24", "10.20.3.13/24") },
    ];
    const found = adopt(
      "1/0-2/1 2/0-3/1 3/0-1/1",
      ring.map((addresses, index) => host(index + 1, [base, sparkVllmDocker(addresses, 4200)], addresses, 4200)),
    );
    expect(found.faults).toEqual([]);
    expect(found.network).toEqual({ mtu: 4200, netplanFile: "/etc/netplan/98-spark-vllm-docker.yaml" });
    expect(found.cables.map(({ subnets }) => subnets)).toEqual([
      ["10.20.0.0/24", "10.20.1.0/24"],
      ["10.20.2.0/24", "10.20.3.0/24"],
      ["10.20.4.0/24", "10.20.5.0/24"],
    ]);
    expect(found.cables[2]?.addresses).toEqual({
      "spark-3": ["10.20.4.13", "10.20.5.13"],
      "spark-1": ["10.20.4.11", "10.20.5.11"],
    });
    expect(judged(found, 3).cables).toEqual(found.cables);
    expect(found.adoption.files.get("spark-2")?.[1]?.origin).toBe("spark-vllm-docker");
  });

  it("is NVIDIA's playbook's, on a switch of four, whose MTU is no good for RoCE", () => {
    const hosts = [1, 2, 3, 4].map((number) => {
      const addresses = at(1, `192.168.100.${number}/24`, `192.168.101.${number}/24`);
      return host(number, [base, nvidiaPlaybook(addresses)], addresses, 1500);
    });
    const found = adopt("1/1-switch-a 2/1-switch-a 3/1-switch-a 4/1-switch-a", hosts);
    expect(found.faults).toEqual([]);
    expect(found.cables[3]).toEqual({
      from: { host: "spark-4", port: 1 },
      to: { switch: "switch-a" },
      subnets: ["192.168.100.0/24", "192.168.101.0/24"],
      addresses: { "spark-4": ["192.168.100.4", "192.168.101.4"] },
    });
    expect(found.network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml" });
    expect(found.notes).toEqual(
      [1, 2, 3, 4].map(
        (number) => `spark-${number}: mtu: found 1500, wanted one for all that RoCE can use; up sets 9000`,
      ),
    );
    expect(judged(found, 4).cables).toEqual(found.cables);
  });

  it("is NVIDIA's script's, which names netdevs that aren't there", () => {
    const hosts = PAIR.map((addresses, index) => {
      const reached = host(index + 1, [base, nvidiaScript(addresses)], addresses);
      return changed(reached, { cx7: reached.facts.cx7.filter(({ port }) => port === 0) });
    });
    const found = adopt("1/0-2/0", hosts);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [], notes: [] });
    expect(found.network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml" });
  });

  it("is NVIDIA Sync's: replaced where the renderer stays, else moved out of a file that goes on choosing it", () => {
    const pair = (renderer: "networkd" | "NetworkManager") =>
      adopt(
        "1/0-2/0",
        PAIR.map((addresses, index) => host(index + 1, [baseFile(renderer), nvidiaSync(addresses)], addresses)),
      );
    expect(pair("NetworkManager")).toMatchObject({ cables: [PAIR_CABLE], faults: [], notes: [] });
    expect(pair("NetworkManager").network).toEqual({
      mtu: 9000,
      netplanFile: "/etc/netplan/99-nvidia-sync-cluster.yaml",
    });
    expect(pair("networkd").cables).toEqual([PAIR_CABLE]);
    expect(pair("networkd").network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml", migrate: true });
  });

  it("is somebody's own file, with management in it, at the path that would be ours", () => {
    const files = PAIR.map((addresses, index) => {
      const { text = "", path } = sparkrun(addresses);
      const own = index === 0 ? `${text.replace(/^#.*\n/gm, "")}    enP7s7: { dhcp4: true }\n` : text;
      return host(index + 1, [base, netplanFile(path, own)], addresses);
    });
    const found = adopt("1/0-2/0", files);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [], notes: [] });
    expect(found.network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/45-spark-mesh.yaml", migrate: true });
    expect(found.adoption.files.get("spark-1")?.[1]).toMatchObject({ origin: "another hand", replaceable: false });
    expect(judged(found, 2).network).toMatchObject(found.network);
  });

  it("is different tools' on different hosts", () => {
    const found = adopt("1/0-2/0", [
      host(1, [base, sparkrun(FIRST)], FIRST),
      host(2, [base, sparkVllmDocker(SECOND)], SECOND),
    ]);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [], notes: [] });
    expect(found.network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml", migrate: true });
  });

  it("is live only, as `ip addr add` made it", () => {
    const found = adopt("1/0-2/0", [host(1, [base], FIRST), host(2, [base, sparkrun(SECOND)], SECOND)]);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [] });
    expect(found.notes).toEqual([
      "spark-1: enp1s0f0np0: found 192.168.177.11/24 live and in no file that was read; up writes it into one",
      "spark-1: enP2p1s0f0np0: found 192.168.178.11/24 live and in no file that was read; up writes it into one",
    ]);
  });

  it("is said twice, in two files that netplan adds up", () => {
    const later = netplanFile(
      "/etc/netplan/50-more.yaml",
      "network: { ethernets: { enp1s0f0np0: { addresses: [{ 192.168.177.11/24: { label: x } }], mtu: 4200 } } }\n",
    );
    const found = adopt("1/0-2/0", [host(1, [base, sparkrun(FIRST), later], FIRST), host(2, [sparkrun(SECOND)])]);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [] });
    expect(found.network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml", migrate: true });
    expect(found.notes).toEqual(["spark-1: mtu: found 4200, 9000, wanted one for all that RoCE can use; up sets 9000"]);
  });

  it("is an address with a label, in a file that netdevs which aren't there have too", () => {
    const labelled = netplanFile(
      "/etc/netplan/40-cx7.yaml",
      (sparkrun(FIRST).text ?? "").replace("[192.168.177.11/24]", "[{ 192.168.177.11/24: { label: fast } }]"),
    );
    const absent = netplanFile(
      "/etc/netplan/60-spare.yaml",
      "network: { ethernets: { enp9s0f0np0: { mtu: 9000 } } }\n",
    );
    const found = adopt("1/0-2/0", [
      host(1, [base, labelled, absent], FIRST),
      host(2, [base, sparkrun(SECOND)], SECOND),
    ]);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [], notes: [] });
    expect(found.network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml" });
  });

  it("is our own, on a settled host whose files were not read", () => {
    const unread = (reached: ReachedHost): ReachedHost =>
      changed(reached, {
        netplanRead: false,
        record: {
          host: "before",
          mesh: {
            hosts: [
              {
                name: "before",
                netplanFile: "/etc/netplan/77-ours.yaml",
                netdevs: reached.facts.cx7.map(({ name }) => ({ netdev: name })),
              },
            ],
          },
        } as unknown as NonNullable<Facts["record"]>,
      });
    const found = adopt("1/0-2/0", [unread(host(1, [], FIRST)), unread(host(2, [], SECOND))]);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [], notes: [] });
    expect(found.network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/77-ours.yaml" });
  });
});

/** A host's netdevs with their addresses, as a plan with the adopted config would have them. */
function planned(found: ReturnType<typeof adopt>, hosts: readonly ReachedHost[]): readonly Addresses[] {
  const probes = new Map(hosts.map(({ config, facts }) => [config.name, { kind: "facts", facts } as const]));
  const plan = planMesh(judged(found, hosts.length), probes);
  return plan.hosts.map(({ netdevs }) => Object.fromEntries(netdevs.map(({ netdev, address }) => [netdev, address])));
}

describe("a plan with what was adopted", () => {
  it("keeps every address of a pair, of a ring of three and of a switch", () => {
    const pair = PAIR.map((addresses, index) => host(index + 1, [base, sparkrun(addresses)], addresses));
    expect(planned(adopt("1/0-2/0", pair), pair)).toEqual(PAIR);

    const ring = [
      { ...at(0, "10.1.0.7/28", "10.1.0.23/28"), ...at(1, "172.16.0.1/30", "172.16.0.5/30") },
      { ...at(0, "100.64.2.9/24", "100.64.3.9/24"), ...at(1, "10.1.0.3/28", "10.1.0.19/28") },
      { ...at(0, "172.16.0.2/30", "172.16.0.6/30"), ...at(1, "100.64.2.8/24", "100.64.3.8/24") },
    ];
    const ringHosts = ring.map((addresses, index) => host(index + 1, [base, sparkVllmDocker(addresses)], addresses));
    const wiring = "1/0-2/1 2/0-3/1 3/0-1/1";
    expect(planned(adopt(wiring, ringHosts), ringHosts)).toEqual(ring);

    const four = [1, 2, 3, 4].map((number) => at(1, `10.100.32.${number}/24`, `10.100.33.${number}/24`));
    const fourHosts = four.map((addresses, index) =>
      host(index + 1, [baseFile("NetworkManager"), nvidiaSync(addresses)], addresses),
    );
    const star = [1, 2, 3, 4].map((number) => `${number}/1-switch-a`).join(" ");
    expect(planned(adopt(star, fourHosts), fourHosts)).toEqual(four);
  });
});

describe("what can't be kept", () => {
  /** What is said of spark-1 with these files, beside a spark-2 that sparkrun configured. */
  function faultsOf(files: readonly NetplanFileFact[], live: Addresses = {}): readonly string[] {
    const found = adopt("1/0-2/0", [host(1, [base, ...files], live), host(2, [base, sparkrun(SECOND)], SECOND)]);
    expect(found.cables).toEqual([BARE_PAIR]);
    return found.faults;
  }
  const left = "; correct it, or up gives the cable spark-1/0-spark-2/0 planned addresses";
  const both = (what: string) => ["enp1s0f0np0", "enP2p1s0f0np0"].map((netdev) => `spark-1: ${netdev}: ${what}${left}`);

  it("is a link-local address, DHCP's, or none", () => {
    expect(faultsOf([nvidiaLinkLocal("enp1s0f0np0", "enP2p1s0f0np0")])).toEqual(
      both("found a link-local address alone in /etc/netplan/40-cx7.yaml, wanted one"),
    );
    expect(faultsOf([nvidiaDhcp("enp1s0f0np0", "enP2p1s0f0np0")], FIRST)).toEqual(
      both("found DHCP in /etc/netplan/40-cx7.yaml, wanted one static address"),
    );
    expect(faultsOf([])).toEqual(both("found no static address, wanted one"));
  });

  it("is the same subnet on both twins", () => {
    expect(faultsOf([nvidiaPlaybook(at(0, "192.168.177.11/24", "192.168.177.21/24"))])).toEqual([
      `spark-1: enp1s0f0np0, enP2p1s0f0np0: found both in 192.168.177.0/24, wanted a subnet for each twin${left}`,
    ]);
  });

  it("is more than one address, in files or live", () => {
    const [first = ""] = both("");
    const two = sparkrun({ ...FIRST, enp1s0f0np0: "192.168.177.11/24, 192.168.9.9/24" });
    expect(faultsOf([two])).toEqual([
      first.replace(
        ": ;",
        ": found 192.168.177.11/24, 192.168.9.9/24 in /etc/netplan/40-cx7.yaml, wanted one address;",
      ),
    ]);
    expect(faultsOf([sparkrun(FIRST)], { ...FIRST, enp1s0f0np0: "192.168.9.9/24" })).toEqual([
      first.replace(
        ": ;",
        ": found 192.168.177.11/24 in /etc/netplan/40-cx7.yaml and 192.168.9.9/24 live, wanted the same;",
      ),
    ]);
  });

  it.each([
    ["10.0.0.0/24"],
    ["10.0.0.255/24"],
    ["10.0.0.1/31"],
    ["10.0.0.1"],
    ["169.254.3.4/16"],
    ["fd00::1/64"],
    ["300.1.1.1/24"],
  ])("is no host's address in a subnet: %s", (address) => {
    expect(faultsOf([nvidiaPlaybook({ ...FIRST, enp1s0f0np0: address })])).toEqual([
      `spark-1: enp1s0f0np0: found ${address} in /etc/netplan/40-cx7.yaml, wanted a host's IPv4 address in a unicast subnet from /8 to /30${left}`,
    ]);
  });

  it("is different subnets at the two ends, the twins crossed or not", () => {
    const other = "spark-2: enp1s0f0np0, enP2p1s0f0np0: found ";
    const wanted = (a: string, b: string) => `${a}, ${b} as on spark-1's enp1s0f0np0, enP2p1s0f0np0`;
    expect(faultsOf([sparkrun(at(0, "192.168.178.11/24", "192.168.177.11/24"))])).toEqual([
      `${other}the twins' subnets crossed, 192.168.177.0/24, 192.168.178.0/24, wanted ${wanted("192.168.178.0/24", "192.168.177.0/24")}${left}`,
    ]);
    expect(faultsOf([sparkrun(at(0, "192.168.177.11/25", "192.168.9.1/24"))])).toEqual([
      `${other}192.168.177.0/24, 192.168.178.0/24, wanted ${wanted("192.168.177.0/25", "192.168.9.0/24")}${left}`,
    ]);
  });

  it("is an address that two netdevs have", () => {
    expect(faultsOf([sparkrun(SECOND)])).toEqual([
      `spark-2: enp1s0f0np0: found 192.168.177.12, which spark-1's enp1s0f0np0 has too, wanted an address of its own${left}`,
      `spark-2: enP2p1s0f0np0: found 192.168.178.12, which spark-1's enP2p1s0f0np0 has too, wanted an address of its own${left}`,
    ]);
  });

  it("is a netdev that something else than a definition of its own has", () => {
    const bond = netplanFile(
      "/etc/netplan/50-bond.yaml",
      "network: { bonds: { fast: { interfaces: [enp1s0f0np0, enP2p1s0f0np0] } } }\n",
    );
    expect(faultsOf([bond])).toEqual(
      both("found /etc/netplan/50-bond.yaml: bonds.fast, wanted a definition of its own"),
    );
  });

  it("is a port without its twins, or a host that was not asked", () => {
    const lone = host(1, [base, sparkrun(FIRST)], FIRST);
    const found = adopt("1/0-2/0", [changed(lone, { cx7: lone.facts.cx7.slice(0, 1) })]);
    expect(found.faults).toEqual([
      `spark-1: spark-1/0: found enp1s0f0np0, wanted its two netdevs${left}`,
      `spark-2: spark-2/0: found no netdev, wanted its two netdevs${left}`,
    ]);
  });

  it("is a subnet that two cables share, and the first one keeps it", () => {
    const hosts = [
      { ...FIRST, ...at(1, "192.168.177.21/24", "192.168.188.11/24") },
      { ...SECOND, ...at(1, "192.168.177.22/24", "192.168.188.12/24") },
    ].map((addresses, index) => host(index + 1, [base, sparkrun(addresses)], addresses));
    const found = adopt("1/0-2/0 1/1-2/1", hosts);
    expect(found.cables).toEqual([PAIR_CABLE, { from: endOf("1/1"), to: endOf("2/1") }]);
    expect(found.faults).toEqual([
      "spark-1: spark-1/1: found 192.168.177.0/24, which is 192.168.177.0/24 of the cable spark-1/0-spark-2/0 too, wanted a subnet for each cable; correct it, or up gives the cable spark-1/1-spark-2/1 planned addresses",
    ]);
    expect(judged(found, 2).cables).toEqual(found.cables);
  });

  it("is one host of a switch that has other subnets; both places of the others are kept", () => {
    const addresses = (number: number, third: number) => ({
      ...at(0, `10.0.${third}.${number}/24`, `10.0.${third + 1}.${number}/24`),
      ...at(1, `10.1.0.${number}/24`, `10.1.1.${number}/24`),
    });
    const hosts = [addresses(1, 0), addresses(2, 0), addresses(3, 8)].map((some, index) =>
      host(index + 1, [base, sparkrun(some)], some),
    );
    const found = adopt(
      [1, 2, 3].flatMap((number) => [`${number}/0-switch-a`, `${number}/1-switch-a`]).join(" "),
      hosts,
    );
    expect(found.faults).toEqual([
      expect.stringMatching(
        /^spark-3: enp1s0f0np0, enP2p1s0f0np0: found 10\.0\.8\.0\/24, 10\.0\.9\.0\/24, wanted 10\.0\.0\.0\/24, 10\.0\.1\.0\/24 as on spark-1's/,
      ),
    ]);
    expect(found.cables.map(({ subnets }) => subnets?.[0])).toEqual([
      "10.0.0.0/24",
      "10.1.0.0/24",
      "10.0.0.0/24",
      "10.1.0.0/24",
      undefined,
      "10.1.0.0/24",
    ]);
  });

  it("is in a file that nobody can read", () => {
    const found = adopt("1/0-2/0", [
      host(1, [base, sparkrun(FIRST), netplanFile("/etc/netplan/60-broken.yaml", "network: [\n")], FIRST),
      changed(host(2, [], SECOND), { netplanRead: false }),
    ]);
    expect(found.cables).toEqual([PAIR_CABLE]);
    expect(found.faults).toEqual([
      expect.stringMatching(/^spark-1: \/etc\/netplan\/60-broken.yaml: malformed YAML in line 2 \(.+\); correct it$/),
      "spark-2: netplan files: not read, wanted sudo to read them; live addresses only",
    ]);
  });
});

describe("what up changes all the same", () => {
  it("is every setting that our file has not", () => {
    const { text = "", path } = sparkrun(FIRST);
    const more = text.replace(
      "      link-local: []\n",
      "      link-local: []\n      dhcp6: true\n      optional: true\n      routes: [{ to: 10.9.0.0/16, via: 192.168.177.12 }]\n",
    );
    const found = adopt("1/0-2/0", [
      host(1, [base, netplanFile(path, more.replace("      dhcp6: no\n", ""))], FIRST),
      host(2, [base, sparkrun(SECOND)], SECOND),
    ]);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [] });
    expect(found.notes).toEqual([
      "spark-1: enp1s0f0np0: found dhcp6, routes in /etc/netplan/40-cx7.yaml; up leaves that out",
    ]);
  });

  it("is what a netdev without a cable has, and waits for what no file of ours can stand in for", () => {
    const spare = { ...FIRST, ...at(1, "172.20.0.1/24", "172.21.0.1/24") };
    const connection = networkManagerConnection("enp1s0f0np0", "192.168.177.12/24");
    const twin = { enP2p1s0f0np0: "192.168.178.12/24" };
    const found = adopt("1/0-2/0", [
      host(1, [base, sparkrun(spare)], spare),
      host(2, [base, connection, sparkrun(twin)], SECOND),
    ]);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [] });
    expect(found.notes).toEqual([
      expect.stringMatching(/^spark-2: enp1s0f0np0: found 192.168.177.12\/24 live/),
      `spark-2: enp1s0f0np0: found /etc/netplan/90-NM-${UUID}.yaml: ethernets.NM-${UUID}; up waits until that is gone`,
      "spark-1: enp1s0f1np1: found 172.20.0.1/24 in /etc/netplan/40-cx7.yaml and no cable; up leaves it out",
      "spark-1: enP2p1s0f1np1: found 172.21.0.1/24 in /etc/netplan/40-cx7.yaml and no cable; up leaves it out",
    ]);
  });
});
