/**
 * What a cluster is made of as a person writes it, in a stack's config or in a program. The schema for editors takes each
 * key's description from here (`npm run schema`); `schema.ts` says what is allowed, and its types are held to these.
 */

/** One DGX Spark. */
export interface HostArguments {
  /** Unique, 1 to 63 of a-z, 0-9 and -; need not be the machine's own host name. A change makes it another host. */
  readonly name: string;
  /**
   * Management address, DNS or mDNS name, or an alias in ~/.ssh/config, without user and port.
   * @example "10.0.0.11"
   */
  readonly address: string;
  /**
   * The host's addresses hang on it: in a /24 they end in 10 + number. From 1 to 244. Keep it when other hosts are
   * removed: a change gives every cable of the host new addresses.
   * @default the position from 1
   */
  readonly number?: number;
  /** Login user of this host. @default ssh.user, else as OpenSSH resolves it */
  readonly user?: string;
  /** SSH port of this host. @default ssh.port, else as OpenSSH resolves it */
  readonly port?: number;
  /**
   * Path of the private key for this host.
   * @default ssh.identityFile
   * @example "~/.ssh/id_ed25519"
   */
  readonly identityFile?: string;
  /**
   * Pins the host's SSH key.
   * @default the ed25519 key in your known_hosts
   * @example "ssh-ed25519 AAAA..."
   */
  readonly hostKey?: string;
  /**
   * The netdev of the management network.
   * @default the netdev that routes to the other Sparks
   * @example "enP7s7"
   */
  readonly managementInterface?: string;
}

/** How all hosts are reached over SSH. */
export interface SshArguments {
  /**
   * agent: keys stay in ssh-agent. key: identityFile's text is in the state, encrypted.
   * @default key where there is an identityFile, else agent
   */
  readonly auth?: "agent" | "key";
  /** Login user of all hosts. @default as OpenSSH resolves it */
  readonly user?: string;
  /** SSH port of all hosts. @default as OpenSSH resolves it */
  readonly port?: number;
  /** Path of the private key for all hosts; wanted by auth: key. */
  readonly identityFile?: string;
  /** One host key that all hosts have. Better: each host's own hostKey. */
  readonly hostKey?: string;
  /**
   * One jump host, or an alias in ~/.ssh/config.
   * @default none
   * @example "nvidia@bastion:22"
   */
  readonly proxyJump?: string;
}

/** One QSFP cable. */
export interface CableArguments {
  /**
   * A host and its port; port 0 is the one next to the RJ-45 jack.
   * @example "spark-1/0"
   */
  readonly from: string;
  /**
   * The other end; without a port it is a switch, by any name.
   * @example "spark-2/1"
   */
  readonly to: string;
  /**
   * Two subnets, rail 0 and rail 1. A change re-addresses both ends.
   * @default planned
   * @example ["10.50.0.0/24", "10.51.0.0/24"]
   */
  readonly subnets?: readonly [string, string];
  /**
   * Two addresses a host, rail 0 and rail 1, for one or both hosts. A change re-addresses the host's port.
   * @default planned
   * @example { "spark-1": ["10.50.0.1", "10.51.0.1"] }
   */
  readonly addresses?: Readonly<Record<string, readonly [string, string]>>;
}

/** The address plan, and how it is put on the hosts. */
export interface NetworkArguments {
  /**
   * First subnet of the address plan: private, from /16 to /30. A change gives the whole mesh new addresses.
   * @default 192.168.177.0/24
   */
  readonly firstSubnet?: string;
  /**
   * A private network that all planned subnets lie in, next to each other. A change gives the whole mesh new addresses.
   * @default none
   * @example "10.77.0.0/16"
   */
  readonly pool?: string;
  /** Of planned subnets, from 16 to 30. A change gives the whole mesh new addresses. @default 24, or as in firstSubnet */
  readonly prefixLength?: number;
  /** MTU of the CX7 netdevs, in bytes. A change restarts the links. @default 9000 */
  readonly mtu?: number;
  /** The file on each host that is ours. A change puts back what stood at the old path. @default /etc/netplan/40-cx7.yaml */
  readonly netplanFile?: string;
  /** After how many seconds a change that was not confirmed is rolled back. @default 180 */
  readonly confirmSeconds?: number;
  /** Moves the definitions of CX7 netdevs out of other netplan files; destroy puts them back. @default false */
  readonly migrate?: boolean;
}

/** Settings of the hosts themselves; destroy puts back what was there. */
export interface SystemArguments {
  /** The login user is a member of the group docker, from the next login on. @default false */
  readonly dockerGroup?: boolean;
  /** The login user needs no sudo password for what later runs do. @default false */
  readonly sudoers?: boolean;
  /** false: logind leaves a user's shared memory alone at the last logout. @default true */
  readonly removeIpc?: boolean;
  /** earlyoom, which has to be installed, kills an engine before the host runs out of memory. @default false */
  readonly earlyoom?: boolean;
}

/** One served model. A change of what its servers run starts all its ranks anew. */
export interface DeploymentArguments {
  /** Unique, 1 to 63 of a-z, 0-9 and -. */
  readonly name: string;
  /**
   * What is served: a name in recipes/, `@registry/name`, URL#COMMIT:path of a git repository, or a path from the project's
   * folder.
   * @example "qwen3.5-397b-a17b-int4-autoround-3x-vllm"
   */
  readonly recipe: string;
  /** In rank order; the first answers. @default as many as the recipe needs, in order */
  readonly hosts?: readonly string[];
  /**
   * Values over those of the recipe: its parameters, model, container, options of the container.
   * @default none
   * @example { port: 8001, gpu_memory_utilization: 0.7 }
   */
  readonly overrides?: Readonly<Record<string, string | number | boolean>>;
  /**
   * Where the recipe's mods are: a folder, or URL#COMMIT of a git repository.
   * @default beside the recipe, in its repository, else in the registry eugr
   * @example "https://github.com/eugr/spark-vllm-docker#0123456789abcdef0123456789abcdef01234567"
   */
  readonly mods?: string;
  /**
   * What builds the image: URL#COMMIT of a git repository.
   * @default it is pulled, or there; one without a registry's name is built by the recipe's own repository, where that can
   */
  readonly build?: string;
  /** How many seconds `up` waits for the server's first answer, from 30 to 86400. @default 3600 */
  readonly readySeconds?: number;
  /**
   * mesh: the variables by which ranks reach one another are the mesh's, whatever the recipe has.
   * @default recipe
   */
  readonly fabricEnv?: "recipe" | "mesh";
  /**
   * Words behind the server's own arguments, each one argument; the last of a flag counts. No shell looks at them.
   * @default none
   * @example ["--max-num-seqs", "4"]
   */
  readonly args?: readonly (string | number)[];
  /** Variables of its containers, over those of the cluster and the recipe's. @default none */
  readonly env?: EnvironmentArguments;
}

/** Variables of containers, by name. */
export type EnvironmentArguments = Readonly<Record<string, string | number | boolean>>;

/**
 * Everything that a cluster can be told.
 *
 * @typeParam Secret what a secret is: text, or what will be one.
 * @typeParam Secrets secrets by host.
 */
export interface ClusterArguments<Secret = string, Secrets = Readonly<Record<string, Secret>>> {
  /** The Sparks, in rank order; the first is the head. */
  readonly hosts: readonly HostArguments[];
  /** How all hosts are reached over SSH. */
  readonly ssh?: SshArguments;
  /** What sudo asks for, only where it asks. A secret. @default sudo asks for none */
  readonly sudoPassword?: Secret;
  /** The same by host, where they differ. Secrets. @default sudoPassword */
  readonly sudoPasswords?: Secrets;
  /** What the cables are checked against; it chooses nothing. @default auto */
  readonly topology?: "auto" | "direct" | "ring" | "switch";
  /**
   * Declared cables win over what is recorded and discovered.
   * @default discovered, then recorded on the hosts
   * @example [{ from: "spark-1/0", to: "spark-2/1" }]
   */
  readonly cables?: readonly CableArguments[];
  /** The address plan, and how it is put on the hosts. */
  readonly network?: NetworkArguments;
  /** Every Spark may log in to every other over SSH; false takes that away again. @default true */
  readonly trust?: boolean;
  /** Settings of the hosts themselves; destroy puts back what was there. */
  readonly system?: SystemArguments;
  /** Served models. @default none */
  readonly deployments?: readonly DeploymentArguments[];
  /** Variables of all deployments' containers, over the recipes'; a deployment's own win. @default none */
  readonly env?: EnvironmentArguments;
  /**
   * Git repositories with recipes, by the name that `@name/recipe` has them by: URL#COMMIT, and :FOLDER behind it.
   * @default none
   */
  readonly registries?: Readonly<Record<string, string>>;
  /** Hugging Face's token, for models that it gates. A secret. @default none */
  readonly hfToken?: Secret;
  /** Names of hosts that are gone for good: what was made there stays behind. @default none */
  readonly abandon?: readonly string[];
}
