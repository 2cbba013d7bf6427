import { createHash } from "node:crypto";
import type { ClusterConfig } from "../../config/cluster";
import { parseClusterConfig } from "../../config/load";
import { gatherFacts } from "../../facts/gather";
import type { HostFacts, Probe } from "../../facts/hostFacts";
import type { HostRecord, RecordedMesh } from "../../facts/record";
import type { Lab } from "../../lab/hosts/lab";
import { renderNetplan } from "../../plan/netplan/netplan";
import { inside } from "../inside";

/** What a test varies in the stack config of a lab. */
export interface Wish {
  readonly ssh?: Readonly<Record<string, unknown>>;
  /** Fields of hosts by name; undefined takes one away. */
  readonly hosts?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly sudoPasswords?: Readonly<Record<string, string>>;
  readonly more?: Readonly<Record<string, unknown>>;
}

/** The stack config of a lab, judged. */
export function clusterOf(lab: Lab, wish: Wish = {}): ClusterConfig {
  const hosts = lab.hosts.map(({ name, address, hostKey, user, identityFile }) => {
    return { name, address, hostKey, user, identityFile, ...wish.hosts?.[name] };
  });
  const passwords = lab.hosts.flatMap(({ name, sudoPassword }) => (sudoPassword ? [[name, sudoPassword]] : []));
  const config = { hosts, sudoPasswords: wish.sudoPasswords ?? Object.fromEntries(passwords), ...wish.more };
  const entries = Object.entries({ ...config, ...(wish.ssh && { ssh: wish.ssh }) });
  return parseClusterConfig(
    Object.fromEntries(entries.map(([key, value]) => [`spark-mesh:${key}`, JSON.stringify(value)])),
    "/nobody",
    ["spark-mesh:sudoPasswords"],
  );
}

/** The facts among the probes. */
export function factsOf(probes: ReadonlyMap<string, Probe>, host: string): HostFacts {
  const probe = probes.get(host);
  if (probe?.kind !== "facts") throw new Error(`${host}: ${JSON.stringify(probe)}`);
  return probe.facts;
}

const netdevs = [
  ["enp1s0f0np0", 0, 0],
  ["enP2p1s0f0np0", 0, 1],
  ["enp1s0f1np1", 1, 0],
  ["enP2p1s0f1np1", 1, 1],
] as const;
/** Third octets of a ring's subnets, by host number, then as in `netdevs`. */
const octets = [
  [177, 178, 187, 188],
  [197, 198, 177, 178],
  [187, 188, 197, 198],
] as const;
const portOf = (host: string, port: 0 | 1) => ({ host, port });

/** The mesh of the article's ring. */
export function ringMesh(lab: Lab): RecordedMesh {
  return {
    topology: "ring",
    cables: [
      { ends: [portOf("spark-1", 0), portOf("spark-2", 1)], subnets: ["192.168.177.0/24", "192.168.178.0/24"] },
      { ends: [portOf("spark-1", 1), portOf("spark-3", 0)], subnets: ["192.168.187.0/24", "192.168.188.0/24"] },
      { ends: [portOf("spark-2", 0), portOf("spark-3", 1)], subnets: ["192.168.197.0/24", "192.168.198.0/24"] },
    ],
    hosts: lab.hosts.map(({ name, number, renderer }, index) => ({
      name,
      number,
      renderer,
      netplanFile: "/etc/netplan/40-cx7.yaml",
      netdevs: netdevs.map(([netdev, port, twin], i) => {
        return { netdev, port, twin, mtu: 9000, address: `192.168.${octets[index]?.[i]}.${10 + number}/24` };
      }),
    })),
  };
}

/** Configures the ring as a person would, or another tool: netplan's file and the live netdevs. */
export async function configure(lab: Lab): Promise<void> {
  const write = "cat >/etc/netplan/40-cx7.yaml && chmod 600 /etc/netplan/40-cx7.yaml && netplan apply";
  await Promise.all(ringMesh(lab).hosts.map((host) => inside(lab, host.name, write, { stdin: renderNetplan(host) })));
}

/** Makes a configured ring settled without the scripts of apply, by a program that is there and a record of what it is. */
export async function settle(lab: Lab): Promise<void> {
  const program = "#!/bin/true\n";
  const digest = createHash("sha256").update(program).digest("hex");
  const mesh = ringMesh(lab);
  const { probes } = await gatherFacts(clusterOf(lab));
  await Promise.all(
    mesh.hosts.map(async ({ name }) => {
      const files = factsOf(probes, name).netplanFiles.map(({ text: _, ...stat }) => ({ ...stat, sha256: "-" }));
      const record: HostRecord = {
        version: 1,
        host: name,
        stack: "organization/spark-mesh/home",
        transaction: "20261123T000000-00000000",
        digest: "-",
        payload: "A".repeat(40_000),
        mesh,
        files,
      };
      const folder = "/var/lib/spark-mesh";
      const write = (file: string) => `mkdir -p ${folder} && cat >${folder}/${file} && chmod 755 ${folder}/${file}`;
      await inside(lab, name, write(`program-${digest}`), { stdin: program });
      await inside(lab, name, write("record.json"), { stdin: `${JSON.stringify(record)}\n` });
    }),
  );
}
