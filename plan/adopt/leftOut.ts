import { isCx7Name } from "../../facts/cx7";
import { definitionsOf } from "../netplan/definitions";
import { fields, parseNetplan } from "../netplan/netplanYaml";
import type { HostLine, ReachedHost } from "../views";
import { adoptHosts } from "./adopt";

/**
 * One line for each netdev whose definitions say more than ours will, and for a file in the place of ours that defines
 * more, on hosts where `up` stands in for them.
 */
export function sayLeftOut(hosts: readonly ReachedHost[], netplanFile: string): readonly HostLine[] {
  const settings = [...adoptHosts(hosts).perHost].flatMap(([host, netdevs]) =>
    netdevs.flatMap(({ netdev, extras, file }) => {
      if (extras.length === 0 || file === undefined) return [];
      const line = `${host}: ${netdev}: found ${extras.join(", ")} in ${file}; up leaves that out, and what is live of it goes when the netdev is activated anew; destroy puts it back`;
      return [{ host, line }];
    }),
  );
  return [...hosts.flatMap((host) => sayReplaced(host, netplanFile)), ...settings];
}

/** What is no definition of a CX7 netdev, be that there or not. */
function sayReplaced({ config, facts, recorded }: ReachedHost, netplanFile: string): readonly HostLine[] {
  const { text } = facts.netplanFiles.find(({ path }) => path === netplanFile) ?? {};
  const parsed = text === undefined || recorded?.netplanFile === netplanFile ? undefined : parseNetplan(text);
  if (parsed?.kind !== "network") return [];
  const { network } = parsed;
  const about = new Set(
    definitionsOf(netplanFile, network, facts.cx7).flatMap(({ kind, place }) => (kind === "member" ? [] : place)),
  );
  const places = Object.entries(network)
    .flatMap(([section, definitions]) => Object.keys(fields(definitions)).map((id) => ({ section, id })))
    .filter(({ section, id }) => !(section === "ethernets" && isCx7Name(id)))
    .map(({ section, id }) => `${section}.${id}`)
    .filter((place) => !about.has(place));
  if (places.length === 0) return [];
  const line = `${config.name}: ${netplanFile}: found ${places.join(", ")} in it; up replaces the file, and destroy puts it back; to keep that, let \`npx spark-mesh discover --adopt --write\` choose another file`;
  return [{ host: config.name, line }];
}
