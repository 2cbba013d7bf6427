import type { z } from "zod";
import type { SystemConfig } from "../config/cluster";
import { recordedFiles, recordHead, type SeenFile, sameStat } from "./record";

/** What a host's system is besides its network, as far as the mesh may look after it: scripts/system.sh does. */

/** The file that allows later runs by name. */
export const sudoersFile = "/etc/sudoers.d/spark-mesh";
/** The drop-in that has logind leave shared memory alone. */
export const logindFile = "/etc/systemd/logind.conf.d/90-spark-mesh.conf";
/** What the last run that looked after a host's system left there (root, 0644). */
export const systemRecordFile = "/var/lib/spark-mesh-system/record.json";

/** With those of the two files that we wrote. */
export const systemRecord = recordHead.extend({ files: recordedFiles });

export type SystemRecord = z.infer<typeof systemRecord>;

/** A host's system as it is right now. */
export interface SystemFacts {
  /** The login user, by the host's own account. */
  readonly user: string;
  /** Undefined where there is no group docker. */
  readonly inDocker?: boolean;
  /** Undefined where this session could not look for it: its folder is often root's alone. "absent": there is none. */
  readonly sudoers?: SeenFile | "absent";
  readonly logind?: SeenFile;
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
