import { parseAddress, subnetAround } from "../../config/subnets";
import type { Cx7Netdev, LiveAddress } from "../../facts/hostFacts";

/** Whether two netdevs on one link have addresses by which the first finds the second: by multicast, or in its subnets. */
export function couldHear(own: Cx7Netdev, other: Cx7Netdev): boolean {
  const inSubnet = ipv4(own).some(({ address, prefixLength }) =>
    ipv4(other).some((far) => network(address, prefixLength) === network(far.address, prefixLength)),
  );
  return inSubnet || (hasLinkLocal(own) && hasLinkLocal(other));
}

/** Whether the twins of a port have addresses by which one finds the other: theirs are known, whatever their subnets. */
export function couldHearTwin(own: Cx7Netdev, twin: Cx7Netdev): boolean {
  return [own, twin].every((netdev) => ipv4(netdev).length > 0) || (hasLinkLocal(own) && hasLinkLocal(twin));
}

function ipv4({ addresses }: Cx7Netdev): readonly LiveAddress[] {
  return addresses.filter(({ family }) => family === 4);
}

function network(address: string, prefixLength: number): number | undefined {
  const parsed = parseAddress(address);
  return parsed === undefined ? undefined : subnetAround(parsed, prefixLength).first;
}

function hasLinkLocal({ addresses }: Cx7Netdev): boolean {
  return addresses.some(({ family, linkLocal }) => family === 6 && linkLocal);
}
