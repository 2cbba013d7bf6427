import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClusterConfig, HostConfig } from "../../config/cluster";
import { parseClusterConfig } from "../../config/load";
import { gatherFacts } from "../../facts/gather";
import { resolveLogin } from "../../facts/login";
import { parseFirstPass } from "../../facts/parse";
import { factsScript } from "../../facts/script";
import { decideSecondPass, renderSecondPass } from "../../facts/secondPass";
import { openSession } from "../../facts/session";
import { surveyMesh } from "../../plan/survey";
import { Lab } from "../hosts/lab";
import { must } from "../hosts/process";
import { checkout } from "../project";
import { inTurns, median, milliseconds, ratio, seconds } from "./measure";
import { allConfig } from "./playedHosts";

const RUNS = 7;
const NAME = "bench";

/**
 * Discovery of three fresh virtual Sparks, by the side of the longest single probe in it: one host's second pass, which
 * waits for multicast pings. Discovery changes nothing, so the hosts are fresh every time.
 */
export async function benchDiscovery(): Promise<void> {
  console.log(`discovery of three fresh virtual Sparks in a ring; medians of ${RUNS} runs in turns`);
  const lab = await Lab.up({ name: NAME, fresh: true, stackFile: false });
  const folder = mkdtempSync(join(tmpdir(), "spark-mesh-bench-"));
  try {
    const config = allConfig({
      hosts: lab.hosts.map(({ name, address, hostKey, user }) => ({ name, address, hostKey, user })),
      ssh: { auth: "key", identityFile: lab.hosts[0]?.identityFile },
    });
    const passwords = lab.hosts.flatMap(({ name, sudoPassword }) => (sudoPassword ? [[name, sudoPassword]] : []));
    const secrets = allConfig({ sudoPasswords: Object.fromEntries(passwords) });
    const cluster = parseClusterConfig({ ...config, ...secrets }, "/nobody", Object.keys(secrets));
    writeStackFile(folder, config);
    const longest: number[] = [];
    const [discovery, , command] = await inTurns(
      RUNS,
      async () => surveyMesh(cluster, (await gatherFacts(cluster)).probes),
      async () => longest.push(await longestSecondPass(cluster, folder)),
      () => must(["env", "--chdir", folder, ...DISCOVER]),
    );
    console.log(`discovery / the longest single probe in it: ${ratio(discovery, median(longest.slice(1)))}`);
    console.log(`\`spark-mesh discover\`: ${seconds(command)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await Lab.down(NAME);
  }
}

const DISCOVER = [process.execPath, join(checkout, "bin/spark-mesh.cjs"), "discover", "--stack", NAME];

/** The stack file of the command; passwords would have to be encrypted there, and discovery does without. */
function writeStackFile(folder: string, config: Readonly<Record<string, string>>): void {
  const values = Object.fromEntries(Object.entries(config).map(([key, text]) => [key, JSON.parse(text)]));
  writeFileSync(join(folder, `Pulumi.${NAME}.yaml`), JSON.stringify({ config: values }));
}

/** Milliseconds of the host that took longest for its second pass, all of them asked at once. */
async function longestSecondPass(cluster: ClusterConfig, folder: string): Promise<number> {
  return Math.max(...(await Promise.all(cluster.hosts.map((host) => secondPassOf(host, cluster, folder)))));
}

/** Milliseconds of a host's second pass, on a session that is open already. */
async function secondPassOf(host: HostConfig, cluster: ClusterConfig, folder: string): Promise<number> {
  const resolved = await resolveLogin(host);
  if (resolved.kind !== "login") throw new Error(`${host.name}: no login: ${JSON.stringify(resolved)}`);
  const { login, identityFile } = resolved;
  const session = await openSession({ name: host.name, login, ...(identityFile && { identityFile }) }, folder);
  try {
    const first = parseFirstPass(host.name, await session.ask(`${factsScript}\nfirst_pass\nend\n`));
    const pass = decideSecondPass(first, cluster, host.name);
    if (!pass?.multicast.length) throw new Error(`${host.name}: found nothing to discover, wanted a fresh host`);
    return await milliseconds(() => session.ask(renderSecondPass(pass, host)));
  } finally {
    session.close();
  }
}
