import type { ClusterConfig, HostConfig, PortRef } from "../config/cluster";
import type { HostFacts, Probe } from "../facts/hostFacts";
import { changedHostKey, trustWords, unknownHostKey } from "../facts/hostKeyFaults";
import type { HostRecord, RecordedMesh } from "../facts/record";

/** One line of a message, and the host that it starts with; "" where it is about the whole cluster. */
export interface HostLine {
  readonly host: string;
  readonly line: string;
}

type RecordedHost = RecordedMesh["hosts"][number];

interface View {
  readonly config: HostConfig;
  /** This host in the newest recorded mesh, under its present name. */
  readonly recorded: RecordedHost | undefined;
}

/** A host that answered. */
export interface ReachedHost extends View {
  readonly kind: "reached";
  readonly facts: HostFacts;
}

/** What the plan may know of one host. `refused`: it answered, but let us not in; that is a fault already. */
export type HostView =
  | ReachedHost
  | (View & { readonly kind: "unreachable"; readonly reason: string })
  | (View & { readonly kind: "refused" })
  | (View & { readonly kind: "abandoned" });

interface Views {
  /** In rank order. */
  readonly hosts: readonly HostView[];
  /** The newest mesh that a reachable host remembers, committed before staged, under the present names. */
  readonly newest: RecordedMesh | undefined;
  readonly faults: readonly HostLine[];
}

/** Every host of the config beside what came of asking it; logins that failed for good are faults. */
export function viewHosts(cluster: ClusterConfig, probes: ReadonlyMap<string, Probe>): Views {
  const abandoned = new Set(cluster.abandon);
  const asked = cluster.hosts.map((config) => ({
    config,
    probe: abandoned.has(config.name) ? undefined : (probes.get(config.name) ?? NOT_ASKED),
  }));
  const remembered = (what: "record" | "armed") =>
    asked.flatMap(({ config, probe }) => {
      const memory = probe?.kind === "facts" ? probe.facts[what] : undefined;
      return memory ? [{ name: config.name, memory }] : [];
    });
  const newest = newestMesh(remembered("record")) ?? newestMesh(remembered("armed"));
  const hosts = asked.map(({ config, probe }): HostView => {
    const view = { config, recorded: newest?.hosts.find(({ name }) => name === config.name) };
    if (!probe) return { ...view, kind: "abandoned" };
    if (probe.kind === "facts") return { ...view, kind: "reached", facts: probe.facts };
    if (probe.kind === "unreachable") return { ...view, kind: "unreachable", reason: probe.reason };
    return { ...view, kind: "refused" };
  });
  const faults = asked.flatMap(({ config, probe }) =>
    probe ? loginFaults(config.name, probe, trustWords(config, cluster.stack)) : [],
  );
  return { hosts, newest, faults };
}

export function isReached(view: HostView): view is ReachedHost {
  return view.kind === "reached";
}

/** The order of addresses, whatever the order of ranks. */
export function byNumber(hosts: readonly HostView[]): readonly HostView[] {
  return [...hosts].sort((a, b) => a.config.number - b.config.number);
}

/** `spark-1/0`, the config's own way to write a port. */
export function portKey({ host, port }: PortRef): string {
  return `${host}/${port}`;
}

const NOT_ASKED: Probe = { kind: "unreachable", reason: "not asked" };

/**
 * Why a host can't be worked with, though something answers in its place.
 *
 * @param words what `spark-mesh trust` is told to find the host.
 */
export function loginFaults(host: string, probe: Probe, words: string): readonly HostLine[] {
  switch (probe.kind) {
    case "denied":
      return [{ host, line: `${host}: login denied (${probe.reason}); check its user and key under spark-mesh:ssh` }];
    case "hostKeyMismatch": {
      const { offered, pinned, jumpName } = probe;
      const who = jumpName === undefined ? host : `${host}: jump host ${jumpName}`;
      return [{ host, line: `${who}: ${changedHostKey(offered, pinned, jumpName ?? words)}` }];
    }
    case "hostKeyUnknown":
      return [{ host, line: `${host}: ${unknownHostKey(probe.name, probe.otherTypes, words)}` }];
    default:
      return [];
  }
}

/** A host may have another name now than when it committed: each one's own record tells which. */
function newestMesh(
  memories: readonly { readonly name: string; readonly memory: Pick<HostRecord, "host" | "transaction" | "mesh"> }[],
): RecordedMesh | undefined {
  const [newest] = [...memories].sort((a, b) => compareText(b.memory.transaction, a.memory.transaction));
  if (!newest) return undefined;
  const names = new Map(memories.map(({ name, memory }) => [memory.host, name]));
  const present = (name: string) => names.get(name) ?? name;
  const { mesh } = newest.memory;
  return {
    ...mesh,
    cables: mesh.cables.map(({ ends: [a, b], subnets }) => ({
      ends: [{ ...a, host: present(a.host) }, "switch" in b ? b : { ...b, host: present(b.host) }],
      subnets,
    })),
    hosts: mesh.hosts.map((host) => ({ ...host, name: present(host.name) })),
  };
}

/** Order by code unit: the same on every control machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A host's words without what would move a terminal's cursor or turn its text about. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "?");
}

/** Lines of a message: what is about the whole mesh first, then by rank, and within a host in the order found. */
export function inOrder(hosts: readonly HostView[], lines: readonly HostLine[]): readonly string[] {
  return ["", ...hosts.map(({ config }) => config.name)].flatMap((name) =>
    lines.filter(({ host }) => host === name).map(({ line }) => printable(line)),
  );
}
