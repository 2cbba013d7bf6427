import { bareAddress } from "../config/bareAddress";
import type { PortNumber } from "../config/cluster";
import type { ArpSettings } from "../facts/record";
import { endName, portsOf } from "./cabling/wires";
import type { CablePlan, NetdevPlan, PeerPlan } from "./plan";
import { type HostView, isReached } from "./views";

type Twin = 0 | 1;

const PORTS: readonly PortNumber[] = [0, 1];
const TWINS: readonly Twin[] = [0, 1];

/** A netdev answers for no address but its own, and asks with no other: its twin is on the same segment. */
const ARP_ON_SWITCH: ArpSettings = { ignore: 1, announce: 2 };

/**
 * What every CX7 netdev of a host should be, in the order of ports and twins. An abandoned host's stay as recorded.
 *
 * @param hosts every host of the cluster, in rank order.
 * @param mtu in bytes.
 */
export function planNetdevs(
  host: HostView,
  hosts: readonly HostView[],
  cables: readonly CablePlan[],
  mtu: number,
): readonly NetdevPlan[] {
  const name = host.config.name;
  const netdevs = PORTS.flatMap((port) => {
    const cable = cables.find(({ ends }) =>
      ends.some((end) => "host" in end && end.host === name && end.port === port),
    );
    const addresses = cable?.addresses[name];
    if (!cable || !addresses) return [];
    const faced = facedPorts(cable, cables, name);
    return TWINS.map((twin): NetdevPlan => {
      const netdev = netdevAt(host, { port, twin });
      return {
        netdev,
        port,
        twin,
        address: addresses[twin],
        mtu,
        ...("switch" in cable.ends[1] && { arp: ARP_ON_SWITCH }),
        roceDevice: liveAt(host, { port, twin })?.roceDevice ?? roceNameOf(netdev),
        peers: hosts.flatMap((peer) => planPeer(peer, twin, faced.get(peer.config.name))),
      };
    });
  });
  return host.kind === "abandoned" ? netdevs.map((netdev) => asRecorded(netdev, host)) : netdevs;
}

interface Place {
  readonly port: PortNumber;
  readonly twin: Twin;
}

/** A port that faces ours, over the cable that ends there. */
interface FacedPort {
  readonly port: PortNumber;
  readonly cable: CablePlan;
}

/** By host: the far end of the cable, or on a switch every other host's port in the same subnets. */
function facedPorts(cable: CablePlan, cables: readonly CablePlan[], own: string): ReadonlyMap<string, FacedPort> {
  const far = cable.ends[1];
  const sharing =
    "switch" in far
      ? cables.filter(({ ends, subnets }) => endName(ends[1]) === far.switch && subnets[0] === cable.subnets[0])
      : [cable];
  return new Map(
    sharing.flatMap((one) =>
      portsOf(one)
        .filter(({ host }) => host !== own)
        .map(({ host, port }): [string, FacedPort] => [host, { port, cable: one }]),
    ),
  );
}

function planPeer(peer: HostView, twin: Twin, faced: FacedPort | undefined): readonly PeerPlan[] {
  const address = faced?.cable.addresses[peer.config.name]?.[twin];
  if (!faced || address === undefined) return [];
  const place = { port: faced.port, twin };
  const mac = liveAt(peer, place)?.mac;
  return [
    {
      host: peer.config.name,
      netdev: netdevAt(peer, place),
      address: bareAddress(address),
      ...(mac === undefined ? {} : { mac }),
    },
  ];
}

/** Names of a host's netdevs at the ends of these cables, be they there or not. */
export function cabledNetdevs(host: HostView, cables: readonly Pick<CablePlan, "ends">[]): ReadonlySet<string> {
  const ports = cables.flatMap(portsOf).filter((end) => end.host === host.config.name);
  return new Set(ports.flatMap(({ port }) => TWINS.map((twin) => netdevAt(host, { port, twin }))));
}

function liveAt(host: HostView, { port, twin }: Place) {
  if (!isReached(host)) return undefined;
  return host.facts.cx7.find((netdev) => netdev.port === port && netdev.twin === twin);
}

/** As the host shows it, else as recorded, else as every Spark of every maker names it. */
function netdevAt(host: HostView, place: Place): string {
  const recorded = host.recorded?.netdevs.find(({ port, twin }) => port === place.port && twin === place.twin);
  return liveAt(host, place)?.name ?? recorded?.netdev ?? usualName(place);
}

function usualName({ port, twin }: Place): string {
  return `${twin === 0 ? "enp1s0" : "enP2p1s0"}f${port}np${port}`;
}

/** enp1s0f0np0 -> rocep1s0f0, as the mlx5 driver names them. */
function roceNameOf(netdev: string): string {
  return `roce${netdev.replace(/^en/, "").replace(/np\d+$/, "")}`;
}

function asRecorded(planned: NetdevPlan, { recorded }: HostView): NetdevPlan {
  const committed = recorded?.netdevs.find(({ netdev }) => netdev === planned.netdev);
  return committed ? { ...planned, address: committed.address, mtu: committed.mtu } : planned;
}
