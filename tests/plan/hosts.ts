import type { CableConfig, ClusterConfig, PortNumber, PortRef } from "../../config/cluster";
import { Faults } from "../../config/faults";
import type { Cx7Netdev, HostFacts, LiveAddress, Neighbour, Probe } from "../../facts/hostFacts";
import { type HostRecord, type SeenFile, SYSCTL_FILE } from "../../facts/record";
import { sha256 } from "../../plan/digest";
import type { Plan } from "../../plan/plan";
import { planMesh } from "../../plan/planMesh";

/** Facts as the hosts of a lab give them, built instead of recorded: each test says only what is special in it. */

export type Twin = 0 | 1;
export type Facts = HostFacts;

/** The article's cables. */
export const ARTICLE_RING = "1/0-2/1 2/0-3/1 3/0-1/1";

export function cluster(change: Partial<ClusterConfig> = {}, count = 3): ClusterConfig {
  return {
    hosts: Array.from({ length: count }, (_, index) => ({
      name: `spark-${index + 1}`,
      address: `10.0.0.${11 + index}`,
      number: index + 1,
      ssh: { auth: "agent" },
    })),
    topology: "auto",
    network: {
      firstSubnet: "192.168.177.0/24",
      prefixLength: 24,
      mtu: 9000,
      netplanFile: "/etc/netplan/40-cx7.yaml",
      confirmSeconds: 180,
      migrate: false,
    },
    trust: false,
    system: { dockerGroup: false, sudoers: false, removeIpc: true, earlyoom: false },
    deployments: [],
    abandon: [],
    ...change,
  };
}

export function netdevName(port: PortNumber, twin: Twin): string {
  return `${twin === 0 ? "enp1s0" : "enP2p1s0"}f${port}np${port}`;
}

export function macOf(host: number, port: PortNumber, twin: Twin): string {
  return `02:00:00:00:${String(host).padStart(2, "0")}:${port}${twin}`;
}

/** The cables of a wiring as a stack config declares them: `1/0-2/1`, or `1/0-switch-a`. */
export function declared(wiring: string): CableConfig[] {
  return wiring.split(" ").map((wire) => {
    const [, host = "", port, far = ""] = /^(\d+)\/([01])-(.+)$/.exec(wire) ?? [];
    const ref = (number: string, at: string | undefined): PortRef => ({
      host: `spark-${number}`,
      port: at === "0" ? 0 : 1,
    });
    const [, farHost, farPort] = /^(\d+)\/([01])$/.exec(far) ?? [];
    return { from: ref(host, port), to: farHost ? ref(farHost, farPort) : { switch: far } };
  });
}

/** Hosts with these ports on a switch, by the port's number: `1/0-switch-a 2/0-switch-a`. */
export function onSwitch(
  count: number,
  ports: readonly PortNumber[] = [0],
  nameOf: (port: PortNumber) => string = () => "switch-a",
): string {
  const hosts = Array.from({ length: count }, (_, index) => index + 1);
  return hosts.flatMap((host) => ports.map((port) => `${host}/${port}-${nameOf(port)}`)).join(" ");
}

/** Every host of the wiring on its first visit: multicast heard every peer, nothing is configured. */
export function freshProbes(wiring = ARTICLE_RING, count = 3): Map<string, Probe> {
  return new Map(
    Array.from({ length: count }, (_, index) => [
      `spark-${index + 1}`,
      { kind: "facts", facts: freshFacts(index + 1, wiring) },
    ]),
  );
}

export function freshFacts(host: number, wiring = ARTICLE_RING): Facts {
  return {
    version: 1,
    hostname: `machine-${host}`,
    machineId: String(host).padStart(32, "0"),
    sessionAddress: `10.0.0.${10 + host}`,
    kernel: "6.14.0-1015-nvidia",
    driver: "580.142",
    cx7: PORTS.flatMap((port) => TWINS.map((twin) => freshNetdev(host, port, twin, wiring))),
    otherNetdevs: [
      { name: "lo", addresses: [v4("127.0.0.1", 8)] },
      { name: "enP7s7", addresses: [v4(`10.0.0.${10 + host}`, 24)] },
    ],
    routes: [{ destination: "10.0.0.0/24", netdev: "enP7s7" }],
    cx7Routes: [],
    managementInterface: "enP7s7",
    netplanInstalled: true,
    netplanRead: true,
    netplanFiles: [baseFile("networkd")],
    profiles: [],
    networkManagerRunning: false,
    networkdRunning: true,
    sudo: "passwordless",
    system: { user: "nvidia", inDocker: false, sudoers: "absent", programs: [] },
    discovered: true,
  };
}

/** DGX OS's or Debian's base file, which chooses the renderer. */
export function baseFile(renderer: "networkd" | "NetworkManager"): SeenFile {
  return netplanFile("/etc/netplan/01-base.yaml", `network:\n  version: 2\n  renderer: ${renderer}\n`);
}

export function netplanFile(path: string, text: string): SeenFile {
  return { path, mode: "600", owner: "root:root", size: text.length, inode: 7, ctime: "1700000000.000000000", text };
}

export function v4(address: string, prefixLength: number): LiveAddress {
  return { address, prefixLength, family: 4, linkLocal: false };
}

/** Every host as a commit of this plan left it, seen by a session that needed no sudo. */
export function settledProbes(plan: Plan, before: ReadonlyMap<string, Probe>): Map<string, Probe> {
  return new Map(
    plan.hosts.map((host): [string, Probe] => {
      const facts = factsIn(before, host.name);
      const record = recordOf(plan, host.name, facts.netplanFiles);
      const cx7 = facts.cx7.map((netdev) => {
        const planned = host.netdevs.find((one) => one.netdev === netdev.name);
        if (!planned) return { ...netdev, neighbours: [] };
        const [address = "", prefixLength = ""] = planned.address.split("/");
        const neighbours = planned.peers.flatMap(({ host: peer, netdev: name, address }) => {
          const mac = factsIn(before, peer).cx7.find((one) => one.name === name)?.mac;
          return mac === undefined ? [] : [{ mac, address }];
        });
        const addresses = [v4(address, Number(prefixLength))];
        return { ...netdev, mtu: planned.mtu, addresses, neighbours, ...(planned.arp && { arp: planned.arp }) };
      });
      const files = record.files.map(({ sha256: _, ...stat }) => stat);
      const sysctlFile = files.find(({ path }) => path === SYSCTL_FILE);
      const netplanFiles = files.filter((file) => file !== sysctlFile);
      const asked = { netplanRead: false, discovered: false, sudo: "notAsked" } as const;
      return [
        host.name,
        {
          kind: "facts",
          facts: {
            ...facts,
            ...asked,
            system: { ...facts.system, programs: [PROGRAM] },
            cx7,
            netplanFiles,
            record,
            ...(sysctlFile && { sysctlFile }),
          },
        },
      ];
    }),
  );
}

/** The host program, as a former release installed it. */
export const PROGRAM = { digest: "1".repeat(64), intact: true, ctime: "1700000000.0" };

/** Replaces one host's facts. */
export function change(probes: Map<string, Probe>, host: string, edit: (facts: Facts) => Facts): Map<string, Probe> {
  return new Map(probes).set(host, { kind: "facts", facts: edit(factsIn(probes, host)) });
}

/** Replaces one netdev's facts. */
export function changeNetdev(
  probes: Map<string, Probe>,
  host: string,
  name: string,
  edit: (netdev: Cx7Netdev) => Cx7Netdev,
): Map<string, Probe> {
  return change(probes, host, (facts) => ({
    ...facts,
    cx7: facts.cx7.map((netdev) => (netdev.name === name ? edit(netdev) : netdev)),
  }));
}

/** Replaces one host's record. */
export function changeRecord(
  probes: Map<string, Probe>,
  host: string,
  edit: (record: HostRecord) => HostRecord,
): Map<string, Probe> {
  const { record } = factsIn(probes, host);
  if (!record) throw new Error(`${host} has no record`);
  return change(probes, host, (facts) => ({ ...facts, record: edit(record) }));
}

/** Nobody hears anybody, as after a reboot. */
export function silenced(probes: Map<string, Probe>): Map<string, Probe> {
  return [...probes.keys()].reduce(
    (result, host) =>
      change(result, host, (facts) => ({
        ...facts,
        cx7: facts.cx7.map((netdev) => ({ ...netdev, neighbours: [] })),
      })),
    probes,
  );
}

export function factsIn(probes: ReadonlyMap<string, Probe>, host: string): Facts {
  const probe = probes.get(host);
  if (probe?.kind !== "facts") throw new Error(`${host} has no facts`);
  return probe.facts;
}

/** What a commit of this plan writes on a host. */
function recordOf(plan: Plan, host: string, others: readonly SeenFile[]): HostRecord {
  const planned = plan.hosts.find(({ name }) => name === host);
  if (!planned) throw new Error(`${host} is not planned`);
  const ours = [netplanFile(planned.netplanFile, planned.netplanText)];
  if (planned.sysctlText !== "") ours.push({ ...netplanFile(SYSCTL_FILE, planned.sysctlText), mode: "644" });
  const files = [...others, ...ours].map(({ text = "", ...stat }) => ({ ...stat, sha256: sha256(text) }));
  return {
    version: 1,
    host,
    stack: "organization/spark-mesh/home",
    transaction: `20261101T10000${planned.number}-0000000${planned.number}`,
    digest: planned.digest,
    payload: "H4sIpayload",
    mesh: plan.mesh,
    files,
  };
}

const PORTS: readonly PortNumber[] = [0, 1];
const TWINS: readonly Twin[] = [0, 1];

function freshNetdev(host: number, port: PortNumber, twin: Twin, wiring: string): Cx7Netdev {
  const name = netdevName(port, twin);
  const neighbours = heardAt(host, port, twin, wiring).map(
    ([peer, peerPort, peerTwin]): Neighbour => ({
      mac: macOf(peer, peerPort, peerTwin),
      address: `fe80::${peer}:${peerPort}${peerTwin}`,
    }),
  );
  const linkLocal: LiveAddress = {
    address: `fe80::${host}:${port}${twin}`,
    prefixLength: 64,
    family: 6,
    linkLocal: true,
  };
  return {
    name,
    port,
    twin,
    mac: macOf(host, port, twin),
    mtu: 1500,
    up: true,
    carrier: neighbours.length > 0,
    addresses: [linkLocal],
    arp: { ignore: 0, announce: 0 },
    roceDevice: `roce${name.slice(2).replace(/np\d$/, "")}`,
    rdmaState: "4: ACTIVE",
    neighbours,
  };
}

type Place = readonly [host: number, port: PortNumber, twin: Twin];

/**
 * Who is heard on a netdev. `1/0-2/1` is a cable, where twin hears twin. `1/0-2/1-3/0` is a switch between three ports,
 * and `1/0-switch-a` is one of the cables to a switch: there everybody hears everybody, its port's other rail too.
 */
function heardAt(host: number, port: PortNumber, twin: Twin, wiring: string): readonly Place[] {
  const links = new Map<string, string[]>();
  for (const wire of wiring.split(" ").filter(Boolean)) {
    const [, from = "", name] = /^(\d+\/[01])-([a-z].*)$/.exec(wire) ?? [];
    if (name) links.set(name, [...(links.get(name) ?? []), from]);
    else links.set(wire, wire.split("-"));
  }
  const own = `${host}/${port}`;
  const found = [...links].find(([, ends]) => ends.includes(own));
  if (!found) return [];
  const [name, ends] = found;
  const isSwitch = /^[a-z]/.test(name) || ends.length > 2;
  return ends.flatMap((end) => {
    const [peer, peerPort] = end.split("/");
    const place = (peerTwin: Twin): Place => [Number(peer), peerPort === "0" ? 0 : 1, peerTwin];
    if (isSwitch) return TWINS.filter((one) => end !== own || one !== twin).map(place);
    return end === own ? [] : [place(twin)];
  });
}

/** The lines of what planMesh throws. */
export function faults(probes: ReadonlyMap<string, Probe>, config: ClusterConfig = cluster()): readonly string[] {
  try {
    planMesh(config, probes);
  } catch (error) {
    if (error instanceof Faults && error.subject === "the hosts") return error.lines;
    throw error;
  }
  throw new Error("no fault");
}
