/** The address of a netdev without its prefix length: 192.168.177.11 of 192.168.177.11/24. */
export function bareAddress(cidr: string): string {
  return cidr.replace(/\/.*$/, "");
}
