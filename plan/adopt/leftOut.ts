import type { HostLine, ReachedHost } from "../views";
import { adoptHosts } from "./adopt";

/** One line for each netdev whose definitions say more than ours will, on hosts where `up` stands in for them. */
export function sayLeftOut(hosts: readonly ReachedHost[]): readonly HostLine[] {
  return [...adoptHosts(hosts).perHost].flatMap(([host, netdevs]) =>
    netdevs.flatMap(({ netdev, extras, file }) => {
      if (extras.length === 0 || file === undefined) return [];
      const line = `${host}: ${netdev}: found ${extras.join(", ")} in ${file}; up leaves that out, and what is live of it goes when the netdev is activated anew; destroy puts it back`;
      return [{ host, line }];
    }),
  );
}
