import { bareAddress } from "../config/bareAddress";
import { Faults } from "../config/faults";
import type { FileMove, HostPlan, NetdevPlan, PeerPlan, Plan, TrustPeer } from "./plan";

/** Whose change it is: what a lock and a record on a host are signed with. `[A-Za-z0-9 ._/@:-]`. */
export interface Owner {
  /** `organization/project/stack`. */
  readonly stack: string;
  /** User, control machine and backend. */
  readonly operator: string;
}

/** Another host's management address, which must stay reachable. */
export interface ManagementProbe {
  readonly address: string;
  readonly host: string;
}

const VALUES = {
  word: { pattern: /^[A-Za-z0-9._:-]+$/, allowed: "letters, digits and . _ : -" },
  path: { pattern: /^\/etc\/netplan\/[A-Za-z0-9][A-Za-z0-9_.-]*\.yaml$/, allowed: "/etc/netplan/NAME.yaml" },
  fileName: { pattern: /^[A-Za-z0-9][A-Za-z0-9_.-]*\.yaml$/, allowed: "NAME.yaml" },
  owner: { pattern: /^[A-Za-z0-9][A-Za-z0-9 ._/@:-]*$/, allowed: "letters, digits, spaces and . _ / @ : -" },
  cidr: { pattern: /^[0-9.]+\/[0-9]+$/, allowed: "an IPv4 address with its prefix length" },
  count: { pattern: /^[1-9][0-9]*$/, allowed: "a positive integer" },
  user: { pattern: /^[A-Za-z0-9_][A-Za-z0-9._@+-]*$/, allowed: "letters, digits and . _ @ + -" },
  image: { pattern: /^[A-Za-z0-9][A-Za-z0-9._:/@-]*$/, allowed: "an image's name" },
  model: { pattern: /^[A-Za-z0-9/][A-Za-z0-9._/@+-]*$/, allowed: "a Hugging Face id or an absolute path" },
  revision: { pattern: /^[A-Za-z0-9][A-Za-z0-9._/-]*$/, allowed: "a branch, a tag or a commit" },
  folder: { pattern: /^\/[A-Za-z0-9._/@+-]+$/, allowed: "an absolute path of letters, digits and . _ / @ + -" },
  file: { pattern: /^[A-Za-z0-9][A-Za-z0-9._/+-]*$/, allowed: "letters, digits and . _ / + -" },
  hex: { pattern: /^[0-9a-f]{64}$/, allowed: "64 hexadecimal digits" },
} as const;

/**
 * The desired document of one host, as its scripts read it: a line for each fact, `key value...`.
 *
 * A `link` line for each peer of a netdev; none for abandoned ones: nobody answers there, and verify must not wait. A
 * `login` line for each address of a trusted peer that can be asked now.
 *
 * @param confirmSeconds after how many seconds an unconfirmed change is rolled back.
 * @param probes management addresses of the other hosts.
 * @throws Faults where a value would break out of its line.
 */
export function renderDocument(
  host: HostPlan,
  plan: Plan,
  owner: Owner,
  confirmSeconds: number,
  probes: readonly ManagementProbe[],
): string {
  return documentText(host.name, `the document of ${host.name}`, owner, (check) =>
    networkLines(host, plan, confirmSeconds, probes, check),
  );
}

function networkLines(
  host: HostPlan,
  plan: Plan,
  confirmSeconds: number,
  probes: readonly ManagementProbe[],
  check: ValueCheck,
): readonly string[] {
  const gone = new Set(plan.hosts.filter(({ state }) => state === "abandoned").map(({ name }) => name));
  const netdevLine = ({ netdev, mtu, address, arp }: NetdevPlan) => {
    const settings = `${check("count", "mtu", mtu)} ${check("cidr", "address", address)}`;
    return `netdev ${check("word", "netdev", netdev)} ${settings} ${arp ? `${arp.ignore}/${arp.announce}` : "-"}`;
  };
  const linkLine = ({ netdev, address }: NetdevPlan, peer: PeerPlan) => {
    const ends = `${bareAddress(address)} ${check("word", "peer address", peer.address)} ${check("word", "peer MAC", peer.mac ?? "-")}`;
    return `link ${netdev} ${ends} ${check("word", "peer", peer.host)}/${check("word", "peer netdev", peer.netdev)}`;
  };
  const reached = new Set(
    plan.hosts.filter(({ state }) => state === "settled" || state === "due").map(({ name }) => name),
  );
  const loginLines = ({ identity, logins }: TrustPeer) =>
    logins.map((address) => `login ${check("word", "peer", identity.host)} ${check("word", "login", address)}`);
  const moveLine = ({ name, change }: FileMove) => {
    const texts = change ? `${check("hex", "sha256", change.before)} ${base64(change.after) || "-"}` : "= =";
    return `move ${check("fileName", "netplan file", name)} ${texts}`;
  };
  return [
    `confirmSeconds ${check("count", "confirmSeconds", confirmSeconds)}`,
    `digest ${check("hex", "digest", host.digest)}`,
    `netplanFile ${check("path", "netplanFile", host.netplanFile)}`,
    `netplan ${base64(host.netplanText)}`,
    ...(host.sysctlText ? [`sysctl ${base64(host.sysctlText)}`] : []),
    ...host.moves.map(moveLine),
    ...host.netdevs.map(netdevLine),
    ...host.netdevs.flatMap((netdev) =>
      netdev.peers.filter((peer) => !gone.has(peer.host)).map((peer) => linkLine(netdev, peer)),
    ),
    ...(host.trust?.peers ?? []).filter(({ identity }) => reached.has(identity.host)).flatMap(loginLines),
    ...probes.map((probe) => `probe ${check("word", "probe", probe.address)} ${check("word", "probe", probe.host)}`),
    `mesh ${base64(JSON.stringify(plan.mesh))}`,
  ];
}

type ValueCheck = ReturnType<typeof valueCheck>;

/**
 * The text of any document: who it is about and whose change it is, then the lines of its own.
 *
 * @param subject of the faults: `the document of spark-1`.
 * @throws Faults where a value would break out of its line.
 */
export function documentText(
  host: string,
  subject: string,
  owner: Owner,
  linesOf: (check: ValueCheck) => readonly string[],
): string {
  const faults: string[] = [];
  const check = valueCheck(host, faults);
  const lines = [
    "spark-mesh 1",
    `host ${check("word", "name", host)}`,
    `stack ${check("owner", "stack", owner.stack)}`,
    `operator ${check("owner", "operator", owner.operator)}`,
    ...linesOf(check),
  ];
  if (faults.length > 0) throw new Faults(subject, faults);
  return `${lines.join("\n")}\n`;
}

/** Gives each value back, after a line in `faults` where it would break out of its own line. */
export function valueCheck(host: string, faults: string[]) {
  return (kind: keyof typeof VALUES, key: string, value: string | number): string => {
    const { pattern, allowed } = VALUES[kind];
    if (!pattern.test(`${value}`)) faults.push(`${host}: ${key}: found ${JSON.stringify(value)}; allowed: ${allowed}`);
    return `${value}`;
  };
}

export function base64(text: string): string {
  return Buffer.from(text, "utf8").toString("base64");
}
