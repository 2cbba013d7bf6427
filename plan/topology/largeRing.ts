import type { Cabling } from "../cabling/cabling";
import { isPortWire, type PortWire, portsOf, wireName } from "../cabling/wires";
import { byNumber, type HostLine, type HostView, portKey } from "../views";
import {
  doubleFault,
  explainedPorts,
  type Judgement,
  loopFaults,
  missingFault,
  portsOfHost,
  straightFault,
  switchFaults,
} from "./cableFaults";
import { type Piece, piecesOf, turnedHosts } from "./pieces";

const JOINS = "joins each host to two others";

/**
 * Whether four hosts or more are cabled as one ring, port 0 to port 1. There is less experience with such a ring, and
 * somebody who has four hosts has usually meant a switch: so it is taken only as a declared one.
 */
export function judgeLargeRing(views: readonly HostView[], cabling: Cabling): Judgement {
  const count = views.length;
  const cables = cabling.wires.filter(isPortWire).filter(({ ends: [a, b] }) => a.host !== b.host);
  const pieces = piecesOf(views, cables);
  const turned = new Map(pieces.flatMap((piece) => [...turnedHosts(piece)]));
  const declared = cables.length > 0 && cables.every(({ evidence }) => evidence === "declared");
  return {
    wires: cables,
    faults: [
      ...(declared ? [] : [undeclared(cables, pieces, count)]),
      ...switchFaults(cabling, "a ring needs one cable from port to port"),
      ...loopFaults(cabling.wires, `a ring ${JOINS}`),
      ...cables.flatMap((wire) => straightFault(wire, turned.get(wire))),
      ...pieces.flatMap((piece) => closedTooSoon(piece, count)),
      ...gaps(pieces, views, cabling),
    ],
    warnings: [
      {
        host: "",
        line: `spark-mesh:topology: a ring of ${count} is less proven than a ring of three or a switch: NCCL has to run with NCCL_ALGO=Ring (ncclEnv has it), and hosts that are no neighbours reach each other over no cable`,
      },
    ],
  };
}

function undeclared(cables: readonly PortWire[], pieces: readonly Piece[], count: number): HostLine {
  const whole = pieces.some(({ closed, hosts }) => closed && hosts.length === count);
  const block = cables.map(({ ends }) => `{ from: ${portKey(ends[0])}, to: ${portKey(ends[1])} }`).join(", ");
  return {
    host: "",
    line: `spark-mesh:cables: found ${whole ? "" : "a part of "}a ring of ${count} by discovery; four hosts and more are taken for a ring only when it is declared (or cable them to a switch): paste spark-mesh:cables: [${block}], or have it written by \`npx spark-mesh discover --write\``,
  };
}

function closedTooSoon({ hosts, wires, closed }: Piece, count: number): readonly HostLine[] {
  const [host = "", other = ""] = hosts;
  if (!closed || hosts.length === count) return [];
  if (hosts.length === 2) return [doubleFault(host, other, wires, JOINS)];
  const names = wires.map(({ ends }) => wireName(ends)).join(", ");
  const line = `${host}: ${hosts.join(", ")} are cabled to a ring of their own (${names}); a ring has all ${count} hosts in it: open it at one of these cables, and join the others there`;
  return [{ host, line }];
}

/** The cable that closes the ring, by its ports, where it alone is missing; else the ports without a cable, by host. */
function gaps(pieces: readonly Piece[], views: readonly HostView[], cabling: Cabling): readonly HostLine[] {
  const used = new Set(cabling.wires.flatMap(portsOf).map(portKey));
  const explained = explainedPorts(cabling);
  const free = byNumber(views)
    .flatMap(({ config }) => portsOfHost(config.name))
    .filter((port) => !used.has(portKey(port)) && !explained.has(portKey(port)));
  const [a, b] = free;
  if (a && b && pieces.length === 1) return [missingFault(a.host, [portKey(a), portKey(b)])];
  return [...new Set(free.map(({ host }) => host))].map((host) => {
    const at = free.filter((port) => port.host === host).map(portKey);
    return {
      host,
      line: `${host}: no cable is seen at ${at.join(" and ")}; a ring ${JOINS}, port 0 to port 1: plug one in, or name it under spark-mesh:cables if it is there`,
    };
  });
}
