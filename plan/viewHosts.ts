import type { ClusterConfig } from "../config/cluster";
import type { Probe } from "../facts/hostFacts";
import { trustWords } from "../facts/hostKeyFaults";
import type { RecordedMesh } from "../facts/record";
import { disputesOf, rememberedMesh } from "./remembered";
import { type HostLine, type HostView, loginFaults } from "./views";

const NOT_ASKED: Probe = { kind: "unreachable", reason: "not asked" };

interface Views {
  /** In rank order. */
  readonly hosts: readonly HostView[];
  /** The newest mesh that a reachable host remembers, committed before staged, under the present names. */
  readonly newest: RecordedMesh | undefined;
  readonly faults: readonly HostLine[];
  /** Of hosts that can't be asked and of which the others' records say different things. */
  readonly disputes: readonly HostLine[];
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
  const [records, armed] = [remembered("record"), remembered("armed")];
  const memories = records.length > 0 ? records : armed;
  const newest = rememberedMesh(memories);
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
  const silent = hosts.filter(({ kind }) => kind === "unreachable").map(({ config }) => config.name);
  return { hosts, newest, faults, disputes: disputesOf(memories, silent) };
}
