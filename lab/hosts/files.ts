/** What makes one virtual Spark itself: the files laid over the shared root file system. */

import { addressOf, type HostSpec, managementNetdev } from "../layout";

export interface HostFile {
  readonly path: string;
  readonly mode: number;
  readonly content: string;
  /** Owned by the user nvidia, not by root. */
  readonly forUser?: true;
}

interface HostLink {
  readonly path: string;
  readonly target: string;
}

/** The keys and ids that were made for one host. */
export interface HostIdentity {
  readonly machineId: string;
  readonly hostKey: string;
  readonly hostPublicKey: string;
  /** The lab's key, which may log in. */
  readonly clientPublicKey: string;
}

/** The uid and gid of the user nvidia: the first of a fresh system. */
export const userId = 1000;

/** The files of host `number` (from 1) in a lab's network. */
export function hostFiles(
  network: number,
  hosts: readonly HostSpec[],
  number: number,
  host: HostSpec,
  identity: HostIdentity,
): HostFile[] {
  return [
    file("/etc/hostname", 0o644, `${host.name}\n`),
    file("/etc/hosts", 0o644, hostsTable(network, hosts, host)),
    file("/etc/machine-id", 0o444, `${identity.machineId}\n`),
    file("/etc/ssh/ssh_host_ed25519_key", 0o600, identity.hostKey),
    file("/etc/ssh/ssh_host_ed25519_key.pub", 0o644, identity.hostPublicKey),
    { ...file("/home/nvidia/.ssh/authorized_keys", 0o600, identity.clientPublicKey), forUser: true },
    file(
      "/etc/sudoers.d/nvidia",
      0o440,
      `nvidia ALL=(ALL) ${host.sudoPassword === undefined ? "NOPASSWD: " : ""}ALL\n`,
    ),
    file("/etc/systemd/network/10-management.network", 0o644, managementNetwork(addressOf(network, number))),
    ...(host.renderer === "NetworkManager" ? networkManagerFiles : []),
    ...(host.wiredConnections === true ? [managedVeths] : []),
  ];
}

/** The links of a host: the units that only it starts. */
export function hostLinks(host: HostSpec): HostLink[] {
  return host.renderer === "NetworkManager" ? [...networkManagerLinks] : [];
}

const networkManagerFiles = [
  file(
    "/etc/netplan/01-network-manager-all.yaml",
    0o600,
    "# Let NetworkManager manage all devices on this system\nnetwork:\n  version: 2\n  renderer: NetworkManager\n",
  ),
  file(
    "/etc/NetworkManager/conf.d/10-management.conf",
    0o644,
    `[keyfile]\nunmanaged-devices=interface-name:${managementNetdev}\n`,
  ),
];

/** Without it NetworkManager leaves a veth alone until netplan names it. */
const managedVeths = file(
  "/etc/udev/rules.d/86-managed-veths.rules",
  0o644,
  'SUBSYSTEM=="net", ENV{INTERFACE}=="en*np*", ENV{NM_UNMANAGED}="0"\n',
);

const networkManagerLinks = [
  {
    path: "/etc/systemd/system/multi-user.target.wants/NetworkManager.service",
    target: "/usr/lib/systemd/system/NetworkManager.service",
  },
  {
    path: "/etc/systemd/system/dbus-org.freedesktop.nm-dispatcher.service",
    target: "/usr/lib/systemd/system/NetworkManager-dispatcher.service",
  },
];

function file(path: string, mode: number, content: string): HostFile {
  return { path, mode, content };
}

function hostsTable(network: number, hosts: readonly HostSpec[], host: HostSpec): string {
  const peers = hosts.map(({ name }, index) => `${addressOf(network, index + 1)} ${name}\n`);
  return `127.0.0.1 localhost\n127.0.1.1 ${host.name}\n::1 localhost ip6-localhost ip6-loopback\n${peers.join("")}`;
}

// The gateway is an address that nobody has: hosts have a default route, as they do at home, and
// nothing leaves the machine.
function managementNetwork(address: string): string {
  const gateway = address.replace(/\d+$/, "254");
  return `[Match]\nName=${managementNetdev}\n\n[Network]\nAddress=${address}/24\nGateway=${gateway}\nLinkLocalAddressing=ipv6\n`;
}
