import { type DeclaredCable, judgeCableAddresses } from "./cableAddresses";
import type { CableConfig, HostConfig, NetworkConfig, PortNumber, PortRef } from "./cluster";
import { judge } from "./judge";
import { nearest } from "./nearest";
import * as schema from "./schema";

function portRef(end: string): PortRef | undefined {
  const [, host, port] = /^([^/]+)\/([01])$/.exec(end) ?? [];
  if (host === undefined || port === undefined) return undefined;
  const number: PortNumber = port === "0" ? 0 : 1;
  return { host, port: number };
}

/** A hostile name has a fault of its own and is not said twice. */
const isPlain = (name: string) => /^[\w-]+$/.test(name);

/** A fault's line about a name that is no host's. */
export function unknownHost(path: string, name: string, hosts: readonly string[], also = ""): string {
  const near = nearest(name, hosts.filter(isPlain));
  const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
  const plain = hosts.filter(isPlain);
  return `${path}: no host is named ${name}${hint}; hosts: ${plain.join(", ")}${also}`;
}

/**
 * The declared cables, in the order in which they are written. Faults: those of {@link judgeEnds} and
 * {@link judgeCableAddresses}.
 *
 * @param names of all hosts, also of those with faults.
 * @param network undefined where it is at fault itself.
 */
export function judgeCables(
  faults: string[],
  list: readonly unknown[],
  names: readonly string[],
  hosts: readonly HostConfig[],
  network: NetworkConfig | undefined,
): CableConfig[] {
  return judgeCableAddresses(faults, judgeEnds(faults, list, names), hosts, network?.prefixLength);
}

/**
 * The cables whose ends are right. Faults: a host that isn't, both ends on one host, a port used twice. A far end
 * without a port is a switch, unless a host has that name: then its port is missing.
 */
function judgeEnds(faults: string[], list: readonly unknown[], hosts: readonly string[]): readonly DeclaredCable[] {
  const cables: DeclaredCable[] = [];
  const usedBy = new Map<string, string>();
  list.forEach((entry, index) => {
    const path = `cables[${index}]`;
    const cable = judge(faults, schema.cable, entry, path, { keys: Object.keys(schema.cable.shape) });
    if (cable === undefined) return;
    const from = portRef(cable.from);
    const to = portRef(cable.to) ?? { switch: cable.to };
    if (from === undefined) return;
    const before = faults.length;
    if (!hosts.includes(from.host)) faults.push(unknownHost(`${path}.from`, from.host, hosts));
    if ("switch" in to) {
      if (hosts.includes(to.switch)) {
        faults.push(`${path}.to: ${to.switch} is a host; name its port: ${to.switch}/0 or ${to.switch}/1`);
      }
    } else if (!hosts.includes(to.host)) {
      faults.push(unknownHost(`${path}.to`, to.host, hosts, "; a switch is written without a port"));
    } else if (to.host === from.host) {
      faults.push(`${path}: both ends are on ${to.host}; a cable joins two hosts`);
    }
    for (const end of "switch" in to ? [cable.from] : [cable.from, cable.to]) {
      const other = usedBy.get(end);
      if (other !== undefined && other !== path) {
        faults.push(`${path}: ${end} is already used by ${other}; a port takes one cable`);
      }
      usedBy.set(end, other ?? path);
    }
    if (faults.length > before) return;
    const { subnets, addresses } = cable;
    cables.push({ path, cable: { from, to, ...(subnets && { subnets }), ...(addresses && { addresses }) } });
  });
  return cables;
}
