import type { PortNumber, PortRef } from "../../config/cluster";
import type { Cabling } from "../cabling/cabling";
import { isPortWire, isSwitchWire, type PortWire, type SwitchWire, type Wire, wireName } from "../cabling/wires";
import { type HostLine, portKey } from "../views";

/** What the cables come to as one topology. */
export interface Judgement {
  /** The cables, assumed ones among them; where there are faults, those that are meant, as far as that can be told. */
  readonly wires: readonly Wire[];
  readonly faults: readonly HostLine[];
  readonly warnings: readonly HostLine[];
}

const PORTS: readonly PortNumber[] = [0, 1];

/** The cables from port to port that join two hosts, by their names. */
export function between(wires: readonly Wire[], one: string, other: string): readonly PortWire[] {
  return wires
    .filter(isPortWire)
    .filter(({ ends: [a, b] }) => (a.host === one && b.host === other) || (a.host === other && b.host === one));
}

/** @param rule what a host's cables do instead: `a ring joins each host to both others`. */
export function loopFaults(wires: readonly Wire[], rule: string): readonly HostLine[] {
  return wires.filter(isPortWire).flatMap(({ ends }): HostLine[] => {
    const [{ host }, far] = ends;
    if (host !== far.host) return [];
    return [{ host, line: `${host}: its two ports are cabled to each other (${wireName(ends)}); ${rule}` }];
  });
}

/** A switch where none belongs. @param rule what is wanted instead: `a ring needs one cable from port to port`. */
export function switchFaults({ wires, sights }: Cabling, rule: string): readonly HostLine[] {
  return wires.filter(isSwitchWire).map(({ ends, evidence }) => {
    const [{ host, port }, far] = ends;
    const sight = sights.get(portKey(ends[0])) ?? `port ${port} is cabled to ${far.switch} (cable ${wireName(ends)})`;
    const correct = evidence === "declared" ? "; correct spark-mesh:cables" : "";
    const doubt = sight.endsWith("its port's other rail") ? "; if none is, declare spark-mesh:cables" : "";
    return { host, line: `${host}: ${sight}: a switch is in the path; ${rule}, without a switch${correct}${doubt}` };
  });
}

/** @param swap the host whose two plugs are to be swapped; undefined where one plug is to be moved. */
export function straightFault({ ends, evidence }: PortWire, swap: string | undefined): readonly HostLine[] {
  const [a, b] = ends;
  if (a.port !== b.port) return [];
  const other = 1 - a.port;
  const fix = swap ? `swap the two plugs of ${swap}` : `move its plug to port ${other} at ${a.host} or at ${b.host}`;
  const declared = evidence === "declared" ? ", and correct spark-mesh:cables" : "";
  return [
    {
      host: a.host,
      line: `${a.host}: port ${a.port} is cabled to port ${b.port} of ${b.host} (cable ${wireName(
        ends,
      )}); a ring joins port 0 to port 1, NCCL fails otherwise (ibv_modify_qp, error 110); ${fix}${declared}`,
    },
  ];
}

/** @param rule what a ring does instead: `joins each host to both others`. */
export function doubleFault(from: string, to: string, wires: readonly PortWire[], rule: string): HostLine {
  const names = wires.map(({ ends }) => wireName(ends)).join(" and ");
  return {
    host: from,
    line: `${from}: two cables lead to ${to} (${names}); a ring ${rule} by one cable: move one of them`,
  };
}

/** @param ends where a cable should be, hosts or ports. */
export function missingFault(host: string, ends: readonly [string, string]): HostLine {
  return {
    host,
    line: `${host}: no cable is seen between ${ends.join(" and ")}; plug one in, or name it under spark-mesh:cables if it is there`,
  };
}

/**
 * The free ports that a cable of a ring between two hosts should join, port 0 facing the second as in the article unless
 * that port is taken; undefined where no free port 0 faces a free port 1.
 */
export function missingEnds(from: string, to: string, wires: readonly Wire[]): readonly [PortRef, PortRef] | undefined {
  const used = new Set(wires.flatMap(({ ends }) => ends.map((end) => ("switch" in end ? "" : portKey(end)))));
  return PORTS.map((port): readonly [PortRef, PortRef] => [
    { host: from, port },
    { host: to, port: port === 0 ? 1 : 0 },
  ]).find((ends) => ends.every((end) => !used.has(portKey(end))));
}

/** The ports of a host. */
export function portsOfHost(host: string): readonly PortRef[] {
  return PORTS.map((port) => ({ host, port }));
}

/** The ports of which nobody says that their cable is missing: what they are cabled to is a fault already. */
export function explainedPorts({ wires, unseen }: Cabling): ReadonlySet<string> {
  const switched: readonly SwitchWire[] = wires.filter(isSwitchWire);
  return new Set([...unseen.keys(), ...switched.map(({ ends }) => portKey(ends[0]))]);
}
