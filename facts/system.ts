import type { z } from "zod";
import type { SystemConfig } from "../config/cluster";
import { programRecordHead, recordedFiles, type SeenFile, sameStat } from "./record";

/** What a host's system is besides its network, as far as the mesh may look after it: host/spark_mesh_host/system does. */

/** The file that allows later runs by name. */
export const sudoersFile = "/etc/sudoers.d/spark-mesh";
/** The drop-in that has logind leave shared memory alone. */
export const logindFile = "/etc/systemd/logind.conf.d/90-spark-mesh.conf";
/** The drop-in that gives earlyoom its arguments. Its base name is no other file's: what was there is kept by it. */
export const earlyoomFile = "/etc/systemd/system/earlyoom.service.d/90-spark-mesh-earlyoom.conf";
/** What the last run that looked after a host's system left there (root, 0644). */
export const systemRecordFile = "/var/lib/spark-mesh/system/record.json";

/** With those of the files that we wrote. */
export const systemRecord = programRecordHead.extend({ files: recordedFiles });

export type SystemRecord = z.infer<typeof systemRecord>;

/** earlyoom, where it is installed. */
export interface EarlyoomFacts {
  readonly dropIn?: SeenFile;
  /** systemd's ActiveState of its unit, e.g. `active`; undefined where it was not asked, for want of our drop-in. */
  readonly active?: string;
  /** Its UnitFileState, e.g. `enabled`, likewise. */
  readonly enabled?: string;
}

/** A file of the host program, which is called `program-DIGEST`. */
export interface ProgramFile {
  /** What its name says. */
  readonly digest: string;
  /** Whether it is root's, for everybody to run, and its bytes have that digest. */
  readonly intact: boolean;
  /** Change time, as text. */
  readonly ctime: string;
}

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
  /** Undefined where it is not installed. */
  readonly earlyoom?: EarlyoomFacts;
  readonly programs: readonly ProgramFile[];
  readonly record?: SystemRecord;
}

/** Whether anything is declared at all. */
export function isDeclared({ dockerGroup, sudoers, removeIpc, earlyoom }: SystemConfig): boolean {
  return dockerGroup || sudoers || !removeIpc || earlyoom;
}

/**
 * Whether only root can tell what is to know: on a first visit what sudo does at all, later what became of a sudoers
 * file that can't be seen, or isn't as it was recorded.
 */
export function systemNeedsSudo({ sudoers, programs, record }: SystemFacts, wish: SystemConfig): boolean {
  if (!programs.some(({ intact }) => intact)) return true;
  if (!isDeclared(wish)) return false;
  if (!record) return true;
  const recorded = record.files.find(({ path }) => path === sudoersFile);
  if (!recorded || sudoers === "absent") return false;
  return sudoers === undefined || !sameStat(sudoers, recorded);
}
