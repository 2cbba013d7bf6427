import type { PortNumber } from "../config/cluster";
import { addressIn } from "./addresses";
import type { CablePlan, NetdevPlan } from "./plan";
import { byPlace } from "./sightings";
import { type HostView, isReached } from "./views";

type Twin = 0 | 1;

const PORTS: readonly PortNumber[] = [0, 1];
const TWINS: readonly Twin[] = [0, 1];

/**
 * What every CX7 netdev of a host should be, in the order of ports and twins. An abandoned host's stay as recorded.
 *
 * @param hosts every host of the cluster, in any order.
 * @param mtu in bytes.
 */
export function planNetdevs(
  host: HostView,
  hosts: readonly HostView[],
  cables: readonly CablePlan[],
  mtu: number,
): readonly NetdevPlan[] {
  const netdevs = PORTS.flatMap((port) =>
    cables.flatMap(({ ends: [a, b], subnets }) => {
      const isEnd = (end: typeof a) => end.host === host.config.name && end.port === port;
      const far = isEnd(a) ? b : isEnd(b) ? a : undefined;
      const peer = far && hosts.find(({ config }) => config.name === far.host);
      if (!far || !peer) return [];
      return TWINS.map((twin) => planNetdev(host, peer, { port, twin }, { port: far.port, twin }, subnets[twin], mtu));
    }),
  );
  return host.kind === "abandoned" ? netdevs.map((netdev) => asRecorded(netdev, host)) : netdevs;
}

interface Place {
  readonly port: PortNumber;
  readonly twin: Twin;
}

function planNetdev(
  host: HostView,
  peer: HostView,
  place: Place,
  peerPlace: Place,
  subnet: string,
  mtu: number,
): NetdevPlan {
  const netdev = netdevAt(host, place);
  const mac = liveAt(peer, peerPlace)?.mac;
  return {
    netdev,
    ...place,
    address: addressIn(subnet, host.config.number),
    mtu,
    roceDevice: liveAt(host, place)?.roceDevice ?? roceNameOf(netdev),
    peer: {
      host: peer.config.name,
      netdev: netdevAt(peer, peerPlace),
      address: addressIn(subnet, peer.config.number).replace(/\/.*$/, ""),
      ...(mac === undefined ? {} : { mac }),
    },
  };
}

function liveAt(host: HostView, { port, twin }: Place) {
  if (!isReached(host)) return undefined;
  return [...host.facts.cx7].sort(byPlace).find((netdev) => netdev.port === port && netdev.twin === twin);
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
