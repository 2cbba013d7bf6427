import type { CableEnd, PortRef } from "../config/cluster";
import type { HostRecord, RecordedMesh } from "../facts/record";
import { compareText, type HostLine, portKey } from "./views";

/** What one reachable host's record says. */
export interface Memory {
  /** Its present name. */
  readonly name: string;
  readonly memory: Pick<HostRecord, "host" | "transaction" | "mesh">;
}

type Cable = RecordedMesh["cables"][number];

/**
 * The mesh that the reachable hosts remember, under their present names: the newest record's, as far as it may speak. Each
 * host speaks for itself and for its own ends of cables; no record speaks for another host that can be asked, and where
 * nobody can be asked the newest is taken, and `disputesOf` says who contradicts it.
 */
export function rememberedMesh(memories: readonly Memory[]): RecordedMesh | undefined {
  const told = byAge(memories);
  const [newest] = told;
  if (!newest) return undefined;
  const hosts = newest.mesh.hosts.map(
    (host) =>
      hostIn(
        told.find(({ name }) => name === host.name),
        host.name,
      ) ?? host,
  );
  return { ...newest.mesh, cables: cablesOf(told), hosts };
}

/** For each host that can't be asked, a line where the records of two others say different things of it. */
export function disputesOf(memories: readonly Memory[], silent: readonly string[]): readonly HostLine[] {
  const [newest, ...others] = byAge(memories);
  if (!newest) return [];
  return silent.flatMap((host) => {
    const other = others.find((one) => claim(one, host) !== claim(newest, host));
    if (!other) return [];
    const line = `${host}: can't be asked, and the records of ${newest.name} and ${other.name} say different things of it; bring it up, which settles it, or look who changed /var/lib/spark-mesh/record.json there`;
    return [{ host, line }];
  });
}

/** Newest first. A host may have another name now than when it committed: each one's own record tells which. */
function byAge(memories: readonly Memory[]): readonly { readonly name: string; readonly mesh: RecordedMesh }[] {
  const names = new Map(memories.map(({ name, memory }) => [memory.host, name]));
  const present = (name: string) => names.get(name) ?? name;
  return [...memories]
    .sort((a, b) => compareText(b.memory.transaction, a.memory.transaction))
    .map(({ name, memory: { mesh } }) => ({
      name,
      mesh: {
        ...mesh,
        cables: mesh.cables.map(({ ends: [a, b], subnets }) => ({
          ends: [{ ...a, host: present(a.host) }, "switch" in b ? b : { ...b, host: present(b.host) }],
          subnets,
        })),
        hosts: mesh.hosts.map((host) => ({ ...host, name: present(host.name) })),
      },
    }));
}

function hostIn(told: { readonly mesh: RecordedMesh } | undefined, name: string) {
  return told?.mesh.hosts.find((host) => host.name === name);
}

/** What a record says of a host, as text. */
function claim(told: { readonly mesh: RecordedMesh }, host: string): string {
  return JSON.stringify([hostIn(told, host), told.mesh.cables.filter((cable) => hostsOf(cable).includes(host))]);
}

/** A cable is as the newest record of its own ends has it; two that want one port, as more of their ends have it. */
function cablesOf(told: ReturnType<typeof byAge>): RecordedMesh["cables"] {
  const known = new Map(told.flatMap(({ mesh }) => mesh.cables).map((cable) => [keyOf(cable), cable]));
  const accepted = [...known.entries()].flatMap(([key, cable]) => {
    const ends = told.filter(({ name }) => hostsOf(cable).includes(name));
    const speakers = ends.length > 0 ? ends : told;
    const has = ({ mesh }: (typeof told)[number]) => mesh.cables.some((one) => keyOf(one) === key);
    const [first] = speakers;
    return first && has(first) ? [{ cable, count: ends.filter(has).length }] : [];
  });
  const taken = new Set<string>();
  return accepted
    .sort((a, b) => b.count - a.count)
    .filter(({ cable }) => {
      const ports = portsIn(cable).map(portKey);
      if (ports.some((port) => taken.has(port))) return false;
      for (const port of ports) taken.add(port);
      return true;
    })
    .map(({ cable }) => cable);
}

function keyOf(cable: Cable): string {
  return cable.ends
    .map((end) => ("switch" in end ? end.switch : portKey(end)))
    .sort(compareText)
    .join(" ");
}

function portsIn({ ends }: Cable): readonly PortRef[] {
  return (ends as readonly CableEnd[]).filter((end): end is PortRef => "host" in end);
}

function hostsOf(cable: Cable): readonly string[] {
  return portsIn(cable).map(({ host }) => host);
}
