import type { CableConfig } from "../../config/cluster";
import type { RecordedMesh } from "../../facts/record";
import { type HostLine, type HostView, isReached, portKey } from "../views";
import { discover } from "./discovery";
import { followRecorded } from "./recorded";
import { withoutReplugged } from "./replugged";
import { fitsLink, nameHeard, type Sighting, sightings } from "./sightings";
import { farEnds, linkSharers, portsOf, type Wire, wireName } from "./wires";

export interface Cabling {
  readonly wires: readonly Wire[];
  readonly faults: readonly HostLine[];
  /** Ports that hear machines that are none of the hosts: a problem unless the mesh's cables are declared. */
  readonly strangers: readonly HostLine[];
  readonly warnings: readonly HostLine[];
  /** Ports whose far end can't be known since netdevs are down, with what is to be said of those. */
  readonly unseen: ReadonlyMap<string, readonly HostLine[]>;
  /** What shows that a discovered port is behind a switch, by port: `enp1s0f0np0 sees its port's other rail`. */
  readonly sights: ReadonlyMap<string, string>;
}

/**
 * Which port is cabled to which: declared, else recorded, else discovered. Declared and recorded cables are checked
 * against what is heard. Silence never moves a cable; a different peer heard from both ends moves a recorded one, and so
 * does the same peer, where nothing is left of the recorded cable.
 */
export function planCabling(
  declared: readonly CableConfig[] | undefined,
  newest: RecordedMesh | undefined,
  hosts: readonly HostView[],
): Cabling {
  const heard = sightings(hosts.filter(isReached));
  if (declared) return checkDeclared(declared, heard);
  const recorded = followRecorded(newest, hosts, heard);
  const discovered = discover(hosts, heard, recorded.wires);
  const kept = withoutReplugged(recorded.wires, discovered.wires, hosts, heard);
  return {
    ...discovered,
    wires: [...kept.wires, ...discovered.wires],
    warnings: [...recorded.warnings, ...kept.warnings, ...discovered.warnings],
  };
}

function checkDeclared(declared: readonly CableConfig[], heard: readonly Sighting[]): Cabling {
  const wires = declared.map(({ from, to, ...addressing }): Wire => {
    return { ends: [from, to], evidence: "declared", ...addressing };
  });
  const far = farEnds(wires);
  const sharers = linkSharers(wires);
  const declarations = new Map(
    wires.flatMap((wire, index) =>
      portsOf(wire).map((end) => [
        portKey(end),
        `spark-mesh:cables[${index}] declares ${wireName(wire.ends)}; correct the declaration, or move the plug`,
      ]),
    ),
  );
  const faults = heard.flatMap((sighting): HostLine[] => {
    const { host, netdev } = sighting;
    const key = portKey({ host, port: netdev.port });
    const wanted = far.get(key);
    if (!wanted || fitsLink(sighting, wanted, sharers.get(key) ?? new Set())) return [];
    return [{ host, line: `${host}: ${netdev.name} sees ${nameHeard(sighting)}, but ${declarations.get(key)}` }];
  });
  return { wires, faults, strangers: [], warnings: [], unseen: new Map(), sights: new Map() };
}
