/** Makes the folder of one virtual Spark, as power.sh expects it. */

import { createHash } from "node:crypto";
import { chownSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hostNumber, writeHostPorts } from "./cables";
import { type HostFile, type HostIdentity, hostFiles, hostLinks, userId } from "./files";
import { must } from "./process";
import { type LabRecord, pathsOf } from "./state";

/** Makes a host that was never switched on: its keys, its own files, and the ends of its cables. */
export async function makeHostFolder(record: LabRecord, hostName: string): Promise<void> {
  const { name, hosts, docker, shares } = record.spec;
  const paths = pathsOf(name);
  const dir = paths.host(hostName);
  const number = hostNumber(record, hostName);
  const host = hosts[number - 1];
  if (host === undefined) {
    throw new Error(`${hostName}: not in lab ${name}`);
  }
  for (const folder of ["upper", "work", "root", "infiniband", ...(docker ? ["docker"] : [])]) {
    mkdirSync(join(dir, folder), { recursive: true });
  }
  const keyFile = join(dir, "host-key");
  await makeKey(keyFile, `root@${hostName}`);
  const identity: HostIdentity = {
    machineId: createHash("sha256").update(`${name}/${hostName}`).digest("hex").slice(0, 32),
    hostKey: readFileSync(keyFile, "utf8"),
    hostPublicKey: readFileSync(`${keyFile}.pub`, "utf8"),
    clientPublicKey: readFileSync(`${paths.clientKey}.pub`, "utf8"),
  };
  const upper = join(dir, "upper");
  for (const file of hostFiles(record.network, hosts, number, host, identity)) {
    writeInto(upper, file);
  }
  for (const { path, target } of hostLinks(host)) {
    mkdirSync(dirname(join(upper, path)), { recursive: true });
    symlinkSync(target, join(upper, path));
  }
  writeFileSync(join(dir, "name"), `${hostName}\n`);
  writeFileSync(join(dir, "machine-id"), `${identity.machineId}\n`);
  if (shares.length > 0) {
    writeFileSync(join(dir, "shares"), shares.map(({ from, to }) => `${from}\t${to}\n`).join(""));
  }
  const password = host.sudoPassword === undefined ? "" : `nvidia:${host.sudoPassword}\n`;
  writeFileSync(join(dir, "chpasswd"), password, { mode: 0o600 });
  writeHostPorts(record, hostName);
}

/** Makes an ed25519 key pair at `path` and `path`.pub. */
export async function makeKey(path: string, comment: string): Promise<void> {
  await must(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path]);
}

function writeInto(upper: string, { path, content, mode, forUser }: HostFile): void {
  const target = join(upper, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, content, { mode });
  if (forUser !== true) {
    return;
  }
  // A folder in the upper layer replaces the owner of the one below it: the user's home too.
  for (let own = target; own !== join(upper, "home"); own = dirname(own)) {
    chownSync(own, userId, userId);
  }
}
