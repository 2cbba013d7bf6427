import type { PortNumber, PortRef } from "../../config/cluster";
import type { Cabling } from "../cabling/cabling";
import type { Wire } from "../cabling/wires";
import { byNumber, type HostView, isReached, portKey } from "../views";
import {
  between,
  explainedPorts,
  type Judgement,
  loopFaults,
  missingFault,
  portsOfHost,
  switchFaults,
} from "./cableFaults";

/**
 * Whether two hosts are cabled to each other, by one cable or two, between any of their ports. A cable that only a host
 * which can't be asked could know is assumed.
 */
export function judgePair(views: readonly HostView[], cabling: Cabling): Judgement {
  const [low, high] = byNumber(views);
  if (!low || !high) throw new Error("a pair has two hosts");
  const names = [low.config.name, high.config.name] as const;
  const found = between(cabling.wires, ...names);
  const explained = explainedPorts(cabling);
  const assumed = !(isReached(low) && isReached(high));
  const told = names.flatMap(portsOfHost).some((port) => explained.has(portKey(port)));
  return {
    wires: found.length > 0 ? found : [assumedWire(low, high)],
    faults: [
      ...switchFaults(cabling, "a pair needs a cable from port to port"),
      ...loopFaults(cabling.wires, "a pair joins the one host to the other"),
      ...(found.length > 0 || assumed || told ? [] : [missingFault(names[0], names)]),
    ],
    warnings: [],
  };
}

/** From the port of a host that shows a cable, else from port 0 to port 1. */
function assumedWire(low: HostView, high: HostView): Wire {
  const [seenLow, seenHigh] = [cabledPort(low), cabledPort(high)];
  const opposite = (port: PortNumber): PortNumber => (port === 0 ? 1 : 0);
  const from = seenLow ?? (seenHigh === undefined ? 0 : opposite(seenHigh));
  const end = ({ config }: HostView, port: PortNumber): PortRef => ({ host: config.name, port });
  return { ends: [end(low, from), end(high, seenHigh ?? opposite(from))], evidence: "assumed" };
}

function cabledPort(host: HostView): PortNumber | undefined {
  return isReached(host) ? host.facts.cx7.find(({ carrier }) => carrier)?.port : undefined;
}
