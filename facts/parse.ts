import { isIP } from "node:net";
import { cx7Netdevs, liveAddresses } from "./cx7";
import type { Cx7Netdev, Cx7Route, HostFacts, OtherNetdev, Route } from "./hostFacts";
import { readProfiles } from "./networkManager";
import { ownFile } from "./ownFile";
import {
  type RawFile,
  type RawFirstPass,
  type RawSecondPass,
  type RawSystem,
  readFirstPass,
  readSecondPass,
} from "./rawFacts";
import { armedTransaction, hostRecord, rolledBackTransaction, type SeenFile, SYSCTL_FILE } from "./record";
import { type EarlyoomFacts, type ProgramFile, type SystemFacts, systemRecord, systemRecordFile } from "./system";
import { trustFacts } from "./trustFacts";

/** What the first pass taught. */
export interface FirstPass {
  readonly facts: HostFacts;
  /** False where netplan's folders can't be listed without sudo. */
  readonly netplanListed: boolean;
}

const stateFolder = "/var/lib/spark-mesh";

/** A short text of a file that isn't ours, as a message can show it. */
function shown(text: string): string {
  return text
    .trim()
    .replace(/[^ -~]/g, "?")
    .slice(0, 40);
}

function seenFiles(raw: readonly RawFile[]): SeenFile[] {
  return raw.map(({ contents, ...stat }) => ({
    ...stat,
    ...(contents !== undefined && { text: Buffer.from(contents, "base64").toString("utf8") }),
  }));
}

function fileFacts(raw: readonly RawFile[]): Pick<HostFacts, "netplanFiles" | "sysctlFile"> {
  const files = seenFiles(raw);
  const sysctlFile = files.find(({ path }) => path === SYSCTL_FILE);
  return { netplanFiles: files.filter((file) => file !== sysctlFile), ...(sysctlFile && { sysctlFile }) };
}

function systemFacts(host: string, raw: RawSystem): SystemFacts {
  const [logind] = seenFiles(raw.logind);
  const record = ownFile(host, systemRecordFile, systemRecord, raw.record);
  return {
    user: raw.user,
    ...(raw.docker !== null && { inDocker: raw.docker }),
    ...(raw.sudoers && { sudoers: oneFile(raw.sudoers) }),
    ...(logind && { logind }),
    ...(raw.keepsIpc !== null && { keepsIpc: raw.keepsIpc }),
    ...(raw.earlyoom && { earlyoom: earlyoomFacts(raw.earlyoom) }),
    programs: programFiles(raw.programs),
    ...(record && { record }),
  };
}

function programFiles({ files, sums }: RawSystem["programs"]): readonly ProgramFile[] {
  return files.map(({ path, mode, owner, ctime }, index) => {
    const digest = path.replace(/^.*\/program-/, "");
    return { digest, intact: sums[index] === digest && mode === "755" && owner === "root:root", ctime };
  });
}

function earlyoomFacts({ dropIn: files, active, enabled }: NonNullable<RawSystem["earlyoom"]>): EarlyoomFacts {
  const [dropIn] = seenFiles(files);
  return { ...(dropIn && { dropIn }), ...(active && { active }), ...(enabled && { enabled }) };
}

/** `/etc/netplan/50-x.yaml:5:14: Error in network definition: invalid boolean value 'maybe'`, first of several lines. */
const COMPLAINT = /^(?:Command failed: )?(\/[^\n:]+):(\d{1,7}):(\d{1,7}): (.*)$/m;

function rootFacts({
  unwritable,
  netplan,
}: NonNullable<RawSecondPass["root"]>): Pick<HostFacts, "unwritable" | "netplanComplaint"> {
  const [, file = "", line, column, words = ""] = COMPLAINT.exec(netplan) ?? [];
  if (line === undefined) return { unwritable };
  const reason = words.replace(/^Error in network definition: /, "").slice(0, 200);
  return { unwritable, netplanComplaint: { file, line: Number(line), column: Number(column), reason } };
}

function oneFile(raw: readonly RawFile[]): SeenFile | "absent" {
  return seenFiles(raw)[0] ?? "absent";
}

/** The netdev through which the other Sparks are reached; without any, the one that this session came in on. */
function managementInterface(raw: RawFirstPass, cx7: readonly Cx7Netdev[], others: readonly OtherNetdev[]) {
  const [, , ...toPeers] = raw.ip;
  const routed = toPeers
    .flatMap(([route]) => route?.dev ?? [])
    .find((netdev) => netdev !== "lo" && !cx7.some(({ name }) => name === netdev));
  const own = sessionAddress(raw);
  return routed ?? others.find(({ addresses }) => addresses.some(({ address }) => address === own))?.name;
}

/** The server's side of SSH_CONNECTION, without a zone; one of IPv4 may be written as IPv6. */
function sessionAddress({ connection }: RawFirstPass): string | undefined {
  const own = connection
    .split(" ")[2]
    ?.split("%")[0]
    ?.replace(/^::ffff:(?=\d+\.)/i, "");
  return own === "" ? undefined : own;
}

/** Routes that a planned subnet could overlap, so without the default one, and apart from those of CX7 netdevs. */
function routes(raw: RawFirstPass, cx7: readonly Cx7Netdev[]): Pick<HostFacts, "routes" | "cx7Routes"> {
  const found: Route[] = [];
  const cx7Routes: Cx7Route[] = [];
  const own = new Set(cx7.map(({ name }) => name));
  for (const { dst, dev, gateway, protocol } of raw.ip[1]) {
    if (dev === undefined) continue;
    const route = { destination: isIP(dst) === 4 ? `${dst}/32` : dst, netdev: dev };
    if (!own.has(dev)) {
      if (dst !== "default") found.push(route);
    } else if (protocol !== "kernel") cx7Routes.push({ ...route, ...(gateway !== undefined && { via: gateway }) });
  }
  return { routes: found, cx7Routes };
}

/**
 * Facts from the first pass's line of JSON.
 *
 * @throws Faults that name the host: no JSON, another version, a damaged record, netdevs that contradict each other
 */
export function parseFirstPass(host: string, line: string): FirstPass {
  const raw = readFirstPass(host, line);
  const [netdevs] = raw.ip;
  const cx7 = cx7Netdevs(host, netdevs, raw.ports);
  const otherNetdevs = netdevs
    .filter(({ ifname }) => ifname !== "lo" && !cx7.some(({ name }) => name === ifname))
    .map((netdev) => ({ name: netdev.ifname, addresses: liveAddresses(netdev) }));
  const driver = /\s(\d+\.\d+(?:\.\d+)?)\s/.exec(raw.nvidia)?.[1] ?? (raw.mlx5 === "" ? undefined : raw.mlx5);
  const management = managementInterface(raw, cx7, otherNetdevs);
  const session = sessionAddress(raw);
  const record = ownFile(host, `${stateFolder}/record.json`, hostRecord, raw.record);
  const armed = ownFile(host, `${stateFolder}/armed.json`, armedTransaction, raw.armed);
  const rolledBack = ownFile(host, `${stateFolder}/rolled-back.json`, rolledBackTransaction, raw.rolledBack);
  return {
    netplanListed: raw.files !== null,
    facts: {
      version: 1,
      hostname: raw.hostname,
      ...(/^[0-9a-f]{32}$/.test(raw.machineId) && { machineId: raw.machineId }),
      ...(session !== undefined && { sessionAddress: session }),
      kernel: raw.kernel,
      cx7,
      otherNetdevs,
      ...routes(raw, cx7),
      netplanInstalled: raw.netplan,
      netplanRead: false,
      ...fileFacts(raw.files ?? []),
      networkManagerRunning: raw.networkManager,
      profiles: readProfiles(raw.profiles),
      networkdRunning: raw.networkd,
      sudo: "notAsked",
      system: systemFacts(host, raw.system),
      discovered: false,
      ...(driver !== undefined && { driver }),
      ...(raw.hotplug !== null && { hotplug: shown(raw.hotplug) }),
      ...(management !== undefined && { managementInterface: management }),
      ...(record && { record }),
      ...(armed && { armed }),
      ...(rolledBack && { rolledBack }),
      ...(raw.trust && { trust: trustFacts(raw.trust) }),
    },
  };
}

/**
 * The facts with what the second pass adds: sudo, netplan's files, and the neighbours that answered.
 *
 * @throws Faults that name the host
 */
export function withSecondPass(host: string, facts: HostFacts, discovered: boolean, line: string): HostFacts {
  const raw = readSecondPass(host, line);
  return {
    ...facts,
    discovered,
    sudo: raw.sudo,
    cx7: withNeighbours(facts.cx7, raw),
    ...(raw.sudoers && { system: { ...facts.system, sudoers: oneFile(raw.sudoers) } }),
    ...(raw.files && { netplanRead: true, ...fileFacts(raw.files) }),
    ...(raw.root && rootFacts(raw.root)),
  };
}

/**
 * The facts with the peers that answered to their addresses besides, from another second pass that asked for no more.
 *
 * @throws Faults that name the host
 */
export function withPeers(host: string, facts: HostFacts, line: string): HostFacts {
  return { ...facts, cx7: withNeighbours(facts.cx7, readSecondPass(host, line)) };
}

/**
 * States of a neighbour that was just asked for: REACHABLE where it said its MAC now, the others where it had done so
 * before and the kernel takes five seconds to make sure. What is known goes with the carrier. PERMANENT is a person's word.
 */
const resolved = ["REACHABLE", "DELAY", "PROBE"];

/** The netdevs with who answered on them, or has an address that was looked for, as far as the kernel knows the MAC. */
function withNeighbours(cx7: readonly Cx7Netdev[], { answered, looked, neighbours }: RawSecondPass): Cx7Netdev[] {
  const table = neighbours.flat();
  const learned = macsOf(table.filter(({ state }) => resolved.some((known) => state.includes(known))));
  const known = macsOf(table);
  const heardOn = (netdev: string, places: typeof answered, macs: ReadonlyMap<string, string>) =>
    places.flatMap(({ netdev: place, address }) => {
      const mac = place === netdev ? macs.get(`${netdev} ${address}`) : undefined;
      return mac === undefined ? [] : [{ mac, address }];
    });
  return cx7.map((netdev) => {
    // A host answers for all its addresses on every link of its: one of them is enough.
    const found = new Map(heardOn(netdev.name, looked, learned).map((neighbour) => [neighbour.mac, neighbour]));
    return {
      ...netdev,
      neighbours: [...netdev.neighbours, ...heardOn(netdev.name, answered, known), ...found.values()],
    };
  });
}

/** MACs by netdev and address, `enp1s0f0np0 192.168.177.12`. */
function macsOf(entries: RawSecondPass["neighbours"][number]): ReadonlyMap<string, string> {
  return new Map(
    entries.flatMap(({ dev, dst, lladdr }) =>
      dev !== undefined && lladdr !== undefined ? [[`${dev} ${dst}`, lladdr] as const] : [],
    ),
  );
}
