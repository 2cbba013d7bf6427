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
import { SessionEnded, withSession } from "./session";

/** What came of asking every host that isn't abandoned, and how apply logs in to those that it can log in to. */
interface GatheredFacts {
  /** In rank order. */
  readonly probes: Map<string, Probe>;
  /** No entry where no host key is known. An `address` is still a name where the name led to none. */
  readonly logins: Map<string, Login>;
}

type ResolvedLogin = Extract<LoginResult, { kind: "login" }>;

/** Comments are for readers of the file: bash reads a pipe byte by byte. */
const script = readFileSync(join(__dirname, "../scripts/facts.sh"), "utf8").replace(/^\s*#.*\n/gm, "");

/** The other hosts' management addresses, as far as a route can be asked for. */
function peersOf(name: string, logins: ReadonlyMap<string, Login>): string[] {
  const own = logins.get(name)?.address;
  return [...logins.values()]
    .filter(({ address, jump }) => !jump && isIPv4(address) && !address.startsWith("127.") && address !== own)
    .map(({ address }) => address);
}

/** A host's facts, one session. @throws Faults that name the host, or SessionEnded */
async function askHost(
  host: HostConfig,
  resolved: ResolvedLogin,
  peers: readonly string[],
  cluster: ClusterConfig,
  folder: string,
) {
  const { login, identityFile } = resolved;
  const target = { name: host.name, login, ...(identityFile !== undefined && { identityFile }) };
  return withSession(target, folder, async (session): Promise<HostFacts> => {
    const line = await session.ask(`${script}\n${["first_pass", ...peers, "end\n"].join("\n")}`);
    const first = parseFirstPass(host.name, line);
    const facts = withConfigured(host, first.facts);
    const second = decideSecondPass(first, cluster.cables !== undefined, cluster.abandon);
    if (second === undefined) return facts;
    const more = await session.ask(renderSecondPass(second, host));
    return withSecondPass(host.name, facts, second.multicast.length > 0, more);
  });
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

/** The probe of a host; lines of faults instead where it answered and can't be worked with. */
async function probe(
  host: HostConfig,
  resolved: LoginResult,
  peers: readonly string[],
  cluster: ClusterConfig,
  folder: string,
): Promise<Probe | readonly string[]> {
  if (resolved.kind === "faults") return resolved.lines;
  if (resolved.kind === "hostKeyUnknown") return resolved;
  if (resolved.nameFault !== undefined) return { kind: "unreachable", reason: resolved.nameFault };
  try {
    return { kind: "facts", facts: await askHost(host, resolved, peers, cluster, folder) };
  } catch (error) {
    if (error instanceof Faults) return error.lines;
    if (!(error instanceof SessionEnded)) throw error;
    const failure = failureOf(error, resolved.login);
    return typeof failure === "string" ? [`${host.name}: ${failure}`] : failure;
  }
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

/**
 * Asks every host what it is right now: all at once, one SSH session each, reading only. Abandoned hosts are left
 * alone. Takes a second in the worst case of healthy hosts, and as long as a silent host is waited for otherwise.
 *
 * @throws Faults with everything that no plan can be made of: logins that apply can't do (found before any host is
 *   contacted), and answers that are no facts. An unreachable host is none: it is a probe.
 */
export async function gatherFacts(cluster: ClusterConfig): Promise<GatheredFacts> {
  const hosts = cluster.hosts.filter(({ name }) => !cluster.abandon.includes(name));
  const resolved = await Promise.all(hosts.map(async (host) => ({ host, result: await resolveLogin(host) })));
  const loginFaults = resolved.flatMap(({ host, result }) =>
    result.kind === "faults" ? result.lines.map((line) => `${host.name}: ${line}`) : [],
  );
  if (loginFaults.length > 0) throw new Faults("the hosts", loginFaults);
  const logins = new Map<string, Login>();
  for (const { host, result } of resolved) if (result.kind === "login") logins.set(host.name, result.login);

  const folder = await mkdtemp(join(tmpdir(), "spark-mesh-"));
  try {
    const found = await Promise.all(
      resolved.map(({ host, result }) => probe(host, result, peersOf(host.name, logins), cluster, folder)),
    );
    const faults = found.flatMap((each) => ("kind" in each ? [] : each));
    const probes = new Map<string, Probe>();
    found.forEach((each, index) => {
      const name = hosts[index]?.name;
      if (name !== undefined && "kind" in each) probes.set(name, each);
    });
    faults.push(...sameMachine(probes));
    if (faults.length > 0) throw new Faults("the hosts", faults);
    return { probes, logins };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
