/** What the lab needs of the control machine. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const commands = ["mmdebstrap", "systemd-nspawn", "ip", "ssh", "ssh-keygen", "unshare", "nsenter"];

/** Throws unless a lab can be made here. lab/setup.sh installs what is missing. */
export function checkMachine(): void {
  if (process.platform !== "linux") {
    throw new Error(`control machine: found ${process.platform}, wanted Linux; virtual Sparks share its kernel`);
  }
  if (process.getuid?.() !== 0) {
    throw new Error("control machine: found an ordinary user, wanted root for namespaces and mounts; use sudo -E");
  }
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  const missing = commands.filter((command) => !folders.some((folder) => existsSync(join(folder, command))));
  if (missing.length > 0) {
    throw new Error(
      `control machine: found no ${missing.join(", ")}; \`bash lab/setup.sh\` installs what the lab needs`,
    );
  }
}

const inotifyLimit = "/proc/sys/fs/inotify/max_user_instances";
const inotifyInstances = 4096;

/**
 * Raises the number of inotify instances that root may have. Every virtual Spark takes about ten of the usual 128;
 * where they run out, systemd-udevd and systemd-networkd fail in ways that look like faults of the network.
 */
export function raiseInotifyLimit(say: (line: string) => void): void {
  const present = readFileSync(inotifyLimit, "utf8").trim();
  if (Number(present) < inotifyInstances) {
    writeFileSync(inotifyLimit, String(inotifyInstances));
    say(`raised fs.inotify.max_user_instances of this machine from ${present} to ${inotifyInstances}`);
  }
}
