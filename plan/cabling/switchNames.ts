import { compareText, type HostLine, type HostView, portKey } from "../views";
import type { Segment } from "./segments";
import type { SwitchWire, Wire } from "./wires";

interface NamedSwitch {
  readonly name: string;
  readonly evidence: Wire["evidence"];
  readonly faults: readonly HostLine[];
  readonly warnings: readonly HostLine[];
}

/** switch-a, switch-b and so on, without those that a recorded switch or a host has. */
export function* freeSwitchNames(
  hosts: readonly HostView[],
  known: readonly SwitchWire[],
): Generator<string, never, unknown> {
  const taken = new Set([...hosts.map(({ config }) => config.name), ...known.map(({ ends }) => ends[1].switch)]);
  for (let index = 0; ; index += 1) {
    const name = `switch-${letters(index)}`;
    if (!taken.has(name)) yield name;
  }
}

/**
 * Which switch the ports are behind: the recorded one whose ports are heard there, else the one that must be meant,
 * else a new one. Recorded hosts have no link-local addresses, so somebody who joins them may hear himself alone.
 */
export function switchOfSegment(
  segment: Segment,
  known: readonly SwitchWire[],
  names: Iterator<string, never>,
): NamedSwitch {
  const { ports, switches } = segment;
  const [port] = ports;
  const [heard, ...others] = [...switches].sort(compareText);
  const found = { evidence: "discovered", faults: [], warnings: [] } as const;
  if (heard === undefined || !port) {
    const meant = meantSwitch(segment, known);
    if (meant === undefined || !port) return { ...found, name: names.next().value };
    return { ...found, name: meant, evidence: "assumed", warnings: [sayMeant(segment, meant)] };
  }
  if (others.length === 0) return { ...found, name: heard };
  const line = `${port.host}: port ${port.port} hears hosts on ${[heard, ...others].join(" and on ")}, which are recorded as switches apart; declare spark-mesh:cables`;
  return { ...found, name: heard, faults: [{ host: port.host, line }] };
}

/** The one recorded switch, or the one to which every recorded host has its port of the same number. */
function meantSwitch({ ports }: Segment, known: readonly SwitchWire[]): string | undefined {
  const only = (wires: readonly SwitchWire[]) => {
    const names = new Set(wires.map(({ ends }) => ends[1].switch));
    return names.size === 1 ? [...names] : [];
  };
  const all = only(known);
  const samePort = (port: number) => only(known.filter(({ ends: [own] }) => own.port === port));
  const meant = new Set(all.length > 0 ? all : ports.flatMap(({ port }) => samePort(port)));
  const [name] = meant;
  return meant.size === 1 ? name : undefined;
}

function sayMeant({ ports }: Segment, name: string): HostLine {
  const host = ports[0]?.host ?? "";
  const where = ports.map(portKey).join(", ");
  const line = `${host}: ${where} is behind a switch whose recorded hosts can't be heard; taken for ${name}, and verified by \`up\`; declare spark-mesh:cables if it is another`;
  return { host, line };
}

/** a to z, then aa, ab and so on. */
function letters(index: number): string {
  return (index < 26 ? "" : letters(Math.floor(index / 26) - 1)) + String.fromCharCode(97 + (index % 26));
}
