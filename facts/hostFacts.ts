import type { PortNumber } from "../config/cluster";
import type { DockerFacts } from "./docker";
import type { NetworkManagerProfile } from "./networkManager";
import type { ArmedTransaction, ArpSettings, HostRecord, RolledBackTransaction, SeenFile } from "./record";
import type { SystemFacts } from "./system";
import type { TrustFacts } from "./trustFacts";

/** An address as it is live on a netdev. */
export interface LiveAddress {
  /** IPv4 or IPv6, without prefix. */
  readonly address: string;
  readonly prefixLength: number;
  readonly family: 4 | 6;
  readonly linkLocal: boolean;
}

/** Who answered on a netdev: a neighbour's MAC and address as the kernel learned them. */
export interface Neighbour {
  readonly mac: string;
  readonly address: string;
}

/** One CX7 netdev. Two of them, twins, share a physical port. */
export interface Cx7Netdev {
  readonly name: string;
  readonly port: PortNumber;
  /** 0: the twin on the lower PCI domain, e.g. enp1s0f0np0; 1: its twin, e.g. enP2p1s0f0np0. */
  readonly twin: 0 | 1;
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  /** Administratively up. */
  readonly up: boolean;
  readonly carrier: boolean;
  readonly addresses: readonly LiveAddress[];
  /** Undefined where the kernel shows none. */
  readonly arp?: ArpSettings;
  /** e.g. rocep1s0f0; undefined where the driver shows none. */
  readonly roceDevice?: string;
  /** e.g. "4: ACTIVE". */
  readonly rdmaState?: string;
  /** Heard on the wire by this session's second pass, by multicast discovery or by a ping of known addresses. */
  readonly neighbours: readonly Neighbour[];
}

/** Where netplan stops reading, and why. */
export interface NetplanComplaint {
  /** Absolute path. */
  readonly file: string;
  /** From 1, as netplan counts. */
  readonly line: number;
  /** From 1, as netplan counts. */
  readonly column: number;
  /** netplan's words. */
  readonly reason: string;
}

/** A netdev that is not CX7's: management, Wi-Fi, Docker's bridges. */
export interface OtherNetdev {
  readonly name: string;
  readonly addresses: readonly LiveAddress[];
}

/** An IPv4 route that is not on a CX7 netdev. */
export interface Route {
  /** CIDR; the default route is not listed. */
  readonly destination: string;
  readonly netdev: string;
}

/** An IPv4 route over a CX7 netdev that somebody made; those that come with an address are the kernel's. */
export interface Cx7Route extends Route {
  /** Bare address of the gateway; undefined where there is none. */
  readonly via?: string;
}

/**
 * What sudo would do here, as far as this session asked: it doesn't on a settled host.
 * `refused`: asks for a password and none is configured, or the user may not; `wrongPassword`: it was configured and refused.
 */
export type SudoFact = "notAsked" | "passwordless" | "password" | "refused" | "wrongPassword";

/** One host as it is right now. */
export interface HostFacts {
  readonly version: 1;
  readonly hostname: string;
  /** 32 hexadecimal digits; undefined where the host has none yet. */
  readonly machineId?: string;
  /** The host's own address that this session came in on, bare; undefined where sshd doesn't say. */
  readonly sessionAddress?: string;
  readonly kernel: string;
  /** Version of the mlx5 or NVIDIA driver, where readable. */
  readonly driver?: string;
  /**
   * How /etc/nvidia/cx7-hotplug-enabled begins, undefined where it isn't there. Where it is, whatever it says, DGX OS
   * takes a port off PCI when its link goes: with the cable, and when the peer reboots.
   */
  readonly hotplug?: string;
  readonly cx7: readonly Cx7Netdev[];
  readonly otherNetdevs: readonly OtherNetdev[];
  readonly routes: readonly Route[];
  /** `default` is among them. */
  readonly cx7Routes: readonly Cx7Route[];
  /** The netdev that routes to the other Sparks' management addresses. */
  readonly managementInterface?: string;
  readonly netplanInstalled: boolean;
  /** True where the files were read in this session (first visit, or a stat that differs from the record). */
  readonly netplanRead: boolean;
  readonly netplanFiles: readonly SeenFile[];
  /** The first that netplan refuses in its files, ours or another's; known only where the files were read. */
  readonly netplanComplaint?: NetplanComplaint;
  /** Folders that `up` writes to as root and can't, e.g. on a read-only file system; undefined where root wasn't asked. */
  readonly unwritable?: readonly string[];
  /** Undefined where there is none. Whose it is tells the record. */
  readonly sysctlFile?: SeenFile;
  /** Daemons that run. */
  readonly networkManagerRunning: boolean;
  /** NetworkManager's own connections for Ethernet, which netplan didn't write. */
  readonly profiles: readonly NetworkManagerProfile[];
  readonly networkdRunning: boolean;
  readonly sudo: SudoFact;
  readonly system: SystemFacts;
  /** True where the second pass looked for neighbours by multicast (no declared cables; no record, or one that lost a cable). */
  readonly discovered: boolean;
  readonly record?: HostRecord;
  readonly armed?: ArmedTransaction;
  readonly rolledBack?: RolledBackTransaction;
  /** The login user's ~/.ssh; undefined where it can't be looked at. */
  readonly trust?: TrustFacts;
  /** Undefined where no deployment has a rank here. */
  readonly docker?: DockerFacts;
}

/** What came of asking one host. */
export type Probe = { readonly kind: "facts"; readonly facts: HostFacts } | NoFacts;

/** Why a host couldn't be asked. */
export type NoFacts =
  | { readonly kind: "unreachable"; readonly reason: string }
  | { readonly kind: "denied"; readonly reason: string }
  | HostKeyMismatch
  | HostKeyUnknown;

/** Another key answers than the pinned one; both as fingerprints. */
export interface HostKeyMismatch {
  readonly kind: "hostKeyMismatch";
  readonly pinned: string;
  /** Why there is none where it isn't `SHA256:...`. */
  readonly offered?: string;
  /** The jump host, as the configuration names it, where it is the one with another key. */
  readonly jumpName?: string;
}

/** No key is pinned in the config, and no ed25519 one in known_hosts. */
export interface HostKeyUnknown {
  readonly kind: "hostKeyUnknown";
  /** Under which known_hosts would have it. */
  readonly name: string;
  /** Of the keys that known_hosts has. */
  readonly otherTypes: readonly string[];
}

/** How apply logs in: what OpenSSH's configuration, known_hosts and the stack config come to. */
export interface Login {
  /** An IP address where the control machine could resolve one, else the name (only behind a jump host). */
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** `ssh-ed25519 AAAA...` */
  readonly hostKey: string;
  /** Text of the private key; only with `auth: key`. Secret. */
  readonly privateKey?: string;
  readonly jump?: Login;
}
