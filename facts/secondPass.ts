import { bareAddress } from "../config/bareAddress";
import type { CableConfig, CableEnd, ClusterConfig, HostConfig, PortRef } from "../config/cluster";
import type { HostFacts } from "./hostFacts";
import type { FirstPass } from "./parse";
import { twinLooks } from "./peers";
import { type HostRecord, sameStat } from "./record";
import { systemNeedsSudo } from "./system";

/** An address to be asked on a netdev. */
interface Question {
  readonly netdev: string;
  readonly address: string;
}

/** A netdev, and which twin of its port it is. */
interface Place {
  readonly netdev: string;
  readonly twin: 0 | 1;
}

/** What the first pass leaves to be asked on the same connection. */
interface SecondPass {
  /** Ask what sudo does, and read netplan's files with it. */
  readonly sudo: boolean;
  /** Peers' addresses that should answer on these netdevs. */
  readonly pings: readonly Question[];
  /** Addresses whose owner is looked for on these netdevs, be there a way back for an answer or not. */
  readonly looks: readonly Question[];
  /** Who else may be there, where none of the pings is answered on the netdev. */
  readonly others: readonly Question[];
  /** Netdevs on whose link to look for whoever is there. */
  readonly multicast: readonly string[];
}

/** True where netplan's own folder, and our sysctl file, are as they were when the record's hashes were taken. */
function filesAsRecorded({ netplanFiles, sysctlFile }: HostFacts, record: HostRecord): boolean {
  const files = sysctlFile ? [...netplanFiles, sysctlFile] : netplanFiles;
  const ours = files.filter(({ path }) => path.startsWith("/etc/netplan/"));
  return (
    ours.length === record.files.filter(({ path }) => path.startsWith("/etc/netplan/")).length &&
    record.files.every((recorded) => files.some((file) => file.path === recorded.path && sameStat(file, recorded)))
  );
}

/** The host's own part of the mesh that it recorded. */
function recordedHost(record: HostRecord) {
  return record.mesh.hosts.find(({ name }) => name === record.host);
}

/**
 * True where every recorded netdev is up with its MTU, its ARP settings if it has any, its address and no other. One that
 * left with its cable, or whose address networkd took away with the carrier, has nothing that a repair could put back.
 */
function liveAsRecorded({ cx7 }: HostFacts, record: HostRecord): boolean {
  return (recordedHost(record)?.netdevs ?? []).every(({ netdev, address, mtu, arp }) => {
    const live = cx7.find(({ name }) => name === netdev);
    if (live === undefined) return true;
    const addresses = live.addresses.map((found) => `${found.address}/${found.prefixLength}`);
    const complete = addresses.includes(address) || !live.carrier;
    const arpHolds = !arp || (live.arp?.ignore === arp.ignore && live.arp.announce === arp.announce);
    return live.up && live.mtu === mtu && arpHolds && complete && addresses.every((found) => found === address);
  });
}

/** Who should answer on which netdev, by the recorded wiring. Hosts that are gone are not waited for. */
function recordedPings({ cx7 }: HostFacts, record: HostRecord, abandoned: readonly string[]): Question[] {
  const { mesh } = record;
  return (recordedHost(record)?.netdevs ?? []).flatMap(({ netdev, port, twin }) => {
    if (!cx7.some(({ name, carrier }) => name === netdev && carrier)) return [];
    return facedPorts(record, port, abandoned).flatMap((far) => {
      const peer = mesh.hosts
        .find(({ name }) => name === far.host)
        ?.netdevs.find((candidate) => candidate.port === far.port && candidate.twin === twin);
      return peer ? [{ netdev, address: bareAddress(peer.address) }] : [];
    });
  });
}

/**
 * Whom a moved cable may have brought to these netdevs: every address that the record has among that twin's on other
 * hosts, for no frame passes from one twin to the other but on a switch.
 */
function recordedLooks(record: HostRecord, netdevs: readonly Place[], abandoned: readonly string[]): Question[] {
  const others = record.mesh.hosts.filter(({ name }) => name !== record.host && !abandoned.includes(name));
  return netdevs.flatMap(({ netdev, twin }) =>
    others
      .flatMap(({ netdevs }) => netdevs.filter((other) => other.twin === twin))
      .map(({ address }) => ({ netdev, address: bareAddress(address) })),
  );
}

/** Who may be there where somebody else is awaited. */
function recordedOthers(record: HostRecord, pings: readonly Question[], abandoned: readonly string[]): Question[] {
  const awaited = (recordedHost(record)?.netdevs ?? []).filter(({ netdev }) =>
    pings.some((ping) => ping.netdev === netdev),
  );
  return recordedLooks(record, awaited, abandoned).filter(
    ({ netdev, address }) => !pings.some((ping) => ping.netdev === netdev && ping.address === address),
  );
}

/**
 * Netdevs of ports without a recorded cable that carry something while a recorded one lost its cable: its plug may
 * have been moved there.
 */
function openPlaces({ cx7 }: HostFacts, record: HostRecord): readonly Place[] {
  const recorded = recordedHost(record)?.netdevs ?? [];
  const keeps = ({ netdev }: Place) => cx7.some(({ name, up, carrier }) => name === netdev && (carrier || !up));
  if (recorded.every(keeps)) return [];
  return cx7
    .filter(({ port, up, carrier }) => up && carrier && recorded.every((netdev) => netdev.port !== port))
    .map(({ name, twin }) => ({ netdev: name, twin }));
}

/**
 * The ports that a port of the recorded host faces: the far end of its cable, or on a switch those of the next and the
 * previous host in the same subnets. They show the switch as well as all would, and don't become more with the mesh.
 */
function facedPorts({ mesh, host }: HostRecord, port: PortRef["port"], abandoned: readonly string[]): PortRef[] {
  const isOwn = (end: CableEnd) => "host" in end && end.host === host && end.port === port;
  const isThere = (end: CableEnd): end is PortRef => "host" in end && !abandoned.includes(end.host);
  const cable = mesh.cables.find(({ ends }) => ends.some(isOwn));
  if (!cable) return [];
  const far = cable.ends[1];
  if ("host" in far) return cable.ends.filter((end) => !isOwn(end)).filter(isThere);
  const there = mesh.cables
    .filter(
      ({ ends: [, end], subnets }) => "switch" in end && end.switch === far.switch && subnets[0] === cable.subnets[0],
    )
    .map(({ ends: [near] }) => near)
    .filter((near) => isOwn(near) || isThere(near));
  const index = there.findIndex(isOwn);
  const around = [there.at(index - 1), there[(index + 1) % there.length]];
  return [...new Set(around)].flatMap((end) => (end && !isOwn(end) ? [end] : []));
}

/**
 * Whether a port may be on its way into the mesh: declared, or one that a plug was moved to. Whoever configured it before
 * was let alone until now, so netplan's files have to be read though none has changed.
 */
function mayJoin(facts: HostFacts, record: HostRecord, declared: readonly CableConfig[] | undefined, host: string) {
  if (!declared) return openPlaces(facts, record).length > 0;
  const recorded = recordedHost(record)?.netdevs ?? [];
  return declared
    .flatMap(({ from, to }) => [from, to])
    .some((end) => "host" in end && end.host === host && !recorded.some(({ port }) => port === end.port));
}

/** Where nobody says what is cabled to what: all live netdevs on a first visit, then those that a plug was moved to. */
function undeclaredSearch(facts: HostFacts, abandoned: readonly string[]): Pick<SecondPass, "looks" | "multicast"> {
  const { record, cx7 } = facts;
  if (!record) {
    const live = cx7.filter(({ up, carrier }) => up && carrier);
    return { looks: twinLooks(facts), multicast: live.map(({ name }) => name) };
  }
  const open = openPlaces(facts, record);
  return { looks: recordedLooks(record, open, abandoned), multicast: open.map(({ netdev }) => netdev) };
}

/**
 * Decides what to ask after the first pass. A host that looks settled, its files and netdevs as it recorded them and
 * nothing armed, is asked for its neighbours only: sudo is for a first visit or a difference.
 *
 * @param cluster Where it declares cables, nothing is looked for by multicast.
 * @param host its name in the cluster.
 * @returns undefined where there is nothing to ask
 */
export function decideSecondPass(
  { facts, netplanListed }: FirstPass,
  { cables, abandon, system }: Pick<ClusterConfig, "cables" | "abandon" | "system">,
  host: string,
): SecondPass | undefined {
  const { record, armed } = facts;
  const settled =
    record !== undefined &&
    armed === undefined &&
    netplanListed &&
    filesAsRecorded(facts, record) &&
    !mayJoin(facts, record, cables, host) &&
    liveAsRecorded(facts, record);
  const pings = record ? recordedPings(facts, record, abandon) : [];
  const pass: SecondPass = {
    sudo: !settled || systemNeedsSudo(facts.system, system),
    pings,
    others: record ? recordedOthers(record, pings, abandon) : [],
    ...(cables ? { looks: [], multicast: [] } : undeclaredSearch(facts, abandon)),
  };
  return pass.sudo || pass.pings.length > 0 || pass.multicast.length > 0 ? pass : undefined;
}

/** A word that is data to the remote script: nothing else gets into a line of it. */
const isWord = (text: string) => /^[A-Za-z0-9_.:-]+$/.test(text);

/** The call of the second pass with its lines of data; the sudo password is among them where sudo is to be asked. */
export function renderSecondPass(pass: SecondPass, host: HostConfig): string {
  const questions = (verb: string, asked: readonly Question[]) =>
    asked
      .filter(({ netdev, address }) => isWord(netdev) && isWord(address))
      .map(({ netdev, address }) => `${verb} ${netdev} ${address}`);
  return [
    "second_pass",
    ...(pass.sudo ? ["sudo"] : []),
    ...(pass.sudo && host.sudoPassword !== undefined ? [`password ${host.sudoPassword}`] : []),
    ...questions("ping", pass.pings),
    ...questions("look", pass.looks),
    ...questions("else", pass.others),
    ...pass.multicast.filter(isWord).map((netdev) => `multicast ${netdev}`),
    "end\n",
  ].join("\n");
}
