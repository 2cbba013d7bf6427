import { expect, it } from "vitest";
import { parseFirstPass, withPeers, withSecondPass } from "../../facts/parse";
import { SYSCTL_FILE } from "../../facts/record";
import fresh from "./fixtures/fresh.json";

/** The first pass of a fresh virtual Spark, with what a test changes. */
const firstPass = (changes: object = {}) => JSON.stringify({ ...structuredClone(fresh), ...changes });
const parse = (changes: object = {}) => parseFirstPass("spark-1", firstPass(changes));
function fault(line: string): string {
  try {
    parseFirstPass("spark-1", line);
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  return "no fault";
}
const [netdevs = [], routes = []]: readonly Readonly<Record<string, unknown>>[][] = fresh.ip;
const withNetdev = (name: string, changes: object) =>
  netdevs.map((netdev) => (netdev.ifname === name ? { ...netdev, ...changes } : netdev));
const withPort = (name: string, changes: object) =>
  fresh.ports.map((port) => (port.netdev === name ? { ...port, ...changes } : port));
const places = (changes: object) => parse(changes).facts.cx7.map(({ name, port, twin }) => `${name} ${port} ${twin}`);

it("makes facts of a fresh host", () => {
  const { facts, netplanListed } = parse();
  expect(netplanListed).toBe(true);
  expect(facts).toMatchSnapshot();
});

it("finds no NIC where no cable is in", () => {
  const without = netdevs.filter(({ ifname }) => !String(ifname).includes("np"));
  expect(parse({ ip: [without, routes], ports: [] }).facts.cx7).toEqual([]);
});

it("tells down from without carrier", () => {
  const down = withNetdev("enp1s0f0np0", { flags: ["BROADCAST", "MULTICAST"] });
  const unplugged = withNetdev("enp1s0f0np0", { flags: ["NO-CARRIER", "BROADCAST", "MULTICAST", "UP"] });
  expect(parse({ ip: [down, routes] }).facts.cx7[0]).toMatchObject({ up: false, carrier: false });
  expect(parse({ ip: [unplugged, routes] }).facts.cx7[0]).toMatchObject({ up: true, carrier: false });
});

it("believes the driver about ports before the names", () => {
  const ports = [
    ...withPort("enp1s0f0np0", { driver: "mlx5_core", portName: "p1", switchId: "aa" }).filter(
      (p) => p.netdev === "enp1s0f0np0",
    ),
    ...withPort("enP2p1s0f0np0", { driver: "mlx5_core", portName: "p1", switchId: "aa" }).filter(
      (p) => p.netdev === "enP2p1s0f0np0",
    ),
    ...withPort("enp1s0f1np1", { portName: "p0", switchId: "aa" }).filter((p) => p.netdev === "enp1s0f1np1"),
    ...withPort("enP2p1s0f1np1", { portName: "p0", switchId: "aa" }).filter((p) => p.netdev === "enP2p1s0f1np1"),
  ];
  expect(places({ ports })).toEqual(["enp1s0f1np1 0 0", "enP2p1s0f1np1 0 1", "enp1s0f0np0 1 0", "enP2p1s0f0np0 1 1"]);
});

it("keeps a lone twin's place", () => {
  const ip = [netdevs.filter(({ ifname }) => ifname !== "enp1s0f0np0"), routes];
  expect(places({ ip })).toEqual(["enP2p1s0f0np0 0 1", "enp1s0f1np1 1 0", "enP2p1s0f1np1 1 1"]);
});

it("leaves out other makes and other names", () => {
  expect(places({ ports: withPort("enp1s0f0np0", { driver: "bnxt_en" }) })).toHaveLength(3);
  const vf = { ...netdevs[2], ifname: "enp1s0f0v0" };
  expect(places({ ip: [[...netdevs, vf], routes] })).toHaveLength(4);
});

it("refuses three netdevs on a port, and twins on two NICs", () => {
  const third = { ...netdevs[2], ifname: "enP4p1s0f0np0" };
  expect(fault(firstPass({ ip: [[...netdevs, third], routes] }))).toBe(
    "1 fault in the hosts:\n  spark-1: enp1s0f0np0, enP2p1s0f0np0, enP4p1s0f0np0 all claim physical port 0; a port has two netdevs, one a PCI domain",
  );
  const ports = fresh.ports.map((port) => ({
    ...port,
    portName: `p${port.netdev.at(-1)}`,
    switchId: port.netdev.slice(0, 3),
  }));
  expect(fault(firstPass({ ports }))).toContain("on different NICs (phys_switch_id enp, enP)");
});

it("lists routes that a subnet could overlap, and no others", () => {
  const found = parse({
    ip: [
      netdevs,
      [
        { dst: "default", dev: "enP7s7" },
        { dst: "10.9.0.1", dev: "enP7s7" },
        { dst: "172.17.0.0/16", dev: "docker0" },
        { dst: "192.168.177.0/24", dev: "enp1s0f0np0", protocol: "kernel" },
        { dst: "10.8.0.0/16", dev: "enp1s0f0np0", gateway: "192.168.177.12", protocol: "static" },
        { dst: "10.7.0.1", dev: "enP2p1s0f0np0" },
        { dst: "default", dev: "enp1s0f0np0", gateway: "192.168.177.12" },
        { type: "blackhole", dst: "10.0.0.0/8" },
      ],
    ],
  });
  expect(found.facts.routes).toEqual([
    { destination: "10.9.0.1/32", netdev: "enP7s7" },
    { destination: "172.17.0.0/16", netdev: "docker0" },
  ]);
  expect(found.facts.cx7Routes).toEqual([
    { destination: "10.8.0.0/16", netdev: "enp1s0f0np0", via: "192.168.177.12" },
    { destination: "10.7.0.1/32", netdev: "enP2p1s0f0np0" },
    { destination: "default", netdev: "enp1s0f0np0", via: "192.168.177.12" },
  ]);
});

it("takes the routed netdev for management, else the one that the session came in on", () => {
  const management = (changes: object) => parse(changes).facts.managementInterface;
  const to = (dev: string) => [{ dst: "10.0.0.2", dev }];
  expect(management({ ip: [netdevs, routes, to("lo"), to("enp1s0f0np0"), to("wlP9s9")] })).toBe("wlP9s9");
  expect(management({ ip: [netdevs, routes] })).toBe("enP7s7");
  expect(management({ ip: [netdevs, routes], connection: "" })).toBeUndefined();
});

it("tells which machine it is, and which address of its own the session came in on", () => {
  expect(parse({ machineId: "uninitialized" }).facts.machineId).toBeUndefined();
  expect(parse({ machineId: "0123456789abcdef0123456789abcdef" }).facts.machineId).toBe(
    "0123456789abcdef0123456789abcdef",
  );
  const session = (connection: string) => parse({ connection }).facts.sessionAddress;
  expect(session("10.0.0.1 50000 10.0.0.11 22")).toBe("10.0.0.11");
  expect(session("::ffff:10.0.0.1 50000 ::ffff:10.0.0.11 22")).toBe("10.0.0.11");
  expect(session("fe80::1%enp1s0f0np0 50000 fe80::2%enp1s0f0np0 22")).toBe("fe80::2");
  expect(session("")).toBeUndefined();
});

it("reads NVIDIA's driver version, else mlx5's", () => {
  const nvidia = "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  580.142  Release Build  (root@x)";
  expect(parse({ nvidia, mlx5: "24.10" }).facts.driver).toBe("580.142");
  expect(parse({ mlx5: "24.10-1.1.4" }).facts.driver).toBe("24.10-1.1.4");
  expect(parse().facts.driver).toBeUndefined();
});

it("reads what stands in the file that arms hot-plug, if it is there", () => {
  expect(parse().facts.hotplug).toBeUndefined();
  expect(parse({ hotplug: "" }).facts.hotplug).toBe("");
  expect(parse({ hotplug: "1\n" }).facts.hotplug).toBe("1");
  expect(parse({ hotplug: "a\u001b[2J\u202e\nb" }).facts.hotplug).toBe("a?[2J??b");
});

it("knows that netplan's folder can't be listed", () => {
  expect(parse({ files: null })).toMatchObject({ netplanListed: false, facts: { netplanFiles: [] } });
});

it("keeps our sysctl file apart from netplan's, and reads what a netdev's own ARP settings are", () => {
  const stat = { mode: "644", owner: "root:root", size: 3, inode: 1, ctime: "1.0" };
  const [ours, netplans] = [SYSCTL_FILE, "/etc/netplan/x.yaml"].map((path) => ({ path, ...stat }));
  expect(parse({ files: [netplans, ours] }).facts).toMatchObject({ netplanFiles: [netplans], sysctlFile: ours });
  expect(parse({ files: [netplans] }).facts).not.toHaveProperty("sysctlFile");
  const arp = (changes: object) =>
    parse({ ports: withPort("enp1s0f0np0", changes) }).facts.cx7.find(({ name }) => name === "enp1s0f0np0")?.arp;
  expect(arp({ arpIgnore: "1", arpAnnounce: "2" })).toEqual({ ignore: 1, announce: 2 });
  expect(arp({ arpIgnore: "", arpAnnounce: "" })).toBeUndefined();
});

it("gives neighbours their netdev only where they answered there and have a MAC", () => {
  const second = {
    sparkMeshFacts: 1,
    sudo: "passwordless",
    files: [
      {
        path: "/etc/netplan/x.yaml",
        mode: "600",
        owner: "root:root",
        size: 3,
        inode: 1,
        ctime: "1.0",
        contents: "w6kK",
      },
    ],
    sudoers: [],
    answered: [
      { netdev: "enp1s0f0np0", address: "192.168.177.12" },
      { netdev: "enp1s0f1np1", address: "192.168.187.13" },
      { netdev: "enP2p1s0f0np0", address: "fe80::9" },
    ],
    looked: [],
    neighbours: [
      [
        { dst: "192.168.177.12", dev: "enp1s0f0np0", lladdr: "02:00:00:00:00:01" },
        { dst: "192.168.187.13", dev: "enp1s0f1np1" },
        { dst: "192.168.188.13", dev: "enP2p1s0f1np1", lladdr: "02:00:00:00:00:03" },
        { dst: "fe80::9", dev: "enp1s0f0np0", lladdr: "02:00:00:00:00:04" },
      ],
    ],
  };
  const facts = withSecondPass("spark-1", parse().facts, true, JSON.stringify(second));
  expect(facts.cx7.map(({ name, neighbours }) => [name, neighbours])).toEqual([
    ["enp1s0f0np0", [{ mac: "02:00:00:00:00:01", address: "192.168.177.12" }]],
    ["enP2p1s0f0np0", []],
    ["enp1s0f1np1", []],
    ["enP2p1s0f1np1", []],
  ]);
  expect(facts).toMatchObject({
    discovered: true,
    netplanRead: true,
    sudo: "passwordless",
    netplanFiles: [{ text: "é\n" }],
  });
});

it("takes whoever has an address that was looked for, if the kernel learned the MAC itself", () => {
  const entry = (number: number, state: string, mac = number) => ({
    dst: `10.0.0.${number}`,
    dev: "enp1s0f0np0",
    state: [state],
    ...(mac > 0 && { lladdr: `02:00:00:00:00:0${mac}` }),
  });
  const entries = [
    entry(1, "REACHABLE"),
    // The same host answers for another address of its.
    entry(2, "DELAY", 1),
    entry(3, "PROBE"),
    entry(4, "PERMANENT"),
    entry(5, "FAILED", 0),
    entry(6, "INCOMPLETE", 0),
    entry(7, "REACHABLE"),
    { ...entry(8, "REACHABLE"), dev: "enp1s0f1np1" },
  ];
  const looked = entries.slice(0, 6).map(({ dst }) => ({ netdev: "enp1s0f0np0", address: dst }));
  const second = {
    sparkMeshFacts: 1,
    sudo: "notAsked",
    files: null,
    sudoers: null,
    answered: [],
    neighbours: [entries],
  };
  const { cx7 } = withSecondPass(
    "spark-1",
    parse().facts,
    false,
    JSON.stringify({ ...second, looked: [...looked, { netdev: "enp1s0f0np0", address: "10.0.0.8" }] }),
  );
  expect(cx7.map(({ neighbours }) => neighbours.map(({ mac }) => mac))).toEqual([
    ["02:00:00:00:00:01", "02:00:00:00:00:03"],
    [],
    [],
    [],
  ]);
});

it("adds the peers that answered to their addresses, and leaves all else", () => {
  const heard = (address: string, lladdr: string, more: object = {}) =>
    JSON.stringify({
      sparkMeshFacts: 1,
      sudo: "notAsked",
      files: null,
      sudoers: null,
      answered: [{ netdev: "enp1s0f0np0", address }],
      looked: [],
      neighbours: [[{ dst: address, dev: "enp1s0f0np0", lladdr }]],
      ...more,
    });
  const second = heard("fe80::9", "02:00:00:00:00:01", { sudo: "password", files: [] });
  const before = withSecondPass("spark-1", parse().facts, true, second);
  const after = withPeers("spark-1", before, heard("192.168.177.12", "02:00:00:00:00:02"));
  expect(after.cx7[0]?.neighbours).toEqual([
    { mac: "02:00:00:00:00:01", address: "fe80::9" },
    { mac: "02:00:00:00:00:02", address: "192.168.177.12" },
  ]);
  expect({ ...after, cx7: [] }).toEqual({ ...before, cx7: [] });
});

it.each([
  ["no JSON", '{"sparkMeshFacts":1,"ip":[', "spark-1: its facts are no JSON (26 characters); is its iproute2 whole?"],
  ["another version", '{"sparkMeshFacts":2}', "spark-1: its facts have version 2; this release reads version 1"],
  ["no version", "[]", "spark-1: its facts have version none; this release reads version 1"],
  ["no iproute2", firstPass({ ip: [] }), "spark-1: iproute2's ip gave nothing; install iproute2 there"],
  [
    "a wrong type",
    firstPass({ hostname: 5 }),
    "spark-1: its facts have a wrong hostname: Invalid input: expected string, received number",
  ],
  ["a record that can't be read", firstPass({ record: false }), "/record.json can't be read by the login user"],
  [
    "a record without its mesh",
    firstPass({ record: '{"version":1,"host":"a","stack":"b","transaction":"c","digest":"d","payload":"e"}' }),
    "/record.json is damaged (mesh)",
  ],
  [
    "a record of a newer release",
    firstPass({ record: '{"version":2}' }),
    "/record.json has version 2, and this release knows version 1",
  ],
])("says plainly: %s", (_title, line, words) => {
  expect(fault(line)).toContain(words);
  expect(fault(line).split("\n")).toHaveLength(2);
});

it("takes hostile texts for texts", () => {
  const hostname = 'x"; rm -rf /\n\u0000\u202e';
  expect(parse({ hostname }).facts.hostname).toBe(hostname);
});
