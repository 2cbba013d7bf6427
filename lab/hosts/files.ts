/** What makes one virtual Spark itself: the files laid over the shared root file system. */

import { basename } from "node:path";
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
    ...networkFiles(host, addressOf(network, number)),
    ...(host.wiredConnections === true ? [managedVeths] : []),
    ...(host.hotplug === undefined ? [] : [file("/etc/nvidia/cx7-hotplug-enabled", 0o644, host.hotplug)]),
  ];
}

/** The links of a host: the units that only it starts. */
export function hostLinks(host: HostSpec): HostLink[] {
  return [
    ...(host.networkManagerAlone === true ? [networkManagerWaits] : networkdLinks),
    ...(host.renderer === "NetworkManager" ? networkManagerLinks : []),
  ];
}

/** What selects the host's renderer and gives it its management address. */
function networkFiles(host: HostSpec, address: string): HostFile[] {
  if (host.networkManagerAlone === true) {
    return [networkManagerBase(managementEthernet(address))];
  }
  return [
    file("/etc/systemd/network/10-management.network", 0o644, managementNetwork(address)),
    ...(host.renderer === "NetworkManager" ? [networkManagerBase(""), unmanagedManagement] : []),
  ];
}

function networkManagerBase(ethernets: string): HostFile {
  const text = `# Let NetworkManager manage all devices on this system\nnetwork:\n  version: 2\n  renderer: NetworkManager\n`;
  return file("/etc/netplan/01-network-manager-all.yaml", 0o600, text + ethernets);
}

const unmanagedManagement = file(
  "/etc/NetworkManager/conf.d/10-management.conf",
  0o644,
  `[keyfile]\nunmanaged-devices=interface-name:${managementNetdev}\n`,
);

/** Without it NetworkManager leaves a veth alone until netplan names it. */
const managedVeths = file(
  "/etc/udev/rules.d/86-managed-veths.rules",
  0o644,
  'SUBSYSTEM=="net", ENV{INTERFACE}=="en*np*", ENV{NM_UNMANAGED}="0"\n',
);

const networkdLinks = [
  unitLink("dbus-org.freedesktop.network1.service", "systemd-networkd.service"),
  unitLink("multi-user.target.wants/systemd-networkd.service"),
  unitLink("sockets.target.wants/systemd-networkd.socket"),
  unitLink("network-online.target.wants/systemd-networkd-wait-online.service"),
];
const networkManagerLinks = [
  unitLink("dbus-org.freedesktop.nm-dispatcher.service", "NetworkManager-dispatcher.service"),
  unitLink("multi-user.target.wants/NetworkManager.service"),
];
const networkManagerWaits = unitLink("network-online.target.wants/NetworkManager-wait-online.service");

/** What `systemctl enable` makes at `place`; the unit is called like it unless `unit` says otherwise. */
function unitLink(place: string, unit = basename(place)): HostLink {
  return { path: `/etc/systemd/system/${place}`, target: `/usr/lib/systemd/system/${unit}` };
}

function file(path: string, mode: number, content: string): HostFile {
  return { path, mode, content };
}

function hostsTable(network: number, hosts: readonly HostSpec[], host: HostSpec): string {
  const peers = hosts.map(({ name }, index) => `${addressOf(network, index + 1)} ${name}\n`);
  return `127.0.0.1 localhost\n127.0.1.1 ${host.name}\n::1 localhost ip6-localhost ip6-loopback\n${peers.join("")}`;
}

// The gateway is an address that nobody has: hosts have a default route, as they do at home, and
// nothing leaves the machine.
const gatewayOf = (address: string) => address.replace(/\d+$/, "254");

function managementNetwork(address: string): string {
  return `[Match]\nName=${managementNetdev}\n\n[Network]\nAddress=${address}/24\nGateway=${gatewayOf(address)}\nLinkLocalAddressing=ipv6\n`;
}

function managementEthernet(address: string): string {
  const route = `{ to: default, via: ${gatewayOf(address)} }`;
  return `  ethernets:\n    ${managementNetdev}:\n      addresses: [ ${address}/24 ]\n      routes: [ ${route} ]\n`;
}
