import { z } from "zod";
import { isUnicast, parseAddress, parseNetwork, privateRangeOf, type Subnet, subnetAround } from "./subnets";

/**
 * The shape of each part of the stack config. Every part is strict, and every leaf's message says what is allowed:
 * load.ts puts the path and what was found before it.
 */

const allowed = (text: string) => ({ error: () => text });

/** A text that fits `pattern` whole; the patterns leave out control characters, white space and leading dashes. */
const text = (pattern: RegExp, what: string) => z.string(allowed(what)).regex(pattern, allowed(what));
const whole = (low: number, high: number, what = `a whole number from ${low} to ${high}`) =>
  z.int(allowed(what)).min(low, allowed(what)).max(high, allowed(what));

const name = text(/^[a-z0-9][a-z0-9-]{0,62}$/, "1 to 63 of a-z, 0-9 and -, not starting with -");
const user = text(/^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$/, "a login name, e.g. nvidia");
const sshPort = whole(1, 65535);
const keyPath = text(/^(?![-\s])[^\p{Cc}]{1,1024}$/u, "the path of a private key, e.g. ~/.ssh/id_ed25519");

/** True where `key` is the base64 of one ed25519 public key: its type's name, then 32 bytes. */
function isEd25519(key: string): boolean {
  const bytes = Buffer.from(key, "base64");
  return (
    bytes.length === 51 && bytes.subarray(4, 15).toString("latin1") === "ssh-ed25519" && bytes.readUInt32BE(15) === 32
  );
}

const hostKeyText =
  "an ed25519 host key, ssh-ed25519 AAAA..., as in the host's /etc/ssh/ssh_host_ed25519_key.pub (apply pins no other type)";
const hostKey = z
  .string(allowed(hostKeyText))
  .refine(
    (line) => /^ssh-ed25519 [A-Za-z0-9+/]{68}( [^\p{Cc}]*)?$/u.test(line) && isEd25519(line.slice(12, 80)),
    allowed(hostKeyText),
  )
  .transform((line) => line.slice(0, 80));

const addressText = "an address, a DNS or mDNS name, or an alias in ~/.ssh/config, without user and port";
const jumpText = "one jump host, [user@]host[:port] or an alias in ~/.ssh/config; apply can't make more than one jump";

/** One entry of `hosts`; identityFile with `~` as it was written. */
export const host = z.strictObject(
  {
    name,
    address: text(/^[A-Za-z0-9_:][A-Za-z0-9._:%-]{0,252}$/, addressText),
    number: whole(1, 244).optional(),
    user: user.optional(),
    port: sshPort.optional(),
    identityFile: keyPath.optional(),
    hostKey: hostKey.optional(),
    managementInterface: text(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,14}$/, "a netdev's name, e.g. enP7s7").optional(),
  },
  allowed("a host: name and address at least"),
);

/** `ssh`: what holds for all hosts. */
export const ssh = z.strictObject(
  {
    auth: z.enum(["agent", "key"], allowed("agent or key")).optional(),
    user: user.optional(),
    port: sshPort.optional(),
    identityFile: keyPath.optional(),
    hostKey: hostKey.optional(),
    proxyJump: text(
      /^([A-Za-z0-9_][A-Za-z0-9._+-]{0,63}@)?([A-Za-z0-9_][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.%A-Za-z]{2,64}\])(:[0-9]{1,5})?$/,
      jumpText,
    ).optional(),
  },
  allowed("auth, user, port, identityFile, hostKey, proxyJump"),
);

/** A network at its own first address whose prefix length is from `shortest` to `longest`. */
const network4 = (shortest: number, longest: number, fits: (network: Subnet) => boolean, what: string) =>
  z.string(allowed(what)).refine((cidr) => {
    const network = parseNetwork(cidr);
    if (network === undefined || network.prefixLength < shortest || network.prefixLength > longest) return false;
    return fits(network);
  }, allowed(what));

const subnetsText = "a list of exactly two subnets, one for each rail";
const explicitSubnet = network4(
  8,
  30,
  isUnicast,
  "a unicast subnet from /8 to /30 at its first address, e.g. 192.168.177.0/24; not loopback, link-local, multicast or reserved",
);
const addressesText = "a list of exactly two addresses, one for each rail";
const explicitAddressText = "a unicast IPv4 address without a prefix length, e.g. 192.168.177.11";
const explicitAddress = z.string(allowed(explicitAddressText)).refine((bare) => {
  const address = parseAddress(bare);
  return address !== undefined && isUnicast(subnetAround(address, 32));
}, allowed(explicitAddressText));

/** One entry of `cables`; the ends are judged in cables.ts, beside the hosts, subnets and addresses in cableAddresses.ts. */
export const cable = z.strictObject(
  {
    from: text(/^[a-z0-9][a-z0-9-]{0,62}\/[01]$/, "a host and its port, e.g. spark-1/0; ports are 0 and 1"),
    to: text(
      /^([a-z0-9][a-z0-9-]{0,62}\/[01]|[A-Za-z0-9][A-Za-z0-9._-]{0,62})$/,
      "a host and its port, e.g. spark-2/1, or a switch by its name; ports are 0 and 1",
    ),
    subnets: z.tuple([explicitSubnet, explicitSubnet], allowed(subnetsText)).optional(),
    addresses: z
      .record(
        z.string(),
        z.tuple([explicitAddress, explicitAddress], allowed(addressesText)),
        allowed(`hosts' names, each with ${addressesText}`),
      )
      .optional(),
  },
  allowed("{ from: spark-1/0, to: spark-2/1 }"),
);

const isPrivate = (network: Subnet) => privateRangeOf(network) !== undefined;
const firstSubnet = network4(
  16,
  30,
  isPrivate,
  "a private subnet from /16 to /30 at its first address, e.g. 192.168.177.0/24",
);
const pool = network4(8, 29, isPrivate, "a private network from /8 to /29 at its first address, e.g. 10.77.0.0/16");

/** The smallest MTU is IPv6's; below 4200 RoCE loses something, which a preview says. */
const smallestMtu = 1280;
const mtuText = `a whole number from ${smallestMtu} to 9216 (9000 is the convention; RoCE's packets are whole from 4200 on)`;

const onOrOff = z.boolean(allowed("true or false"));

/** `network`; the address plan's own defaults are in network.ts. */
export const network = z.strictObject(
  {
    firstSubnet: firstSubnet.optional(),
    pool: pool.optional(),
    prefixLength: whole(16, 30).optional(),
    mtu: whole(smallestMtu, 9216, mtuText).default(9000),
    netplanFile: text(
      /^\/etc\/netplan\/[A-Za-z0-9_][A-Za-z0-9._-]{0,99}\.yaml$/,
      "a file in /etc/netplan, e.g. /etc/netplan/40-cx7.yaml",
    ).default("/etc/netplan/40-cx7.yaml"),
    confirmSeconds: whole(30, 3600).default(180),
    migrate: onOrOff.default(false),
  },
  allowed("firstSubnet, pool, prefixLength, mtu, netplanFile, confirmSeconds, migrate"),
);

/** `system`. */
export const system = z.strictObject(
  {
    dockerGroup: onOrOff.default(false),
    sudoers: onOrOff.default(false),
    removeIpc: onOrOff.default(true),
    earlyoom: onOrOff.default(false),
  },
  allowed("dockerGroup, sudoers, removeIpc, earlyoom"),
);

/** `env`, and that of a deployment. */
export const environment = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/),
  z.union([z.string(), z.number(), z.boolean()], allowed("a text, a number, true or false")),
  allowed("variables' names, letters, digits and _, each with a text, a number, true or false"),
);

const wordText = "a text or a number, one word of the server's";
const words = z.array(z.union([z.string(), z.number()], allowed(wordText)), allowed("a list of words"));

/** One entry of `deployments`. */
export const deployment = z.strictObject(
  {
    name,
    recipe: text(
      /^(?![-\s])[^\p{Cc}]{1,1024}$/u,
      "a name in recipes/, @registry/name, URL#COMMIT:path of a git repository, or a path",
    ),
    hosts: z
      .array(name, allowed("a list of hosts' names"))
      .min(1, allowed("a list of hosts' names, not empty"))
      .optional(),
    overrides: z
      .record(
        z.string(),
        z.union([z.string(), z.number(), z.boolean()], allowed("a text, a number, true or false")),
        allowed("keys with a text, a number, true or false"),
      )
      .default({}),
    mods: text(/^(?![-\s])[^\p{Cc}]{1,1024}$/u, "a folder, or URL#COMMIT of a git repository").optional(),
    build: text(/^(?![-\s])[^\p{Cc}]{1,1024}$/u, "URL#COMMIT of a git repository").optional(),
    readySeconds: whole(30, 86400).default(3600),
    fabricEnv: z.enum(["recipe", "mesh"], allowed("recipe or mesh")).optional(),
    args: words.optional(),
    // Judged by itself, as `environment`: a value of it is never shown.
    env: z.unknown().optional(),
  },
  allowed("a deployment: name and recipe at least"),
);

/** `registries`; what a repository's commit is worth is sources/registry.ts's to say. */
export const registries = z.record(
  z.string().regex(/^[A-Za-z0-9][\w.-]{0,62}$/),
  text(/^(?![-\s])[^\p{Cc}]{1,1024}$/u, "URL#COMMIT[:FOLDER] of a git repository"),
  allowed("names of letters, digits and . _ -, a letter or digit first, each with URL#COMMIT[:FOLDER]"),
);

/** `topology`. */
export const topology = z
  .enum(["auto", "direct", "ring", "switch"], allowed("auto, direct, ring or switch"))
  .default("auto");

/** `trust`. */
export const trust = z.boolean(allowed("true or false")).default(true);

/** `abandon`, and the names in it. */
export const abandon = z.array(name, allowed("a list of hosts' names")).default([]);

/** `sudoPassword`, and each of `sudoPasswords`. The value is never shown. */
export const sudoPassword = text(/^[^\p{Cc}]{1,512}$/u, "one line, not empty");

/** `sudoPasswords`. */
export const sudoPasswords = z.record(z.string(), sudoPassword, allowed("hosts' names, each with its password"));

/** `hfToken`. The value is never shown. */
export const hfToken = text(/^[^\s\p{Cc}]{1,512}$/u, "one word, not empty");

/** Every key of the `spark-mesh:` namespace. */
const TOP_LEVEL_KEYS = [
  "hosts",
  "ssh",
  "sudoPassword",
  "sudoPasswords",
  "topology",
  "cables",
  "network",
  "trust",
  "system",
  "deployments",
  "env",
  "registries",
  "hfToken",
  "abandon",
] as const;

export type TopLevelKey = (typeof TOP_LEVEL_KEYS)[number];

export const topLevelKeys: readonly string[] = TOP_LEVEL_KEYS;
