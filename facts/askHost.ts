import { isIPv4 } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterConfig, HostConfig } from "../config/cluster";
import { Faults } from "../config/faults";
import { type DockerFacts, type DockerQuestion, readDockerFacts, renderDockerQuestion } from "./docker";
import { failureOf } from "./failure";
import type { HostFacts, Login, Probe } from "./hostFacts";
import type { LoginResult } from "./login";
import { type FirstPass, parseFirstPass, withPeers, withSecondPass } from "./parse";
import { hasCx7Addresses, peerLooks } from "./peers";
import { dockerScript, factsScript } from "./script";
import { decideSecondPass, renderSecondPass } from "./secondPass";
import { openSession, type Session, SessionEnded } from "./session";
import { connectSeconds } from "./sshArguments";

/** How long Docker may take to answer after everything else is answered, in seconds; a completion has 20 of them. */
const dockerSeconds = 25;

/** How a host is logged in to, or that its key is unknown. */
export type ResolvedLogin = Exclude<LoginResult, { kind: "faults" }>;

/** The other hosts' management addresses, as far as a route can be asked for. */
function peersOf(name: string, logins: ReadonlyMap<string, Login>): string[] {
  const own = logins.get(name)?.address;
  return [...logins.values()]
    .filter(({ address, jump }) => !jump && isIPv4(address) && !address.startsWith("127.") && address !== own)
    .map(({ address }) => address);
}

/** A host that was asked, or can't be. */
export interface AskedHost {
  readonly name: string;
  /** What its first pass comes to; undefined where it comes to nothing. */
  readonly first: Promise<HostFacts | undefined>;
  /** Its probe; lines of faults instead where it can't be worked with. */
  readonly probe: Promise<Probe | readonly string[]>;
}

/** What the hosts that are asked together share. */
export interface Round {
  readonly cluster: ClusterConfig;
  readonly logins: ReadonlyMap<string, Login>;
  /** The first passes of all hosts that came to something, once that is known. */
  readonly firsts: () => Promise<ReadonlyMap<string, HostFacts>>;
  /** What each host is asked about Docker; undefined: nothing. */
  readonly dockerQuestion: (host: string) => DockerQuestion | undefined;
}

/** A host whose one session is open, though nobody may have been let in yet; or one that can't be asked, and why. */
export type ReachedHost = { readonly host: HostConfig } & (
  | { readonly session: Session; readonly login: Login; readonly jumpName: string | undefined }
  | { readonly probe: Probe }
);

/** Starts the host's one session. @param folder of this run's own, for the pins */
export async function reachHost(host: HostConfig, resolved: ResolvedLogin, folder: string): Promise<ReachedHost> {
  if (resolved.kind === "hostKeyUnknown") return { host, probe: resolved };
  const { login, identityFile, nameFault, jumpName } = resolved;
  if (nameFault !== undefined) return { host, probe: { kind: "unreachable", reason: nameFault } };
  const target = { name: host.name, login, ...(identityFile !== undefined && { identityFile }) };
  return { host, session: await openSession(target, folder), login, jumpName };
}

/** Sends the first question down a host's session. */
export function askHost(reached: ReachedHost, round: Round): AskedHost {
  const { host } = reached;
  const { name } = host;
  if ("probe" in reached) {
    return { name, first: Promise.resolve(undefined), probe: Promise.resolve(reached.probe) };
  }
  const { session } = reached;
  const docker = round.dockerQuestion(name);
  // Docker takes its time: its answers are got ready while the others are given.
  const begin = docker ? `${dockerScript()}\n${renderDockerQuestion(docker)}` : "";
  const question = ["first_pass", ...peersOf(name, round.logins), "end\n"].join("\n");
  const first = session.ask(`${factsScript}\n${begin}${question}`).then((line) => firstPassOf(host, line));
  return {
    name,
    first: first.then(
      ({ facts }) => facts,
      () => undefined,
    ),
    probe: probeOf(host, reached, first, round).finally(() => session.close()),
  };
}

async function probeOf(
  host: HostConfig,
  { session, login, jumpName }: Extract<ReachedHost, { readonly session: Session }>,
  first: Promise<FirstPass>,
  round: Round,
): Promise<Probe | readonly string[]> {
  try {
    const facts = await secondPassOf(host, session, await first, round.cluster);
    const known = await peersPassOf(host, session, facts, round);
    if (!round.dockerQuestion(host.name)) return { kind: "facts", facts: known };
    return { kind: "facts", facts: { ...known, docker: await dockerPassOf(host, session) } };
  } catch (error) {
    if (error instanceof Faults) return error.lines;
    if (!(error instanceof SessionEnded)) throw error;
    const failure = failureOf(error, login, jumpName);
    return typeof failure === "string" ? [`${host.name}: ${failure}`] : failure;
  }
}

/** @throws Faults that name the host */
function firstPassOf(host: HostConfig, line: string): FirstPass {
  const first = parseFirstPass(host.name, line);
  return { ...first, facts: withConfigured(host, first.facts) };
}

/** A host's facts, from its answer and what that makes worth a second question. @throws Faults or SessionEnded */
async function secondPassOf(
  host: HostConfig,
  session: Session,
  first: FirstPass,
  cluster: ClusterConfig,
): Promise<HostFacts> {
  const second = decideSecondPass(first, cluster, host.name);
  if (second === undefined) return first.facts;
  const more = await session.ask(renderSecondPass(second, host));
  return withSecondPass(host.name, first.facts, second.multicast.length > 0, more);
}

/**
 * A host's facts with the peers that answer on its links to the addresses that their own first passes told. Only a host
 * with such addresses waits for those passes, and when its own second is over: no run takes longer for it.
 *
 * @throws Faults or SessionEnded
 */
async function peersPassOf(host: HostConfig, session: Session, facts: HostFacts, round: Round): Promise<HostFacts> {
  if (!hasCx7Addresses(facts)) return facts;
  const firsts = await round.firsts();
  const peers = [...firsts].filter(([name]) => name !== host.name).map(([, peer]) => peer);
  const looks = peerLooks(facts, peers);
  if (looks.length === 0) return facts;
  const more = await session.ask(renderSecondPass({ sudo: false, pings: [], looks, others: [], multicast: [] }, host));
  return withPeers(host.name, facts, more);
}

/** @throws Faults that name the host, also where Docker hangs; or SessionEnded */
async function dockerPassOf({ name }: HostConfig, session: Session): Promise<DockerFacts> {
  const silent = sleep(dockerSeconds * 1000, undefined, { ref: false }).then(() => {
    throw new Faults("the hosts", [
      `${name}: Docker: no answer within ${dockerSeconds} s; look at \`systemctl status docker\` there, and restart it if it hangs`,
    ]);
  });
  return readDockerFacts(name, await Promise.race([session.ask("docker_pass\n"), silent]), Date.now() / 1000);
}

/** The first passes that are in when all are, or have had as long as a connection may take. */
export async function firstsOf(asked: readonly AskedHost[]): Promise<ReadonlyMap<string, HostFacts>> {
  const firsts = new Map<string, HostFacts>();
  const all = asked.map(async ({ name, first }) => {
    const facts = await first;
    if (facts) firsts.set(name, facts);
  });
  await Promise.race([Promise.all(all), sleep(connectSeconds * 1000, undefined, { ref: false })]);
  return firsts;
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
