import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClusterConfig, HostConfig } from "../config/cluster";
import { Faults } from "../config/faults";
import { failureOf } from "./failure";
import type { HostFacts, Login, Probe } from "./hostFacts";
import { type LoginResult, resolveLogin } from "./login";
import { parseFirstPass, withSecondPass } from "./parse";
import { decideSecondPass, renderSecondPass } from "./secondPass";
import { openSession, type Session, SessionEnded } from "./session";

/** What came of asking every host that isn't abandoned, and how apply logs in to those that it can log in to. */
interface GatheredFacts {
  /** In rank order. */
  readonly probes: Map<string, Probe>;
  /** No entry where no host key is known. An `address` is still a name where the name led to none. */
  readonly logins: Map<string, Login>;
}

/** Comments are for readers of the file: bash reads a pipe byte by byte. */
const script = readFileSync(join(__dirname, "../scripts/facts.sh"), "utf8").replace(/^\s*#.*\n/gm, "");

/** The other hosts' management addresses, as far as a route can be asked for. */
function peersOf(name: string, logins: ReadonlyMap<string, Login>): string[] {
  const own = logins.get(name)?.address;
  return [...logins.values()]
    .filter(({ address, jump }) => !jump && isIPv4(address) && !address.startsWith("127.") && address !== own)
    .map(({ address }) => address);
}

/** A host that was asked, or can't be. */
interface AskedHost {
  readonly name: string;
  /** Its probe; lines of faults instead where it can't be worked with. */
  readonly probe: Promise<Probe | readonly string[]>;
}

/** Starts the host's one session and sends the first question down it. */
async function askHost(
  host: HostConfig,
  resolved: Exclude<LoginResult, { kind: "faults" }>,
  peers: readonly string[],
  cluster: ClusterConfig,
  folder: string,
): Promise<AskedHost> {
  const { name } = host;
  if (resolved.kind === "hostKeyUnknown") return { name, probe: Promise.resolve(resolved) };
  const { login, identityFile, nameFault } = resolved;
  if (nameFault !== undefined) return { name, probe: Promise.resolve({ kind: "unreachable", reason: nameFault }) };
  const session = await openSession({ name, login, ...(identityFile !== undefined && { identityFile }) }, folder);
  const line = session.ask(`${script}\n${["first_pass", ...peers, "end\n"].join("\n")}`);
  return { name, probe: probeOf(host, login, session, line, cluster).finally(() => session.close()) };
}

async function probeOf(
  host: HostConfig,
  login: Login,
  session: Session,
  line: Promise<string>,
  cluster: ClusterConfig,
): Promise<Probe | readonly string[]> {
  try {
    return { kind: "facts", facts: await factsOf(host, session, await line, cluster) };
  } catch (error) {
    if (error instanceof Faults) return error.lines;
    if (!(error instanceof SessionEnded)) throw error;
    const failure = failureOf(error, login);
    return typeof failure === "string" ? [`${host.name}: ${failure}`] : failure;
  }
}

/** A host's facts, from its answer and what that makes worth a second question. @throws Faults or SessionEnded */
async function factsOf(host: HostConfig, session: Session, line: string, cluster: ClusterConfig): Promise<HostFacts> {
  const first = parseFirstPass(host.name, line);
  const facts = withConfigured(host, first.facts);
  const second = decideSecondPass(first, cluster.cables !== undefined, cluster.abandon);
  if (second === undefined) return facts;
  const more = await session.ask(renderSecondPass(second, host));
  return withSecondPass(host.name, facts, second.multicast.length > 0, more);
}

/** A configured management netdev wins over the routed one, and must be there. */
function withConfigured(host: HostConfig, facts: HostFacts): HostFacts {
  const wanted = host.managementInterface;
  if (wanted === undefined) return facts;
  const names = [...facts.otherNetdevs, ...facts.cx7].map(({ name }) => name);
  if (!names.includes(wanted)) {
    throw new Faults("the hosts", [
      `${host.name}: managementInterface: no netdev ${wanted}; there are ${names.join(", ")}`,
    ]);
  }
  return { ...facts, managementInterface: wanted };
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
 * @throws Faults with every login that apply can't do, before any host is contacted.
 */
export async function askHosts(cluster: ClusterConfig): Promise<AskedHosts> {
  const hosts = cluster.hosts.filter(({ name }) => !cluster.abandon.includes(name));
  const results = await Promise.all(hosts.map(async (host) => ({ host, result: await resolveLogin(host) })));
  const loginFaults: string[] = [];
  const resolved: { host: HostConfig; result: Exclude<LoginResult, { kind: "faults" }> }[] = [];
  const logins = new Map<string, Login>();
  for (const { host, result } of results) {
    if (result.kind === "faults") loginFaults.push(...result.lines.map((line) => `${host.name}: ${line}`));
    else resolved.push({ host, result });
    if (result.kind === "login") logins.set(host.name, result.login);
  }
  if (loginFaults.length > 0) throw new Faults("the hosts", loginFaults);

  const folder = await mkdtemp(join(tmpdir(), "spark-mesh-"));
  const asked = await Promise.all(
    resolved.map(({ host, result }) => askHost(host, result, peersOf(host.name, logins), cluster, folder)),
  );
  const probes = probesOf(asked).finally(() => rm(folder, { recursive: true, force: true }));
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
export async function gatherFacts(cluster: ClusterConfig): Promise<GatheredFacts> {
  return (await askHosts(cluster)).answers();
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
