import { BlockList } from "node:net";
import type { Cx7Netdev, HostFacts } from "./hostFacts";

/** Whether the host has an IPv4 address on a CX7 link, so that peers may be known by theirs. */
export function hasCx7Addresses({ cx7 }: HostFacts): boolean {
  return cx7.some((netdev) => netdev.carrier && addressesOf(netdev).length > 0);
}

/** An address to be looked for on a netdev's link. */
interface Look {
  readonly netdev: string;
  readonly address: string;
}

/**
 * The peers' addresses that a host should find on its own links: those in a subnet of its own on the same netdev, not
 * heard there yet. A configured host's netdevs often have no link-local address, and then multicast hears nobody.
 * Looked for, not pinged: through a switch the answer may come in on the twin. Hosts with a record ask each other by
 * what it says.
 */
export function peerLooks(own: HostFacts, peers: readonly HostFacts[]): Look[] {
  const strangers = own.record ? peers.filter(({ record }) => record === undefined) : peers;
  const addresses = strangers.flatMap(({ cx7 }) => cx7.flatMap(addressesOf)).map(({ address }) => address);
  return own.cx7.flatMap((netdev) => {
    const subnets = subnetsOf(netdev);
    const known = [...addressesOf(netdev), ...netdev.neighbours].map(({ address }) => address);
    return [...new Set(addresses)]
      .filter((address) => subnets.check(address) && !known.includes(address))
      .map((address) => ({ netdev: netdev.name, address }));
  });
}

/**
 * Each twin's address on the link of the other, which shows a switch where multicast can't: no cable brings the
 * question back. No host answers itself, but a netdev that asks as well learns from the question who is there.
 */
export function twinLooks({ cx7 }: HostFacts): Look[] {
  const live = cx7.filter(({ up, carrier }) => up && carrier);
  return live.flatMap((netdev) =>
    live
      .filter((other) => other.port === netdev.port && other.twin !== netdev.twin)
      .flatMap((twin) => {
        const [own] = addressesOf(netdev);
        const [first] = addressesOf(twin);
        return own && first ? [{ netdev: netdev.name, address: first.address }] : [];
      }),
  );
}

function addressesOf({ addresses }: Cx7Netdev) {
  return addresses.filter(({ family }) => family === 4);
}

/** Nothing is in a subnet of a netdev whose cable carries nothing. */
function subnetsOf(netdev: Cx7Netdev): BlockList {
  const subnets = new BlockList();
  for (const { address, prefixLength } of netdev.carrier ? addressesOf(netdev) : []) {
    subnets.addSubnet(address, prefixLength);
  }
  return subnets;
}
