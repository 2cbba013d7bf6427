/** What clients of a lab need: ssh_config, known_hosts, the sudo password and the stack config. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { addressOf } from "../layout";
import { renderStackConfig, type StackHost, writeStackFile } from "./stack-config";
import { hostPublicKey, type LabRecord, pathsOf } from "./state";

/** Writes them; what is known about the stack file becomes part of the lab's record. */
export function writeClientFiles(
  record: LabRecord,
  stackFile: string | undefined,
): Pick<LabRecord, "stackFile" | "stackText"> {
  const { name, hosts } = record.spec;
  const { dir, clientKey, knownHosts, sshConfig, sudoPassword } = pathsOf(name);
  const stackHosts: StackHost[] = hosts.map((host, index) => ({
    name: host.name,
    address: addressOf(record.network, index + 1),
    hostKey: hostPublicKey(name, host.name),
  }));
  writeFileSync(knownHosts, stackHosts.map((host) => `${host.name},${host.address} ${host.hostKey}\n`).join(""));
  writeFileSync(sshConfig, renderSshConfig(stackHosts, clientKey, knownHosts));
  const password = hosts.find((host) => host.sudoPassword !== undefined)?.sudoPassword;
  writeFileSync(sudoPassword, password === undefined ? "" : `${password}\n`, { mode: 0o600 });
  writeFileSync(join(dir, "Pulumi.stack.yaml"), renderStackConfig("", stackHosts, clientKey));
  return stackFile === undefined ? {} : { stackFile, stackText: writeStackFile(stackFile, stackHosts, clientKey) };
}

function renderSshConfig(hosts: readonly StackHost[], identityFile: string, knownHosts: string): string {
  const entries = hosts.map(({ name, address }) => `Host ${name}\n  HostName ${address}\n  HostKeyAlias ${name}\n`);
  return `${entries.join("\n")}
Host *
  User nvidia
  IdentityFile ${identityFile}
  IdentitiesOnly yes
  UserKnownHostsFile ${knownHosts}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  LogLevel ERROR
`;
}
