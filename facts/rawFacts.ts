import { z } from "zod";
import { Faults } from "../config/faults";
import { rawOwnFile } from "./ownFile";
import { fileStat } from "./record";
import { rawTrust } from "./trustFacts";

/** What scripts/facts*.sh print, pass by pass. Raw: parse.ts makes facts of it. */

export const version = { sparkMeshFacts: z.literal(1) };

const liveNetdev = z.object({
  ifname: z.string(),
  flags: z.array(z.string()),
  mtu: z.number(),
  address: z.string().default(""),
  addr_info: z
    .array(z.object({ family: z.string(), local: z.string().optional(), prefixlen: z.number().optional() }))
    .default([]),
});

const liveRoute = z.object({
  dst: z.string(),
  dev: z.string().optional(),
  gateway: z.string().optional(),
  /** `kernel`: it came with an address. */
  protocol: z.string().optional(),
});

const portFacts = z.object({
  netdev: z.string(),
  driver: z.string(),
  portName: z.string(),
  switchId: z.string(),
  roceDevice: z.string().optional(),
  rdmaState: z.string().optional(),
  /** Of the netdev's own; "" where the kernel shows none. */
  arpIgnore: z.string(),
  arpAnnounce: z.string(),
});

const file = fileStat.extend({
  /** Base64. */
  contents: z.string().optional(),
});

const system = z.object({
  /** Of the session. */
  user: z.string(),
  /** Whether this session is in docker; null where there is no such group. */
  docker: z.boolean().nullable(),
  /** A list of one or none; null where its folder can't be searched. */
  sudoers: z.array(file).nullable(),
  /** A list of one or none. */
  logind: z.array(file),
  /** null where logind was not asked, or gave no answer. */
  keepsIpc: z.boolean().nullable(),
  /** null where it is not installed. */
  earlyoom: z
    .object({
      /** A list of one or none. */
      dropIn: z.array(file),
      /** systemd's ActiveState and UnitFileState of its unit; "" where it was not asked, or gave no answer. */
      active: z.string(),
      enabled: z.string(),
    })
    .nullable(),
  /** The host program's files, and their sha256 in the same order. */
  programs: z.object({ files: z.array(file), sums: z.array(z.string()) }),
  record: rawOwnFile,
});

const firstPass = z.object({
  ...version,
  /** `ip addr`, `ip route`, then an `ip route get` for every peer that a route leads to. */
  ip: z.tuple([z.array(liveNetdev), z.array(liveRoute)]).rest(z.array(liveRoute)),
  hostname: z.string(),
  /** First line of /etc/machine-id. */
  machineId: z.string(),
  kernel: z.string(),
  /** First line of /proc/driver/nvidia/version. */
  nvidia: z.string(),
  mlx5: z.string(),
  /** SSH_CONNECTION: client's address and port, server's address and port. */
  connection: z.string(),
  /** How /etc/nvidia/cx7-hotplug-enabled begins; null where it isn't there. */
  hotplug: z.string().nullable(),
  ports: z.array(portFacts),
  /** Netplan's, and ours in /etc/sysctl.d; null where a folder can't be listed without sudo. */
  files: z.array(file).nullable(),
  netplan: z.boolean(),
  networkManager: z.boolean(),
  networkd: z.boolean(),
  system,
  record: rawOwnFile,
  armed: rawOwnFile,
  rolledBack: rawOwnFile,
  trust: rawTrust.nullish(),
  /** Lines of facts-networkmanager.sh; "" where NetworkManager wasn't asked. */
  profiles: z.string().default(""),
});

/** An address on a netdev. */
const place = z.object({ netdev: z.string(), address: z.string() });

const secondPass = z.object({
  ...version,
  sudo: z.enum(["notAsked", "passwordless", "password", "refused", "wrongPassword"]),
  files: z.array(file).nullable(),
  /** Our sudoers file as root sees it: a list of one or none. */
  sudoers: z.array(file).nullable(),
  /** null where root was not asked, or sudo refused. */
  root: z
    .object({
      /** Folders that `up` writes to. */
      unwritable: z.array(z.string()),
      /** What `netplan get` complains of. */
      netplan: z.string(),
    })
    .nullish(),
  answered: z.array(place),
  /** Asked for where nobody answered: the neighbour table has whoever is there. */
  looked: z.array(place),
  neighbours: z.array(
    z.array(
      z.object({
        dst: z.string(),
        dev: z.string().optional(),
        lladdr: z.string().optional(),
        state: z.array(z.string()).default([]),
      }),
    ),
  ),
});

export type RawNetdev = z.infer<typeof liveNetdev>;
export type RawPort = z.infer<typeof portFacts>;
export type RawFile = z.infer<typeof file>;
export type RawSystem = z.infer<typeof system>;
export type RawFirstPass = z.infer<typeof firstPass>;
export type RawSecondPass = z.infer<typeof secondPass>;

/** What `schema` makes of a line of JSON. @throws Faults, one line that names the host */
export function parsed<T>(host: string, schema: z.ZodType<T>, line: string): T {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new Faults("the hosts", [
      `${host}: its facts are no JSON (${line.length} characters); is its iproute2 whole?`,
    ]);
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const found = typeof json === "object" && json !== null && "sparkMeshFacts" in json ? json.sparkMeshFacts : undefined;
  if (found !== 1) {
    const shown = typeof found === "number" ? String(found) : "none";
    throw new Faults("the hosts", [`${host}: its facts have version ${shown}; this release reads version 1`]);
  }
  const [issue] = result.error.issues;
  const where = issue?.path.join(".") ?? "";
  if (/^ip(\.[01])?$/.test(where)) {
    throw new Faults("the hosts", [`${host}: iproute2's ip gave nothing; install iproute2 there`]);
  }
  throw new Faults("the hosts", [
    `${host}: its facts have a wrong ${where.replace(/[^\w.]/g, "_")}: ${issue?.message ?? ""}`,
  ]);
}

/** @throws Faults, one line that names the host */
export const readFirstPass = (host: string, line: string): RawFirstPass => parsed(host, firstPass, line);
/** @throws Faults, one line that names the host */
export const readSecondPass = (host: string, line: string): RawSecondPass => parsed(host, secondPass, line);
