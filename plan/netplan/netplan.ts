import { byPlace } from "../cabling/sightings";
import type { NetdevPlan, Renderer } from "../plan";

/** What the rendered file says about one host. */
interface NetplanWish {
  readonly renderer: Renderer;
  readonly netdevs: readonly Pick<NetdevPlan, "netdev" | "port" | "twin" | "address" | "mtu">[];
}

/**
 * The host's netplan file: every CX7 netdev with its one address and no other, in the order of ports and twins. The
 * renderer is the host's own and stays unsaid.
 */
export function renderNetplan({ renderer, netdevs }: NetplanWish): string {
  const lines = [...netdevs]
    .sort(byPlace)
    .flatMap(({ netdev, mtu, address }) => [
      `    ${netdev}:`,
      "      dhcp4: no",
      "      dhcp6: no",
      "      link-local: [ ]",
      `      mtu: ${mtu}`,
      `      addresses: [ ${address} ]`,
      OPTIONAL,
      ...(renderer === "NetworkManager" ? DISABLE_IPV6 : []),
    ]);
  return `${[HEADER, "network:", "  version: 2", "  ethernets:", ...lines].join("\n")}\n`;
}

const HEADER = "# Managed by spark-mesh: what is edited here is shown as drift and put back.";

/** Without it a boot with a cable in that carries nothing holds up network-online.target, and so Docker, for two minutes. */
const OPTIONAL = "      optional: true";

/** With NetworkManager, netplan turns `link-local: [ ]` into ipv6.method=ignore, and the kernel keeps its fe80::. */
const DISABLE_IPV6 = ["      networkmanager:", "        passthrough:", "          ipv6.method: disabled"];
