import { isIP } from "node:net";
import type { PortNumber } from "../config/cluster";
import { Faults } from "../config/faults";
import type { Cx7Netdev, LiveAddress } from "./hostFacts";
import type { RawNetdev, RawPort } from "./rawFacts";

/** The kernel's name of a ConnectX-7 netdev: PCI domain (none: 0) and physical port. */
const namePattern = /^en(?:P(\d+))?p\d+s\d+f\d+np(\d+)$/;

/** Whether a netdev is named as the kernel names those of a ConnectX-7, be it there or not. */
export function isCx7Name(netdev: string): boolean {
  return namePattern.test(netdev);
}

interface Candidate {
  readonly name: string;
  readonly domain: number;
  readonly port: PortNumber;
  readonly raw: RawPort | undefined;
  readonly live: RawNetdev;
}

/** Addresses as they are live, in the kernel's order. */
export function liveAddresses(netdev: RawNetdev): LiveAddress[] {
  return netdev.addr_info.flatMap(({ local, prefixlen }) => {
    const family = isIP(local ?? "");
    if (local === undefined || prefixlen === undefined || (family !== 4 && family !== 6)) return [];
    const linkLocal = family === 4 ? local.startsWith("169.254.") : /^fe[89ab]/i.test(local);
    return [{ address: local, prefixLength: prefixlen, family, linkLocal }];
  });
}

/** The physical port that the driver names, `p0` or `p1`, else the one in the netdev's name. */
function portOf(suffix: string, raw: RawPort | undefined): PortNumber | undefined {
  const port = /^p(\d+)$/.exec(raw?.portName ?? "")?.[1] ?? suffix;
  return port === "0" ? 0 : port === "1" ? 1 : undefined;
}

function arpOf(raw: RawPort | undefined): Pick<Cx7Netdev, "arp"> {
  if (!raw?.arpIgnore || !raw.arpAnnounce) return {};
  return { arp: { ignore: Number(raw.arpIgnore), announce: Number(raw.arpAnnounce) } };
}

function candidates(netdevs: readonly RawNetdev[], ports: readonly RawPort[]): Candidate[] {
  return netdevs.flatMap((live) => {
    const [match, domain, suffix] = namePattern.exec(live.ifname) ?? [];
    if (match === undefined || suffix === undefined) return [];
    const raw = ports.find(({ netdev }) => netdev === live.ifname);
    // Other makes name their ports so too.
    if (raw !== undefined && raw.driver !== "" && !raw.driver.startsWith("mlx5")) return [];
    const port = portOf(suffix, raw);
    return port === undefined ? [] : [{ name: live.ifname, domain: Number(domain ?? 0), port, raw, live }];
  });
}

/**
 * The host's CX7 netdevs, by port and twin. Twins share a physical port by what the driver says of it
 * (phys_port_name and phys_switch_id), else by their names' `npN`; the lower PCI domain is the first.
 *
 * @throws Faults where netdevs claim one place, so that nobody's cable is guessed
 */
export function cx7Netdevs(host: string, netdevs: readonly RawNetdev[], ports: readonly RawPort[]): Cx7Netdev[] {
  const found = candidates(netdevs, ports).sort((a, b) => a.port - b.port || a.domain - b.domain);
  const faults: string[] = [];
  for (const port of [0, 1] as const) {
    const twins = found.filter((candidate) => candidate.port === port);
    const names = twins.map(({ name }) => name).join(", ");
    const nics = new Set(twins.map(({ raw }) => raw?.switchId ?? "").filter(Boolean));
    if (twins.length > 2 || new Set(twins.map(({ domain }) => domain)).size < twins.length) {
      faults.push(`${host}: ${names} all claim physical port ${port}; a port has two netdevs, one a PCI domain`);
    } else if (nics.size > 1) {
      faults.push(
        `${host}: ${names} both claim physical port ${port} but are on different NICs (phys_switch_id ${[...nics].join(", ")})`,
      );
    }
  }
  if (faults.length > 0) throw new Faults("the hosts", faults);
  const lowest = Math.min(...found.map(({ domain }) => domain), 0);
  return found.map(({ name, domain, port, raw, live }) => ({
    name,
    port,
    twin: domain === lowest ? 0 : 1,
    mac: live.address,
    mtu: live.mtu,
    up: live.flags.includes("UP"),
    carrier: live.flags.includes("LOWER_UP"),
    addresses: liveAddresses(live),
    neighbours: [],
    ...arpOf(raw),
    ...(raw?.roceDevice !== undefined && { roceDevice: raw.roceDevice }),
    ...(raw?.rdmaState !== undefined && raw.rdmaState !== "" && { rdmaState: raw.rdmaState }),
  }));
}
