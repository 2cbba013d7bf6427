import { describe, expect, it } from "vitest";
import type { CableConfig } from "../../config/cluster";
import type { HostFacts } from "../../facts/hostFacts";
import { parseFirstPass } from "../../facts/parse";
import { type HostRecord, hostRecord, SYSCTL_FILE } from "../../facts/record";
import { decideSecondPass, renderSecondPass } from "../../facts/secondPass";
import fresh from "./fixtures/fresh.json";

const freshFacts = parseFirstPass("spark-1", JSON.stringify(fresh)).facts;
const file = {
  path: "/etc/netplan/40-cx7.yaml",
  mode: "600",
  owner: "root:root",
  size: 9,
  inode: 7,
  ctime: "5.000000001",
};
const shipped = { ...file, path: "/usr/lib/netplan/00-network-manager-all.yaml" };
const netdev = (name: string, port: 0 | 1, address: string) =>
  ({ netdev: name, port, twin: 0, mtu: 9000, address }) as const;
const host = (name: string, number: number, netdevs: readonly ReturnType<typeof netdev>[]) => {
  return { name, number, renderer: "networkd" as const, netplanFile: file.path, netdevs: [...netdevs] };
};
const record: HostRecord = {
  version: 1,
  host: "spark-1",
  stack: "s",
  transaction: "t",
  digest: "d",
  payload: "",
  files: [{ ...file, sha256: "" }],
  mesh: {
    topology: "ring",
    cables: [
      {
        ends: [
          { host: "spark-1", port: 0 },
          { host: "spark-2", port: 1 },
        ],
        subnets: ["192.168.177.0/24", "192.168.178.0/24"],
      },
      {
        ends: [
          { host: "spark-3", port: 0 },
          { host: "spark-1", port: 1 },
        ],
        subnets: ["192.168.187.0/24", "192.168.188.0/24"],
      },
    ],
    hosts: [
      host("spark-1", 1, [
        netdev("enp1s0f0np0", 0, "192.168.177.11/24"),
        netdev("enp1s0f1np1", 1, "192.168.187.11/24"),
      ]),
      host("spark-2", 2, [netdev("enp1s0f1np1", 1, "192.168.177.12/24")]),
      host("spark-3", 3, [netdev("enp1s0f0np0", 0, "192.168.187.13/24")]),
    ],
  },
};
const settled: HostFacts = {
  ...freshFacts,
  system: { ...freshFacts.system, programs: [{ digest: "1".repeat(64), intact: true, ctime: "1" }] },
  record,
  netplanFiles: [file, shipped],
  cx7: freshFacts.cx7.map((live) => {
    const wanted = record.mesh.hosts[0]?.netdevs
      .find((recorded) => recorded.netdev === live.name)
      ?.address.split("/")[0];
    const addresses = wanted ? [{ address: wanted, prefixLength: 24, family: 4 as const, linkLocal: false }] : [];
    return { ...live, mtu: 9000, addresses };
  }),
};
const undeclared = { dockerGroup: false, sudoers: false, removeIpc: true, earlyoom: false };
const decide = (
  facts: HostFacts,
  {
    listed = true,
    declared = false,
    cables = [] as CableConfig[],
    abandoned = [] as string[],
    system = undeclared,
  } = {},
) =>
  decideSecondPass(
    { facts, netplanListed: listed },
    { ...((declared || cables.length > 0) && { cables }), abandon: abandoned, system },
    "spark-1",
  );
const pings = [
  { netdev: "enp1s0f0np0", address: "192.168.177.12" },
  { netdev: "enp1s0f1np1", address: "192.168.187.13" },
];
/** On each netdev the peers' addresses of that twin, but for the one that is awaited there. */
const others = [
  { netdev: "enp1s0f0np0", address: "192.168.187.13" },
  { netdev: "enp1s0f1np1", address: "192.168.177.12" },
];
const withNetdev = (changes: Partial<HostFacts["cx7"][number]>): HostFacts => ({
  ...settled,
  cx7: settled.cx7.map((live) => (live.name === "enp1s0f0np0" ? { ...live, ...changes } : live)),
});

it("asks a settled host for its neighbours only", () => {
  expect(decide(settled)).toEqual({ sudo: false, pings, looks: [], others, multicast: [] });
  expect(decide(settled, { declared: true })).toEqual({ sudo: false, pings, looks: [], others, multicast: [] });
});

it("reads netplan's files of a settled host on which a port is declared that the record has not", () => {
  const cable = (port: 0 | 1): CableConfig => ({
    from: { host: "spark-1", port },
    to: { host: "spark-2", port: 0 },
  });
  const [mesh] = record.mesh.hosts;
  const lone = mesh && { ...mesh, netdevs: mesh.netdevs.slice(0, 1) };
  const pair: HostFacts = { ...settled, record: { ...record, mesh: { ...record.mesh, hosts: lone ? [lone] : [] } } };
  expect(decide(pair, { cables: [cable(0)] })?.sudo).toBeFalsy();
  expect(decide(pair, { cables: [cable(0), cable(1)] })?.sudo).toBe(true);
});

it("does not wait for abandoned hosts, nor where there is no carrier", () => {
  expect(decide(settled, { abandoned: ["spark-2"] })?.pings).toEqual([pings[1]]);
  expect(decide(withNetdev({ carrier: false }))?.pings).toEqual([pings[1]]);
  expect(decide(settled, { abandoned: ["spark-2", "spark-3"] })).toBeUndefined();
});

describe("looks for the others of the record", () => {
  const looked = (facts: HostFacts, abandoned: string[] = []) =>
    decide(facts, { abandoned })?.others.map(({ netdev, address }) => `${netdev} ${address}`);

  it("only where somebody is awaited, and never for one that is gone", () => {
    expect(looked(withNetdev({ carrier: false }))).toEqual(["enp1s0f1np1 192.168.177.12"]);
    expect(looked(settled, ["spark-2"])).toEqual([]);
    expect(looked(freshFacts)).toEqual([]);
  });

  it("among the addresses of the same twin", () => {
    const hosts = record.mesh.hosts.map((recorded) => ({
      ...recorded,
      netdevs: recorded.netdevs.flatMap((first) => [
        first,
        {
          ...first,
          netdev: first.netdev.replace("enp1", "enP2p1"),
          twin: 1 as const,
          address: first.address.replace("7.", "8."),
        },
      ]),
    }));
    expect(looked({ ...settled, record: { ...record, mesh: { ...record.mesh, hosts } } })).toEqual([
      "enp1s0f0np0 192.168.187.13",
      "enP2p1s0f0np0 192.168.188.13",
      "enp1s0f1np1 192.168.177.12",
      "enP2p1s0f1np1 192.168.178.12",
    ]);
  });
});

it("discovers on a first visit, but not over declared cables, nor on netdevs that are down", () => {
  const names = ["enp1s0f0np0", "enP2p1s0f0np0", "enp1s0f1np1", "enP2p1s0f1np1"];
  expect(decide(freshFacts)).toEqual({ sudo: true, pings: [], looks: [], others: [], multicast: names });
  expect(decide(freshFacts, { declared: true })).toEqual({
    sudo: true,
    pings: [],
    looks: [],
    others: [],
    multicast: [],
  });
  const down = { ...freshFacts, cx7: freshFacts.cx7.map((live, i) => ({ ...live, up: i !== 0, carrier: i !== 1 })) };
  expect(decide(down)?.multicast).toEqual(names.slice(2));
});

it("looks for its port's other rail on a first visit, but not over declared cables or a record", () => {
  const { record: _, ...visited } = { ...settled, cx7: settled.cx7.map(withTwin) };
  const looks = decide(visited)?.looks.map(({ netdev, address }) => `${netdev} ${address}`);
  expect(looks).toEqual([
    "enp1s0f0np0 192.168.178.11",
    "enP2p1s0f0np0 192.168.177.11",
    "enp1s0f1np1 192.168.188.11",
    "enP2p1s0f1np1 192.168.187.11",
  ]);
  expect(decide(visited, { declared: true })?.looks).toEqual([]);
  expect(decide({ ...visited, record })?.looks).toEqual([]);
});

/** The second twins with an address beside the first one's. */
function withTwin(live: HostFacts["cx7"][number]): HostFacts["cx7"][number] {
  if (live.twin === 0) return live;
  const address = live.port === 0 ? "192.168.178.11" : "192.168.188.11";
  return { ...live, addresses: [{ address, prefixLength: 24, family: 4, linkLocal: false }] };
}

describe("looks on ports of which the record knows nothing", () => {
  const [recordedHere, ...elsewhere] = record.mesh.hosts;
  if (!recordedHere) throw new Error("no host is recorded");
  /** One with port 0 alone in use. */
  const hosts = [{ ...recordedHere, netdevs: recordedHere.netdevs.slice(0, 1) }, ...elsewhere];
  const half = { ...settled, record: { ...record, mesh: { ...record.mesh, hosts } } };
  const cx7With = (changes: Partial<HostFacts["cx7"][number]>) =>
    half.cx7.map((live) => (live.port === 0 ? { ...live, ...changes } : live));
  const found = {
    looks: ["enp1s0f1np1 192.168.177.12", "enp1s0f1np1 192.168.187.13"],
    multicast: ["enp1s0f1np1", "enP2p1s0f1np1"],
  };
  const searched = (facts: HostFacts, options?: Parameters<typeof decide>[1]) => {
    const { looks = [], multicast } = decide(facts, options) ?? {};
    return { looks: looks.map(({ netdev, address }) => `${netdev} ${address}`), multicast };
  };

  it("where a recorded netdev is gone, or has no carrier", () => {
    expect(searched({ ...half, cx7: half.cx7.filter(({ port }) => port === 1) })).toEqual(found);
    expect(searched({ ...half, cx7: cx7With({ carrier: false }) })).toEqual(found);
    expect(searched({ ...half, cx7: cx7With({ carrier: false }) }, { abandoned: ["spark-2"] }).looks).toEqual([
      "enp1s0f1np1 192.168.187.13",
    ]);
  });

  it("but not while all is there, over declared cables, or where a netdev was put down", () => {
    const nothing = { looks: [], multicast: [] };
    expect(searched(half)).toEqual(nothing);
    expect(searched({ ...half, cx7: cx7With({ carrier: false, up: false }) })).toEqual(nothing);
    expect(decide({ ...half, cx7: cx7With({ carrier: false }) }, { declared: true })).toBeUndefined();
  });

  it("and not where those carry nothing", () => {
    expect(decide({ ...half, cx7: half.cx7.map((live) => ({ ...live, carrier: false })) })).toBeUndefined();
  });
});

describe("on a recorded switch", () => {
  const addressOf = (number: number, port: 0 | 1) => `192.168.${port === 0 ? 177 : 187}.${10 + number}/24`;
  /** Each host with these ports on it, by number; the first on the subnet of the first cables, and so on. */
  const onSwitch = (...hosts: readonly (readonly (0 | 1)[])[]): HostRecord["mesh"] => ({
    topology: "switch",
    cables: hosts.flatMap((ports, index) =>
      ports.map((port, place) => ({
        ends: [{ host: `spark-${index + 1}`, port }, { switch: "switch-a" }],
        subnets: [`192.168.${place === 0 ? 177 : 187}.0/24`, `192.168.${place === 0 ? 178 : 188}.0/24`],
      })),
    ),
    hosts: hosts.map((ports, index) =>
      host(
        `spark-${index + 1}`,
        index + 1,
        ports.map((port) => netdev(`enp1s0f${port}np${port}`, port, addressOf(index + 1, port))),
      ),
    ),
  });
  const asked = (mesh: HostRecord["mesh"], abandoned: string[] = []) =>
    decide({ ...settled, record: { ...record, mesh } }, { abandoned })?.pings.map(
      (ping) => `${ping.netdev} ${ping.address}`,
    );

  it("asks the next host and the previous one, however many there are", () => {
    expect(asked(onSwitch([0], [0]))).toEqual(["enp1s0f0np0 192.168.177.12"]);
    expect(asked(onSwitch([0], [0], [0]))).toEqual(["enp1s0f0np0 192.168.177.13", "enp1s0f0np0 192.168.177.12"]);
    expect(asked(onSwitch([0], [0], [0], [0], [0]))).toEqual([
      "enp1s0f0np0 192.168.177.15",
      "enp1s0f0np0 192.168.177.12",
    ]);
  });

  it("asks those at the same place there, and none that is gone", () => {
    expect(asked(onSwitch([0, 1], [0, 1]))).toEqual(["enp1s0f0np0 192.168.177.12", "enp1s0f1np1 192.168.187.12"]);
    expect(asked(onSwitch([0], [0], [0]), ["spark-2"])).toEqual(["enp1s0f0np0 192.168.177.13"]);
    expect(asked(onSwitch([0], [0]), ["spark-2"])).toBeUndefined();
  });

  it("reads its own record back", () => {
    const kept = { ...record, mesh: onSwitch([0, 1], [0, 1]) };
    expect(hostRecord.parse(JSON.parse(JSON.stringify(kept)))).toEqual(kept);
  });
});

const other = { address: "10.1.1.1", prefixLength: 24, family: 4 as const, linkLocal: false };
const noted: readonly [string, HostFacts][] = [
  ["another mode", { ...settled, netplanFiles: [{ ...file, mode: "644" }] }],
  ["another owner", { ...settled, netplanFiles: [{ ...file, owner: "me:me" }] }],
  ["another size", { ...settled, netplanFiles: [{ ...file, size: 10 }] }],
  ["another inode", { ...settled, netplanFiles: [{ ...file, inode: 8 }] }],
  ["another change time", { ...settled, netplanFiles: [{ ...file, ctime: "5.000000002" }] }],
  ["no file", { ...settled, netplanFiles: [] }],
  ["one file more", { ...settled, netplanFiles: [file, { ...file, path: "/etc/netplan/90-NM.yaml" }] }],
  [
    "an armed transaction",
    {
      ...settled,
      armed: { version: 1, host: "spark-1", transaction: "t", stack: "s", operator: "o", until: 1, mesh: record.mesh },
    },
  ],
  ["another MTU", withNetdev({ mtu: 1500 })],
  ["a link that is down", withNetdev({ up: false })],
  ["no address", withNetdev({ addresses: [] })],
  ["a foreign address", withNetdev({ addresses: [...(settled.cx7[0]?.addresses ?? []), other] })],
];
it.each(noted)("asks sudo because of %s", (_title, facts) => expect(decide(facts)?.sudo).toBe(true));
it.each<[string, HostFacts]>([
  ["left with its cable", { ...settled, cx7: settled.cx7.slice(1) }],
  ["lost its address with the carrier", withNetdev({ carrier: false, addresses: [] })],
])("asks no sudo because a netdev %s", (_title, facts) => expect(decide(facts)?.sudo).toBe(false));
it("asks sudo where netplan's folder can't be listed", () =>
  expect(decide(settled, { listed: false })?.sudo).toBe(true));

describe("where the record has a sysctl file and ARP settings", () => {
  const sysctlFile = { ...file, path: SYSCTL_FILE, mode: "644" };
  const arp = { ignore: 1, announce: 2 };
  const hosts = record.mesh.hosts.map((one) => ({
    ...one,
    netdevs: one.netdevs.map((recorded) => ({ ...recorded, arp })),
  }));
  const files = [...record.files, { ...sysctlFile, sha256: "" }];
  const switched: HostFacts = {
    ...settled,
    sysctlFile,
    cx7: settled.cx7.map((live) => ({ ...live, arp })),
    record: { ...record, files, mesh: { ...record.mesh, hosts } },
  };
  const { sysctlFile: _, ...without } = switched;

  it.each<[string, HostFacts, boolean]>([
    ["nothing", switched, false],
    ["no sysctl file", without, true],
    ["another change time of it", { ...switched, sysctlFile: { ...sysctlFile, ctime: "6.0" } }, true],
    [
      "another answer to ARP",
      { ...switched, cx7: switched.cx7.map((live) => ({ ...live, arp: { ...arp, ignore: 0 } })) },
      true,
    ],
    [
      "another question",
      { ...switched, cx7: switched.cx7.map((live) => ({ ...live, arp: { ...arp, announce: 1 } })) },
      true,
    ],
  ])("asks sudo because of %s", (_title, facts, sudo) => expect(decide(facts)?.sudo).toBe(sudo));

  it("asks none because of a file that it doesn't have", () =>
    expect(decide({ ...settled, sysctlFile })?.sudo).toBe(false));
});

const config = { name: "spark-1", address: "a", number: 1, ssh: { auth: "agent" as const } };

it("renders data lines, the password only where sudo is asked", () => {
  const looks = [{ netdev: "enp1s0f0np0", address: "192.168.178.11" }];
  const pass = { sudo: true, pings, looks, others, multicast: ["enp1s0f0np0"] };
  expect(renderSecondPass(pass, { ...config, sudoPassword: " p $x\\ " })).toBe(
    "second_pass\nsudo\npassword  p $x\\ \nping enp1s0f0np0 192.168.177.12\nping enp1s0f1np1 192.168.187.13\nlook enp1s0f0np0 192.168.178.11\nelse enp1s0f0np0 192.168.187.13\nelse enp1s0f1np1 192.168.177.12\nmulticast enp1s0f0np0\nend\n",
  );
  expect(renderSecondPass({ ...pass, sudo: false }, { ...config, sudoPassword: "canary" })).not.toContain("canary");
});

it("lets no recorded text become a command", () => {
  const hostile = [
    { netdev: "a\nend\nrm -rf /", address: "1" },
    { netdev: "a", address: "1 2" },
  ];
  expect(
    renderSecondPass({ sudo: false, pings: hostile, looks: hostile, others: hostile, multicast: ["$(x)"] }, config),
  ).toBe("second_pass\nend\n");
});
