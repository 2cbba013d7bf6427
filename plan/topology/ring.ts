import type { Cabling } from "../cabling/cabling";
import { isPortWire, type Wire } from "../cabling/wires";
import { byNumber, type HostLine, type HostView, isReached, portKey } from "../views";
import {
  between,
  doubleFault,
  explainedPorts,
  type Judgement,
  loopFaults,
  missingEnds,
  missingFault,
  portsOfHost,
  straightFault,
  switchFaults,
} from "./cableFaults";
import { piecesOf, turnedHosts } from "./pieces";

const JOINS = "joins each host to both others";

/**
 * Whether three hosts are cabled as a ring: each pair by one cable, port 0 to port 1. A cable that only a host which
 * can't be asked could know is assumed by that rule.
 */
export function judgeRing(views: readonly HostView[], cabling: Cabling): Judgement {
  const { wires } = cabling;
  const cables = wires.filter(isPortWire);
  const explained = explainedPorts(cabling);
  const [piece] = piecesOf(views, cables);
  const turned = piece?.hosts.length === cables.length ? turnedHosts(piece) : new Map<Wire, string>();
  const faults: HostLine[] = [
    ...switchFaults(cabling, "a ring needs one cable from port to port"),
    ...loopFaults(wires, `a ring ${JOINS}`),
    ...cables.flatMap((wire) => straightFault(wire, turned.get(wire))),
  ];
  const hosts = byNumber(views);
  const meant = hosts.flatMap((from, index): readonly Wire[] => {
    const to = hosts[(index + 1) % hosts.length] ?? from;
    const names = [from.config.name, to.config.name] as const;
    const found = between(wires, ...names);
    if (found.length > 1) faults.push(doubleFault(...names, found, JOINS));
    if (found.length > 0) return found.slice(0, 1);
    const ends = missingEnds(...names, wires);
    const candidates = ends ?? names.flatMap(portsOfHost);
    const assumed = ends !== undefined && !(isReached(from) && isReached(to));
    if (!assumed && !candidates.some((port) => explained.has(portKey(port)))) {
      faults.push(missingFault(names[0], ends ? [portKey(ends[0]), portKey(ends[1])] : names));
    }
    return [
      {
        ends: ends ?? [
          { host: names[0], port: 0 },
          { host: names[1], port: 1 },
        ],
        evidence: "assumed",
      },
    ];
  });
  return { wires: meant, faults, warnings: [] };
}
