import type { ClusterArguments } from "./arguments";
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
function decoded(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** What follows a problem of a list or an object. */
type Hint = (value: unknown, path: string) => string;

/** How a value is set that `pulumi config set` can't take as one text. */
function howToSet(value: unknown, path: string): string {
  return typeof value === "string"
    ? `; write it into Pulumi.<stack>.yaml, or piece by piece: pulumi config set --path 'spark-mesh:${path}' VALUE`
    : "";
}

/** The entries of a list; undefined after a problem where it is none. */
function listOf(
  faults: string[],
  value: unknown,
  path: string,
  first: string,
  hint: Hint,
): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  faults.push(`${path}: found ${shown(value)}; allowed: a list of ${path}${hint(value, `${path}[0].${first}`)}`);
  return undefined;
}

/** A value that is to be an object, none by default; undefined after a problem where it is a text. */
function objectOf(faults: string[], value: unknown, path: string, keys: readonly string[], hint: Hint): unknown {
  if (typeof value !== "string") return value;
  faults.push(`${path}: found ${shown(value)}; allowed: ${keys.join(", ")}${hint(value, `${path}.${keys[0] ?? ""}`)}`);
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
  common: unknown,
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

/** Keys whose values are texts as they are, whatever they look like. */
const TEXTS = ["topology", "sudoPassword", "hfToken"];

/**
 * The stack config as it was written, and what is wrong with it as the stack's config.
 *
 * @returns `values` in the form of {@link ClusterArguments}, unvalidated.
 */
function decodeStackConfig(raw: Readonly<Record<string, string>>, secretKeys: readonly string[]) {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(raw)) {
    if (!key.startsWith(namespace)) continue;
    const name = key.slice(namespace.length);
    if (schema.topLevelKeys.includes(name)) values[name] = TEXTS.includes(name) ? value : decoded(value);
    else problems.push(unknownTopLevelKey(name));
  }
  for (const key of ["sudoPassword", "sudoPasswords", "hfToken"]) {
    if (values[key] !== undefined && !secretKeys.includes(`${namespace}${key}`)) {
      problems.push(`${key}: found in plain text; needed: a secret, from \`pulumi config set --secret\``);
    }
  }
  return { values, problems };
}

/**
 * The stack config as plain, validated data.
 *
 * @param raw What `pulumi.runtime.allConfig()` returns; only `spark-mesh:` keys are looked at.
 * @param home The user's home directory, which `~` stands for.
 * @param secretKeys The keys whose values are encrypted in the stack's file; a password beside them is a problem.
 * @throws Faults with everything that is wrong, path first; secrets are never shown.
 */
export function parseClusterConfig(
  raw: Readonly<Record<string, string>>,
  home: string,
  secretKeys: readonly string[],
): ClusterConfig {
  const { values, problems } = decodeStackConfig(raw, secretKeys);
  const config = validate(problems, values, home, howToSet);
  if (!config) throw new Faults("the stack config", problems);
  return config;
}

/**
 * The stack config as the arguments of a cluster.
 *
 * @throws Faults as {@link parseClusterConfig} does, so that the arguments are right.
 */
export function stackArguments(
  raw: Readonly<Record<string, string>>,
  home: string,
  secretKeys: readonly string[],
): ClusterArguments {
  parseClusterConfig(raw, home, secretKeys);
  return decodeStackConfig(raw, secretKeys).values as unknown as ClusterArguments;
}

/**
 * The arguments of a cluster as plain, validated data.
 *
 * @param args secrets in clear. A program may not be type-checked: it can be anything.
 * @param subject whose arguments they are, for the message.
 * @param unusable why a value can't be looked at, by its path; nothing else is said of it.
 * @throws Faults with everything that is wrong, path first; secrets are never shown.
 */
export function parseClusterArguments(
  args: Readonly<Record<string, unknown>>,
  home: string,
  subject: string,
  unusable: ReadonlyMap<string, string> = new Map(),
): ClusterConfig {
  const unknown = Object.keys(args).filter((key) => !schema.topLevelKeys.includes(key));
  const found = unknown.map((key) => unknownKey("", key, schema.topLevelKeys));
  const config = validate(found, args, home, () => "");
  const lines = [...unusable].map(([path, why]) => `${path}: ${why}`);
  const others = found.filter((line) => ![...unusable.keys()].some((path) => line.startsWith(`${path}:`)));
  if (!config || lines.length > 0) throw new Faults(subject, [...lines, ...others]);
  return config;
}

/**
 * @param faults what is wrong already; what else is wrong is added.
 * @returns undefined where anything is wrong.
 */
function validate(
  faults: string[],
  values: Readonly<Record<string, unknown>>,
  home: string,
  hint: Hint,
): ClusterConfig | undefined {
  const value = (key: schema.TopLevelKey) => values[key];
  const has = (key: schema.TopLevelKey) => value(key) !== undefined;
  const list = (key: schema.TopLevelKey, first: string) =>
    has(key) ? listOf(faults, value(key), key, first, hint) : undefined;
  const object = (key: schema.TopLevelKey, { shape }: { readonly shape: object }) =>
    objectOf(faults, value(key), key, Object.keys(shape), hint);

  const hostList = list("hosts", "name");
  if (!has("hosts")) faults.push("hosts: missing; needed: a list of hosts, each with a name and an address");
  if (hostList?.length === 0) faults.push("hosts: found an empty list; needed: at least one host");
  const names = namesOf(hostList ?? []);

  const passwordOf = judgeSudo(faults, value("sudoPassword"), value("sudoPasswords"), names);
  const hosts = judgeHosts(faults, hostList ?? [], object("ssh", schema.ssh), home, passwordOf);

  const topology = judge(faults, schema.topology, value("topology"), "topology");
  const cableList = list("cables", "from");
  if (cableList?.length === 0) faults.push("cables: found an empty list; leave cables out and they are discovered");
  const networkFaults: string[] = [];
  const network = judgeNetwork(networkFaults, object("network", schema.network));
  const cables = cableList && judgeCables(faults, cableList, names, hosts, network);
  faults.push(...networkFaults);
  const trust = judge(faults, schema.trust, value("trust"), "trust");
  const system = judge(faults, schema.system, object("system", schema.system) ?? {}, "system", {
    keys: Object.keys(schema.system.shape),
  });
  const deployments = judgeDeployments(faults, list("deployments", "name") ?? [], names);
  const env = has("env") ? judgeEnvironment(faults, value("env"), "env") : undefined;
  const registries = has("registries")
    ? judge(faults, schema.registries, value("registries"), "registries")
    : undefined;
  const hfToken = has("hfToken")
    ? judge(faults, schema.hfToken, value("hfToken"), "hfToken", { secret: true })
    : undefined;
  const abandon = judge(faults, schema.abandon, value("abandon"), "abandon");
  if (abandon) {
    judgeNames(faults, abandon, "abandon", names);
    judgeAbandoned(faults, deployments, abandon);
  }

  if (faults.length > 0 || !topology || !network || trust === undefined || !system || !abandon) return undefined;
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
