import { z } from "zod";

/**
 * What a commit leaves on every host, in /var/lib/spark-mesh/record.json (root, 0644), and what facts read back
 * without sudo: the whole committed mesh, so that one reachable host can speak for an unreachable one.
 */

const portRef = z.object({ host: z.string(), port: z.union([z.literal(0), z.literal(1)]) });
const switchRef = z.object({ switch: z.string() });

/** Our file of the kernel's settings on a host, where a mesh has any. */
export const SYSCTL_FILE = "/etc/sysctl.d/90-spark-mesh.conf";

/** A netdev's own arp_ignore and arp_announce; where those of `all` are higher, the kernel goes by them. */
const arpSettings = z.object({ ignore: z.number(), announce: z.number() });

/** A netdev as it was committed: `address` in CIDR notation, `mtu` in bytes, `arp` where the mesh settles it. */
const recordedNetdev = z.object({
  netdev: z.string(),
  port: z.union([z.literal(0), z.literal(1)]),
  /** 0: the twin on the lower PCI domain. */
  twin: z.union([z.literal(0), z.literal(1)]),
  address: z.string(),
  mtu: z.number(),
  arp: arpSettings.optional(),
});

const recordedMesh = z.object({
  topology: z.enum(["direct", "ring", "switch"]),
  /** A switch is the second end. */
  cables: z.array(
    z.object({
      ends: z.tuple([portRef, z.union([portRef, switchRef])]),
      subnets: z.tuple([z.string(), z.string()]),
    }),
  ),
  hosts: z.array(
    z.object({
      name: z.string(),
      number: z.number(),
      renderer: z.enum(["networkd", "NetworkManager"]),
      netplanFile: z.string(),
      netdevs: z.array(recordedNetdev),
      /** Names of the other files in /etc/netplan that CX7 definitions were moved out of. */
      moved: z.array(z.string()).optional(),
    }),
  ),
});

/** One file of netplan's folders, or `SYSCTL_FILE`, as `stat` shows it. Equal stat means the recorded hash still holds. */
export const fileStat = z.object({
  path: z.string(),
  /** Octal, e.g. "600". */
  mode: z.string(),
  /** Owner and group by name, e.g. "root:root". */
  owner: z.string(),
  /** Bytes. */
  size: z.number(),
  inode: z.number(),
  /** Change time in seconds with a fraction, as text: its digits are compared, never its value. */
  ctime: z.string(),
});

/** Whether two stats are of the same state of a file. */
export function sameStat(a: FileStat, b: FileStat): boolean {
  return a.mode === b.mode && a.owner === b.owner && a.size === b.size && a.inode === b.inode && a.ctime === b.ctime;
}

/** How the record of whatever was made true on a host begins. */
export const recordHead = z.object({
  version: z.literal(1),
  /** Name of the host in the mesh that made it true. */
  host: z.string(),
  /** `organization/project/stack` that did. */
  stack: z.string(),
  /** Id of the transaction that changed something last. Sorts by time. */
  transaction: z.string(),
  /** Digest of the desired document that was made true. */
  digest: z.string(),
  /** The scripts and that document, gzip in base64: replayed where stdin can't be ignored. */
  payload: z.string(),
});

/** How the record begins of whatever the host program made true. */
export const programRecordHead = recordHead.omit({ payload: true }).extend({
  /** sha256 of the program that did. */
  program: z.string(),
  /** The spec that it was given: sent again where stdin can't be ignored. */
  spec: z.string(),
});

/** Files as they were left, with what was in them. */
export const recordedFiles = z.array(fileStat.extend({ sha256: z.string() }));

export const hostRecord = recordHead.extend({ mesh: recordedMesh, files: recordedFiles });

/** The version in a file of ours that this release doesn't know; undefined where that isn't why it can't be read. */
export function newerVersion(json: unknown): number | undefined {
  const version = typeof json === "object" && json !== null && "version" in json ? json.version : undefined;
  return typeof version === "number" && version > 1 ? version : undefined;
}

/** A change that was staged and not yet committed, in /var/lib/spark-mesh/armed.json (root, 0644). */
export const armedTransaction = z.object({
  version: z.literal(1),
  /** Name of the host in the mesh that is to be. */
  host: z.string(),
  transaction: z.string(),
  stack: z.string(),
  /** Who staged it: user, control machine and backend. */
  operator: z.string(),
  /** When it will be rolled back, seconds since the epoch. */
  until: z.number(),
  /** The mesh that is to be: before the first commit nothing else knows the wiring. */
  mesh: recordedMesh,
});

/** The last rollback, in /var/lib/spark-mesh/rolled-back.json (root, 0644). */
export const rolledBackTransaction = z.object({
  version: z.literal(1),
  transaction: z.string(),
  /** Seconds since the epoch. */
  at: z.number(),
  /** timer | boot | stage | commit */
  cause: z.string(),
});

export type ArpSettings = z.infer<typeof arpSettings>;
export type RecordedMesh = z.infer<typeof recordedMesh>;
export type RecordedNetdev = z.infer<typeof recordedNetdev>;
export type FileStat = z.infer<typeof fileStat>;

/** A file on a host; `text` only where it could be read in this session: most are root's alone. */
export interface SeenFile extends FileStat {
  readonly text?: string;
}

export type HostRecord = z.infer<typeof hostRecord>;
export type ArmedTransaction = z.infer<typeof armedTransaction>;
export type RolledBackTransaction = z.infer<typeof rolledBackTransaction>;
