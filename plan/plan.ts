import type { CableEnd, PortNumber, PortRef, SystemConfig } from "../config/cluster";
import type { ArpSettings, RecordedMesh } from "../facts/record";
import type { TrustIdentity } from "../facts/trustFacts";
import type { TrustFile } from "../facts/trustFiles";

export type Topology = "direct" | "ring" | "switch";
export type Renderer = "networkd" | "NetworkManager";

/** How a cable came to be known; a declared one wins over a recorded one, that over a discovered one. */
export type CableEvidence = "declared" | "recorded" | "discovered" | "assumed";

/** One cable, from a port to another or to a switch: two netdevs at a port, so two subnets. */
export interface CablePlan {
  /** `spark-1/0-spark-2/1`, lower host number first, or `spark-1/0-switch-a`. */
  readonly name: string;
  /** A switch is the second. */
  readonly ends: readonly [PortRef, CableEnd];
  /** CIDR, by twin. On a switch those of all cables at the same place of their hosts there. */
  readonly subnets: readonly [string, string];
  /** CIDR by twin, of each host that has an end. */
  readonly addresses: Readonly<Record<string, readonly [string, string]>>;
  readonly evidence: CableEvidence;
}

/** What one netdev should be, and whom it faces. */
export interface NetdevPlan {
  readonly netdev: string;
  readonly port: PortNumber;
  readonly twin: 0 | 1;
  /** CIDR, e.g. 192.168.177.11/24. */
  readonly address: string;
  /** Bytes. */
  readonly mtu: number;
  /** On a switch, where its twin would answer for it; undefined where the kernel's settings are left alone. */
  readonly arp?: ArpSettings;
  readonly roceDevice: string;
  /** The one at the other end of the cable; on a switch every other host's netdev of the same subnet, in rank order. */
  readonly peers: readonly PeerPlan[];
}

/** Somebody else's netdev that one of ours faces. */
export interface PeerPlan {
  readonly host: string;
  readonly netdev: string;
  /** Without its prefix. */
  readonly address: string;
  /** Undefined while the host can't be asked. */
  readonly mac?: string;
}

/** Another file in /etc/netplan, without its CX7 definitions. */
export interface FileMove {
  readonly name: string;
  /** Undefined where it was done before: the file is its owner's again. */
  readonly change?: {
    /** sha256 of the text that was read; another text is not touched. */
    readonly before: string;
    /** The whole file after it; "" removes it. */
    readonly after: string;
  };
}

/** One thing on a host that is not as it should be. */
export interface Difference {
  readonly host: string;
  /** A netdev, a file or folder, `transaction`, `group docker`, `logind`, a unit; an image, a model, a container, `watch`. */
  readonly object: string;
  /** What about it, e.g. `mtu`. */
  readonly property: string;
  readonly found: string;
  readonly wanted: string;
}

/** Another Spark, as one host logs in to it. */
export interface TrustPeer {
  readonly identity: TrustIdentity;
  /** Where `ssh NAME` goes: its address on the first netdev that faces it, else on the management network. */
  readonly via: string;
  /** The addresses that it is reached at from this host, bare: on the management network, and on every shared subnet. */
  readonly logins: readonly string[];
}

/** Our whole blocks in the files of ~/.ssh, markers included; each ends with a newline. */
export type TrustBlocks = Readonly<Record<TrustFile, string>>;

/** One host's part of the trust between the Sparks, beside how far it is from that. */
export interface HostTrust {
  /** Of all hosts that are known, this one and abandoned ones too, by number: what its record is to hold. */
  readonly identities: readonly TrustIdentity[];
  /** The others that are to log in here and the other way round, by number. */
  readonly peers: readonly TrustPeer[];
  /** Undefined while a key is to be made for one of the peers. */
  readonly blocks?: TrustBlocks;
  /** `settled`: keys, blocks and modes are as they should be. The others as in a `HostPlan`. */
  readonly state: HostPlan["state"];
  /** Whether a key pair is to be made here. */
  readonly keyDue: boolean;
  /** Empty unless `due`. */
  readonly differences: readonly Difference[];
  /** Why `due`, like a `HostPlan`'s; "" otherwise. */
  readonly note: string;
}

/** What of a host's system is looked after besides its network, beside how far it is from that. */
export interface SystemPlan {
  readonly wish: SystemConfig;
  /** The login user; undefined while the host can't be asked. */
  readonly user?: string;
  /** sha256 of everything that is made true. */
  readonly digest: string;
  /** As of the host, and apart from its network. */
  readonly state: HostPlan["state"];
  readonly differences: readonly Difference[];
  readonly note: string;
  /** What was made true last, where there is a record. */
  readonly committed?: Committed;
}

/** What the host program was given when it made something true. */
export interface Committed {
  readonly spec: string;
  /** sha256 of the program. */
  readonly program: string;
}

/** The program that runs on a host, beside how far the host is from having it. */
export interface ProgramPlan {
  /** As of the host, and apart from its network. */
  readonly state: HostPlan["state"];
  readonly differences: readonly Difference[];
  /** Why `due`, like a `HostPlan`'s; "" otherwise. */
  readonly note: string;
}

/** One host as it should be, beside how far it is from that. */
export interface HostPlan {
  readonly name: string;
  readonly number: number;
  readonly renderer: Renderer;
  readonly netplanFile: string;
  /** The whole file, ends with a newline. */
  readonly netplanText: string;
  /** The whole file of the kernel's settings, ends with a newline; "" where there is none to be. */
  readonly sysctlText: string;
  readonly netdevs: readonly NetdevPlan[];
  /** Management netdev; undefined while the host can't be asked. */
  readonly managementInterface?: string;
  /** First IPv4 address of the management netdev; undefined while the host can't be asked. */
  readonly managementAddress?: string;
  /** sha256 of everything that commit makes true on this host. */
  readonly digest: string;
  /**
   * `settled`: file, live state and last commit equal the wish and nothing is armed. `due`: something differs.
   * `unknown`: can't be asked now, planned from a record. `abandoned`: never asked again.
   */
  readonly state: "settled" | "due" | "unknown" | "abandoned";
  /** Empty unless `due`. A host that was never visited is `due` without any: that is no drift. */
  readonly differences: readonly Difference[];
  /** Why `due`, in one line of `[A-Za-z0-9 .,:/=_-]`, with the id of the last transaction; "" otherwise. */
  readonly note: string;
  /** Other netplan files that CX7 definitions are moved out of, or were: destroy puts all of them back. By name. */
  readonly moves: readonly FileMove[];
  /** The recorded payload, where there is a record. */
  readonly committedPayload?: string;
  /** Undefined where SSH trust is off, and on an abandoned host that never had it. */
  readonly trust?: HostTrust;
  /** Undefined until the rest of the host is planned. */
  readonly program?: ProgramPlan;
  /** Undefined where nothing of it is declared. */
  readonly system?: SystemPlan;
}

/** What the mesh should be. Plain data; the same config and facts give the same plan, in any order. */
export interface Plan {
  readonly topology: Topology;
  readonly cables: readonly CablePlan[];
  /** In rank order. */
  readonly hosts: readonly HostPlan[];
  /** What every host's record will hold. */
  readonly mesh: RecordedMesh;
  /** One line each, host first. Not drift. */
  readonly warnings: readonly string[];
  /**
   * Reasons that forbid `up` (never preview), host first: something is due, and verify would need a host that can't be
   * reached or a cable that is dead. Empty where nothing is due.
   */
  readonly blockers: readonly string[];
}
