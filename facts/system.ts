import { z } from "zod";
import type { SystemConfig } from "../config/cluster";
import { type FileStat, fileStat, sameStat } from "./record";

/** What a host's system is besides its network, as far as the mesh may look after it: scripts/system.sh does. */

/** The file that allows later runs by name. */
export const sudoersFile = "/etc/sudoers.d/spark-mesh";
/** The drop-in that has logind leave shared memory alone. */
export const logindFile = "/etc/systemd/logind.conf.d/90-spark-mesh.conf";
/** What the last run that looked after a host's system left there (root, 0644). */
export const systemRecordFile = "/var/lib/spark-mesh-system/record.json";

export const systemRecord = z.object({
  version: z.literal(1),
  /** Name of the host in the mesh that looked after it. */
  host: z.string(),
  /** `organization/project/stack`. */
  stack: z.string(),
  /** Id of the last run that changed something. Sorts by time. */
  transaction: z.string(),
  /** Digest of the wish that was made true. */
  digest: z.string(),
  /** The script and the document, gzip in base64: replayed where stdin can't be ignored. */
  payload: z.string(),
  /** Those of the two files that we wrote. */
  files: z.array(fileStat.extend({ sha256: z.string() })),
});

export type SystemRecord = z.infer<typeof systemRecord>;

/** A file that can be seen; `text` only where it can be read. */
export interface SystemFile extends FileStat {
  readonly text?: string;
}

/** A host's system as it is right now. */
export interface SystemFacts {
  /** The login user, by the host's own account. */
  readonly user: string;
  /** Undefined where there is no group docker. */
  readonly inDocker?: boolean;
  /** Undefined where this session could not look for it: its folder is often root's alone. "absent": there is none. */
  readonly sudoers?: SystemFile | "absent";
  readonly logind?: SystemFile;
  /** Whether logind, as it runs, leaves shared memory alone; undefined where it was not asked, for want of our drop-in. */
  readonly keepsIpc?: boolean;
  readonly record?: SystemRecord;
}

/** Whether anything is declared at all. */
export function isDeclared({ dockerGroup, sudoers, removeIpc }: SystemConfig): boolean {
  return dockerGroup || sudoers || !removeIpc;
}

/**
 * Whether only root can tell what is to know: on a first visit what sudo does at all, later what became of a sudoers
 * file that can't be seen, or isn't as it was recorded.
 */
export function systemNeedsSudo({ sudoers, record }: SystemFacts, wish: SystemConfig): boolean {
  if (!isDeclared(wish)) return false;
  if (!record) return true;
  const recorded = record.files.find(({ path }) => path === sudoersFile);
  if (!recorded || sudoers === "absent") return false;
  return sudoers === undefined || !sameStat(sudoers, recorded);
}
