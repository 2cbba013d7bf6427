/** How the control machine proves who it is: keys held by ssh-agent, or a key file of its own. */
export type SshAuth = "agent" | "key";

/** A physical QSFP port of a Spark: 0 is the one next to the RJ-45 jack. */
export type PortNumber = 0 | 1;

/** One physical port of one host, written `spark-1/0`. */
export interface PortRef {
  readonly host: string;
  readonly port: PortNumber;
}

/** How one host is reached over SSH, before ~/.ssh/config has had its say. Undefined means: as OpenSSH resolves it. */
export interface SshConfig {
  readonly auth: SshAuth;
  readonly user?: string;
  readonly port?: number;
  /** Path of a private key, `~` already expanded. */
  readonly identityFile?: string;
  /** One jump host, as `[user@]host[:port]` or an alias. */
  readonly proxyJump?: string;
  /** The pinned host key, e.g. `ssh-ed25519 AAAA...`. Default: the ed25519 key in the user's known_hosts. */
  readonly hostKey?: string;
}

/** One DGX Spark of the cluster. */
export interface HostConfig {
  /** Unique, `[a-z0-9-]`; need not be the machine's own host name. */
  readonly name: string;
  /** Management address, DNS or mDNS name, or an alias in ~/.ssh/config. */
  readonly address: string;
  /** Unique, 1 to 244: the host's addresses hang on it, in a /24 they end in 10 + number. Default: the position from 1. */
  readonly number: number;
  readonly ssh: SshConfig;
  /** Default: the netdev that routes to the other Sparks. */
  readonly managementInterface?: string;
  /** Only where sudo asks. Secret. */
  readonly sudoPassword?: string;
}

/** A switch, by the name that the config or discovery gives it. */
export interface SwitchRef {
  readonly switch: string;
}

/** What a port is cabled to. */
export type CableEnd = PortRef | SwitchRef;

/** A declared cable; its far end is a host's port or a switch by name. */
export interface CableConfig {
  readonly from: PortRef;
  readonly to: CableEnd;
  /** CIDR by twin: declared here or at the same place of the switch, else those that addresses lie in. Default: planned. */
  readonly subnets?: readonly [string, string];
  /** Bare IPv4 addresses by twin, of one or both hosts of the cable. Default: planned. */
  readonly addresses?: Readonly<Record<string, readonly [string, string]>>;
}

export interface NetworkConfig {
  /** First subnet of the address plan. @default "192.168.177.0/24", with a pool the pool's first */
  readonly firstSubnet: string;
  /** Every planned subnet lies in this network. Undefined: in firstSubnet's /16, or its private range where not /24. */
  readonly pool?: string;
  /** Of planned subnets. @default 24, or as in firstSubnet */
  readonly prefixLength: number;
  /** MTU of the CX7 netdevs, in bytes. @default 9000 */
  readonly mtu: number;
  /** @default "/etc/netplan/40-cx7.yaml" */
  readonly netplanFile: string;
  /** After how many seconds an unconfirmed change is rolled back. @default 180 */
  readonly confirmSeconds: number;
  /** Moves the definitions of CX7 netdevs out of other netplan files; destroy puts them back. @default false */
  readonly migrate: boolean;
}

/** What of the hosts' own systems the mesh is to look after besides. What isn't declared is never touched. */
export interface SystemConfig {
  /** Each host's login user is a member of the group docker. @default false */
  readonly dockerGroup: boolean;
  /** A sudoers file allows the login user, without a password, exactly what later runs need. @default false */
  readonly sudoers: boolean;
  /** False: logind leaves a user's shared memory and semaphores alone at the last logout. @default true: not declared */
  readonly removeIpc: boolean;
  /** earlyoom kills an engine before the host itself runs out of memory. @default false */
  readonly earlyoom: boolean;
}

export interface DeploymentConfig {
  readonly name: string;
  readonly recipe: string;
  readonly hosts?: readonly string[];
  readonly overrides: Readonly<Record<string, string | number | boolean>>;
  /** Where its recipe's mods are: a folder, or `URL#COMMIT` of a git repository. Default: beside the recipe. */
  readonly mods?: string;
  /** What builds its image: `URL#COMMIT` of a git repository. Default: the image is pulled, or there. */
  readonly build?: string;
  /** How long `up` waits for an answered completion, in seconds. @default 3600 */
  readonly readySeconds: number;
  /** Whose values count for what ranks reach one another by: the recipe's, or the mesh's. @default "recipe" */
  readonly fabricEnv?: "recipe" | "mesh";
  /** Words behind the server's own, which they win over. No shell looks at them. */
  readonly args?: readonly string[];
  /** Variables of its containers, over those of the cluster and of its recipe. May have keys in it. */
  readonly env?: Readonly<Record<string, string>>;
}

export type TopologyWish = "auto" | "direct" | "ring" | "switch";

/** A judged stack config: every value is valid by itself and beside the others. */
export interface ClusterConfig {
  /** The stack whose config it is, where there is one: what is to be done about a host may need its name. */
  readonly stack?: string;
  /** In rank order; the first is the head. */
  readonly hosts: readonly HostConfig[];
  readonly topology: TopologyWish;
  /** Undefined: recorded or discovered. */
  readonly cables?: readonly CableConfig[];
  readonly network: NetworkConfig;
  /** Whether every Spark may log in to every other over SSH. @default true */
  readonly trust: boolean;
  readonly system: SystemConfig;
  readonly deployments: readonly DeploymentConfig[];
  /** Variables of all deployments' containers, over those of their recipes. May have keys in it. */
  readonly env?: Readonly<Record<string, string>>;
  /** Repositories with recipes, by name: `URL#COMMIT`, and `:FOLDER` behind it where recipes lie. */
  readonly registries?: Readonly<Record<string, string>>;
  /** Hugging Face's, for models that ask for one. Secret. */
  readonly hfToken?: string;
  /** Names of hosts that are gone. */
  readonly abandon: readonly string[];
}
