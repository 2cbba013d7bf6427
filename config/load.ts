import { judgeCables, unknownHost } from "./cables";
import type { ClusterConfig, DeploymentConfig } from "./cluster";
import { judgeEnvironment } from "./environment";
import { Faults } from "./faults";
import { judgeHosts, namesOf } from "./hosts";
import { judge, shown, unknownKey } from "./judge";
import { judgeNetwork } from "./network";
import * as schema from "./schema";

const namespace = "spark-mesh:";

/** A value of allConfig(): JSON text for lists and objects; any other text stays a text, to be shown as found. */
function decoded(value: string | undefined): unknown {
  if (value === undefined) return undefined;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** How a value is set that `pulumi config set` can't take as one text. */
function howToSet(value: unknown, path: string): string {
  return typeof value === "string"
    ? `; write it into Pulumi.<stack>.yaml, or piece by piece: pulumi config set --path 'spark-mesh:${path}' VALUE`
    : "";
}

/** The entries of a list; undefined after a problem where it is none. */
function listOf(faults: string[], value: unknown, path: string, first: string): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  faults.push(`${path}: found ${shown(value)}; allowed: a list of ${path}${howToSet(value, `${path}[0].${first}`)}`);
  return undefined;
}

/** A value that is to be an object, none by default; undefined after a problem where it is a text. */
function objectOf(faults: string[], value: unknown, path: string, keys: readonly string[]): unknown {
  if (typeof value !== "string") return value;
  faults.push(
    `${path}: found ${shown(value)}; allowed: ${keys.join(", ")}${howToSet(value, `${path}.${keys[0] ?? ""}`)}`,
  );
  return undefined;
}

/** A problem's line about a key of our namespace that is none. */
function unknownTopLevelKey(name: string): string {
  const [, above = ""] = /^([A-Za-z]+)[.[][\w.[\]"-]*$/.exec(name) ?? [];
  if (!schema.topLevelKeys.includes(above)) return unknownKey("", name, schema.topLevelKeys);
  return (
    `${name}: found a path as a key; set it with --path: pulumi config set --path 'spark-mesh:${name}' VALUE, and take ` +
    `this one away: pulumi config rm 'spark-mesh:${name}'`
  );
}

/** Every name in `names` must be a host's, and none may come twice. */
function judgeNames(faults: string[], names: readonly string[], path: string, hosts: readonly string[]): void {
  names.forEach((name, index) => {
    const first = names.indexOf(name);
    if (first < index) faults.push(`${path}[${index}]: ${name} is already in ${path}[${first}]`);
    else if (!hosts.includes(name)) faults.push(unknownHost(`${path}[${index}]`, name, hosts));
  });
}

function judgeDeployments(faults: string[], list: readonly unknown[], hosts: readonly string[]): DeploymentConfig[] {
  const deployments: DeploymentConfig[] = [];
  const pathOf = new Map<string, string>();
  list.forEach((entry, index) => {
    const path = `deployments[${index}]`;
    const keys = Object.keys(schema.deployment.shape);
    const deployment = judge(faults, schema.deployment, entry, path, { keys });
    if (deployment === undefined) return;
    const { name, hosts: chosen, mods, build } = deployment;
    const env = deployment.env === undefined ? undefined : judgeEnvironment(faults, deployment.env, `${path}.env`);
    const args = deployment.args?.map(String);
    if (args?.[0] !== undefined && !/^-/.test(args[0])) {
      faults.push(`${path}.args[0]: found ${shown(args[0])}; allowed: a flag first, e.g. --max-num-seqs`);
    }
    const other = pathOf.get(name);
    if (other !== undefined) {
      faults.push(`${path}.name: ${name} is already used by ${other}; every deployment needs its own`);
    }
    pathOf.set(name, other ?? path);
    if (chosen) judgeNames(faults, chosen, `${path}.hosts`, hosts);
    const { recipe, overrides, readySeconds, fabricEnv } = deployment;
    deployments.push({
      name,
      recipe,
      overrides,
      readySeconds,
      ...(chosen && { hosts: chosen }),
      ...(mods !== undefined && { mods }),
      ...(build !== undefined && { build }),
      ...(fabricEnv && { fabricEnv }),
      ...(args && { args }),
      ...(env && { env }),
    });
  });
  return deployments;
}

/** A deployment that chooses a host that is gone. */
function judgeAbandoned(faults: string[], deployments: readonly DeploymentConfig[], abandon: readonly string[]): void {
  deployments.forEach(({ hosts = [] }, index) => {
    hosts.forEach((host, at) => {
      const path = `deployments[${index}].hosts[${at}]`;
      if (abandon.includes(host)) faults.push(`${path}: ${host} is in abandon; choose other hosts`);
    });
  });
}

/** The sudo password of each host that has one: its own from `sudoPasswords`, else the common one. */
function judgeSudo(
  faults: string[],
  common: string | undefined,
  own: unknown,
  hosts: readonly string[],
): (host: string) => string | undefined {
  const secret = { secret: true };
  const forAll = common === undefined ? undefined : judge(faults, schema.sudoPassword, common, "sudoPassword", secret);
  const perHost = own === undefined ? {} : (judge(faults, schema.sudoPasswords, own, "sudoPasswords", secret) ?? {});
  for (const name of Object.keys(perHost)) {
    if (!hosts.includes(name)) faults.push(unknownHost(`sudoPasswords.${shown(name).slice(1, -1)}`, name, hosts));
  }
  return (host) => (Object.hasOwn(perHost, host) ? perHost[host] : forAll);
}

/**
 * The stack config as plain, judged data.
 *
 * @param raw What `pulumi.runtime.allConfig()` returns; only `spark-mesh:` keys are looked at.
 * @param home The user's home directory, which `~` stands for.
 * @param secretKeys The keys whose values are encrypted in the stack's file; a password beside them is a fault.
 * @throws Faults with everything that is wrong, path first; secrets are never shown.
 */
export function parseClusterConfig(
  raw: Readonly<Record<string, string>>,
  home: string,
  secretKeys: readonly string[],
): ClusterConfig {
  const faults: string[] = [];
  const values = new Map<string, string>();
  for (const [key, value] of Object.entries(raw)) {
    if (!key.startsWith(namespace)) continue;
    const name = key.slice(namespace.length);
    if (schema.topLevelKeys.includes(name)) values.set(name, value);
    else faults.push(unknownTopLevelKey(name));
  }
  const value = (key: string) => decoded(values.get(key));
  const object = (key: string, { shape }: { readonly shape: object }) =>
    objectOf(faults, value(key), key, Object.keys(shape));
  for (const key of ["sudoPassword", "sudoPasswords", "hfToken"]) {
    if (values.has(key) && !secretKeys.includes(`${namespace}${key}`)) {
      faults.push(`${key}: found in plain text; needed: a secret, from \`pulumi config set --secret\``);
    }
  }

  const hostList = values.has("hosts") ? listOf(faults, value("hosts"), "hosts", "name") : undefined;
  if (!values.has("hosts")) faults.push("hosts: missing; needed: a list of hosts, each with a name and an address");
  if (hostList?.length === 0) faults.push("hosts: found an empty list; needed: at least one host");
  const names = namesOf(hostList ?? []);

  const passwordOf = judgeSudo(faults, values.get("sudoPassword"), value("sudoPasswords"), names);
  const hosts = judgeHosts(faults, hostList ?? [], object("ssh", schema.ssh), home, passwordOf);

  const topology = judge(faults, schema.topology, values.get("topology"), "topology");
  const cableList = values.has("cables") ? listOf(faults, value("cables"), "cables", "from") : undefined;
  if (cableList?.length === 0) faults.push("cables: found an empty list; leave cables out and they are discovered");
  const networkFaults: string[] = [];
  const network = judgeNetwork(networkFaults, object("network", schema.network));
  const cables = cableList && judgeCables(faults, cableList, names, hosts, network);
  faults.push(...networkFaults);
  const trust = judge(faults, schema.trust, value("trust"), "trust");
  const system = judge(faults, schema.system, object("system", schema.system) ?? {}, "system", {
    keys: Object.keys(schema.system.shape),
  });
  const deploymentList = values.has("deployments") ? listOf(faults, value("deployments"), "deployments", "name") : [];
  const deployments = judgeDeployments(faults, deploymentList ?? [], names);
  const env = values.has("env") ? judgeEnvironment(faults, value("env"), "env") : undefined;
  const registries = values.has("registries")
    ? judge(faults, schema.registries, value("registries"), "registries")
    : undefined;
  const token = values.get("hfToken");
  const hfToken = token === undefined ? undefined : judge(faults, schema.hfToken, token, "hfToken", { secret: true });
  const abandon = judge(faults, schema.abandon, value("abandon"), "abandon");
  if (abandon) {
    judgeNames(faults, abandon, "abandon", names);
    judgeAbandoned(faults, deployments, abandon);
  }

  if (faults.length > 0 || !topology || !network || trust === undefined || !system || !abandon)
    throw new Faults("the stack config", faults);
  return {
    hosts,
    topology,
    network,
    trust,
    system,
    deployments,
    abandon,
    ...(cables && { cables }),
    ...(env && { env }),
    ...(registries && { registries }),
    ...(hfToken !== undefined && { hfToken }),
  };
}
