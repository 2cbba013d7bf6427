import { byPlace } from "./cabling/sightings";
import type { NetdevPlan } from "./plan";

/**
 * The host's file of the kernel's settings, for every CX7 netdev that is to have any, in the order of ports and twins; ""
 * where none is. systemd reads it at every boot, and for a netdev whenever it comes.
 */
export function renderSysctl(netdevs: readonly Pick<NetdevPlan, "netdev" | "port" | "twin" | "arp">[]): string {
  const lines = [...netdevs]
    .sort(byPlace)
    .flatMap(({ netdev, arp = {} }) =>
      Object.entries(arp).map(([setting, value]) => `-net.ipv4.conf.${netdev}.arp_${setting} = ${value}`),
    );
  return lines.length > 0 ? `${[...HEADER, ...lines].join("\n")}\n` : "";
}

const HEADER = [
  "# Managed by spark-mesh: what is edited here is shown as drift and put back.",
  "# The minus: a netdev that left with its cable is no error.",
];
