import type { Cabling } from "../cabling/cabling";
import { isPortWire, isSwitchWire, type PortWire, portsOf, type SwitchWire, wireName } from "../cabling/wires";
import { byNumber, compareText, type HostLine, type HostView, isReached, portKey } from "../views";
import { type Judgement, loopFaults, missingFault, portsOfHost } from "./cableFaults";

/** The cables that every host has to a switch. */
type CablesByHost = ReadonlyMap<string, readonly SwitchWire[]>;

/**
 * Whether two hosts or more meet at the same switch, or the same switches, each by as many cables as the others. The
 * cables of a host that can't be asked, and that no record knows, are assumed to be like those of the others.
 */
export function judgeSwitchMesh(views: readonly HostView[], cabling: Cabling): Judgement {
  const hosts = byNumber(views);
  const direct = cabling.wires.filter(isPortWire);
  const seen = cabling.wires.filter(isSwitchWire);
  const meeting = meetingSwitches(seen, hosts.length);
  const met = seen.filter(({ ends }) => meeting.has(ends[1].switch));
  const away = seen.filter(({ ends }) => !meeting.has(ends[1].switch));
  const at = [...meeting.keys()].join(" and ") || "a switch";
  const astray = new Set([...direct, ...away].flatMap(portsOf).map(({ host }) => host));
  const cabled = new Set(cabling.wires.flatMap(portsOf).map(({ host }) => host));
  const isUnseen = (host: string) => portsOfHost(host).some((port) => cabling.unseen.has(portKey(port)));
  const isTold = (host: string) => astray.has(host) || (!cabled.has(host) && isUnseen(host));
  const asked = hosts.filter(isReached).map(({ config }) => config.name);
  return {
    wires: [...met, ...hosts.flatMap((host) => assumedWires(host, cabling, met))],
    faults: [
      ...loopFaults(direct, "on a switch every cable leads to it"),
      ...direct.flatMap((wire) => directFault(wire, at)),
      ...away.map((wire) => awayFault(wire, at)),
      ...asked.filter((host) => !isTold(host)).flatMap((host) => hostFaults(host, meeting)),
    ],
    warnings: [],
  };
}

/** Those that more than half of the hosts are on, else the one that most are on, else the first by name. */
function meetingSwitches(wires: readonly SwitchWire[], count: number): ReadonlyMap<string, CablesByHost> {
  const switches = new Map<string, Map<string, SwitchWire[]>>();
  for (const wire of wires) {
    const [{ host }, far] = wire.ends;
    const hosts = switches.get(far.switch) ?? new Map<string, SwitchWire[]>();
    switches.set(far.switch, hosts.set(host, [...(hosts.get(host) ?? []), wire]));
  }
  const ranked = [...switches].sort(([a, some], [b, more]) => more.size - some.size || compareText(a, b));
  const common = ranked.filter(([, hosts]) => hosts.size * 2 > count);
  return new Map((common.length > 0 ? common : ranked.slice(0, 1)).sort(([a], [b]) => compareText(a, b)));
}

/** On the same ports as the cables of the host that has the first one; on port 0 where nobody has any. */
function assumedWires(view: HostView, { wires }: Cabling, met: readonly SwitchWire[]): readonly SwitchWire[] {
  const host = view.config.name;
  if (isReached(view) || wires.flatMap(portsOf).some((end) => end.host === host)) return [];
  const like = met.filter(({ ends }) => ends[0].host === met[0]?.ends[0].host).map(({ ends }) => ends);
  const first: SwitchWire["ends"] = [{ host, port: 0 }, { switch: "switch-a" }];
  return (like.length > 0 ? like : [first]).map(([{ port }, far]) => ({
    ends: [{ host, port }, far],
    evidence: "assumed",
  }));
}

function directFault({ ends }: PortWire, at: string): readonly HostLine[] {
  const [a, b] = ends;
  if (a.host === b.host) return [];
  const line = `${a.host}: port ${a.port} is cabled to ${portKey(b)} (cable ${wireName(ends)}), but the hosts meet at ${at}; plug both its ends into ${at}, or take it out`;
  return [{ host: a.host, line }];
}

function awayFault({ ends }: SwitchWire, at: string): HostLine {
  const [{ host, port }, far] = ends;
  const line = `${host}: port ${port} is cabled to ${far.switch} (cable ${wireName(ends)}), but the hosts meet at ${at}; move that plug to ${at}, or cable every host to ${far.switch} too`;
  return { host, line };
}

/** A host that is not on every switch, or on one by another number of cables than most. */
function hostFaults(host: string, meeting: ReadonlyMap<string, CablesByHost>): readonly HostLine[] {
  if (meeting.size === 0) return [missingFault(host, [host, "a switch"])];
  return [...meeting].flatMap(([at, cables]) => {
    const [first, second] = (cables.get(host) ?? []).map(({ ends }) => wireName(ends));
    if (first === undefined) return [absentFault(host, at, meeting)];
    const twos = [...cables.values()].filter(({ length }) => length === 2).length;
    if (twos * 2 >= cables.size === (second !== undefined)) return [];
    const line = second
      ? `two cables are seen to ${at} (${first}, ${second}), most hosts have one; take one out, or plug in the second one of every host`
      : `one cable is seen to ${at} (${first}), most hosts have two; plug in its other port too, or take out the second one of every host`;
    return [{ host, line: `${host}: ${line}` }];
  });
}

function absentFault(host: string, at: string, meeting: ReadonlyMap<string, CablesByHost>): HostLine {
  const [first, second] = [...meeting.values()].flatMap((cables) => cables.get(host) ?? []);
  if (!first || !second) return missingFault(host, [host, at]);
  const line = `both its cables lead to ${first.ends[1].switch} (${wireName(first.ends)}, ${wireName(second.ends)}), none to ${at}, where the others are; move one of them`;
  return { host, line: `${host}: ${line}` };
}
