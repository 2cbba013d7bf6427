import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClusterConfig, HostConfig } from "../config/cluster";
import { Faults } from "../config/faults";
import { type AskedHost, askHost, firstsOf, type ResolvedLogin, type Round, reachHost } from "./askHost";
import type { Login, Probe } from "./hostFacts";
import { resolveLogin } from "./login";

/**
 * What came of asking every host that isn't abandoned, and how apply logs in to those that it can log in to. Plain data,
 * which passes from one thread to another.
 */
export interface GatheredFacts {
  /** In rank order. */
  readonly probes: Map<string, Probe>;
  /** No entry where no host key is known. An `address` is still a name where the name led to none. */
  readonly logins: Map<string, Login>;
}

/** A line for every host that turns out to be another one: a MAC is only one machine's. */
function sameMachine(probes: ReadonlyMap<string, Probe>): string[] {
  const ownerOf = new Map<string, string>();
  const lines: string[] = [];
  for (const [host, found] of probes) {
    if (found.kind !== "facts") continue;
    const twin = found.facts.cx7.find(({ mac }) => ownerOf.has(mac));
    if (twin) {
      const owner = ownerOf.get(twin.mac) ?? "";
      lines.push(
        `${host}: is the same machine as ${owner} (both have ${twin.name} with MAC ${twin.mac}); give it its own address`,
      );
    }
    for (const { mac } of found.facts.cx7) ownerOf.set(mac, host);
  }
  return lines;
}

/** Hosts that are finding out what they are. */
export interface AskedHosts {
  /**
   * What they said.
   *
   * @throws Faults with every answer that is no facts. An unreachable host is none: it is a probe.
   */
  answers(): Promise<GatheredFacts>;
}

/**
 * Asks every host what it is right now: all at once, one SSH session each, reading only. Abandoned hosts are left
 * alone. Returns once the question is on its way, so that a caller has something else done meanwhile.
 *
 * @param decideQuestion finds out what each host is asked about Docker besides, while the sessions are being opened;
 * undefined: nothing. Where it throws, no host is asked.
 * @throws Faults with every login that apply can't do, before any host is contacted; or what decideQuestion throws.
 */
export async function askHosts(
  cluster: ClusterConfig,
  decideQuestion: () => Promise<Round["dockerQuestion"]> = async () => () => undefined,
): Promise<AskedHosts> {
  const hosts = cluster.hosts.filter(({ name }) => !cluster.abandon.includes(name));
  const results = await Promise.all(hosts.map(async (host) => ({ host, result: await resolveLogin(host) })));
  const loginFaults: string[] = [];
  const resolved: { host: HostConfig; result: ResolvedLogin }[] = [];
  const logins = new Map<string, Login>();
  for (const { host, result } of results) {
    if (result.kind === "faults") loginFaults.push(...result.lines.map((line) => `${host.name}: ${line}`));
    else resolved.push({ host, result });
    if (result.kind === "login") logins.set(host.name, result.login);
  }
  if (loginFaults.length > 0) throw new Faults("the hosts", loginFaults);

  const folder = await mkdtemp(join(tmpdir(), "spark-mesh-"));
  const reached = await Promise.all(resolved.map(({ host, result }) => reachHost(host, result, folder)));
  const leave = () => rm(folder, { recursive: true, force: true });
  const dockerQuestion = await decideQuestion().catch(async (error: unknown) => {
    for (const one of reached) if ("session" in one) one.session.close();
    await leave();
    throw error;
  });
  // A host wants the others' first passes when it has given its own, and then all have been asked.
  const round: Round = { cluster, logins, firsts: () => firstsOf(asked), dockerQuestion };
  const asked = reached.map((one) => askHost(one, round));
  const probes = probesOf(asked).finally(leave);
  // Whoever asks for the answers hears of a failure; until then it is no unhandled rejection.
  probes.catch(() => undefined);
  return { answers: async () => ({ probes: await probes, logins }) };
}

/**
 * What every host is right now, and how it is reached. Takes a second in the worst case of healthy hosts, and as long
 * as a silent host is waited for otherwise.
 *
 * @throws Faults as `askHosts` and its answers do.
 */
export async function gatherFacts(
  cluster: ClusterConfig,
  dockerQuestion: Round["dockerQuestion"] = () => undefined,
): Promise<GatheredFacts> {
  return (await askHosts(cluster, async () => dockerQuestion)).answers();
}

/** The probes of all hosts, in rank order. @throws Faults of all hosts together */
async function probesOf(asked: readonly AskedHost[]): Promise<Map<string, Probe>> {
  const probes = new Map<string, Probe>();
  const faults: string[] = [];
  for (const { name, probe } of await Promise.all(
    asked.map(async ({ name, probe }) => ({ name, probe: await probe })),
  )) {
    if ("kind" in probe) probes.set(name, probe);
    else faults.push(...probe);
  }
  faults.push(...sameMachine(probes));
  if (faults.length > 0) throw new Faults("the hosts", faults);
  return probes;
}
