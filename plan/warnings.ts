import type { HostFacts } from "../facts/hostFacts";
import type { HostLine, HostView, ReachedHost } from "./views";
import { isReached } from "./views";

/**
 * What a person should know about the hosts although nothing is wrong with the plan.
 *
 * @param due names of the hosts on which something is to do.
 */
export function hostWarnings(hosts: readonly HostView[], due: ReadonlySet<string>): readonly HostLine[] {
  const reached = hosts.filter(isReached);
  return [
    ...hosts.flatMap(unreachable),
    ...hosts.flatMap(forgotten),
    ...unequal(reached, "kernel", ({ facts }) => facts.kernel, SAME_VERSION),
    ...unequal(reached, "driver", ({ facts }) => facts.driver, SAME_VERSION),
    ...unequal(reached, "CX7 hot-plug", ({ facts }) => hotplug(facts), SAME_HOTPLUG),
    ...reached.flatMap(managedOverWifi),
    ...reached.filter(({ config }) => !due.has(config.name)).flatMap(unreadFiles),
  ];
}

function unreachable(view: HostView): readonly HostLine[] {
  if (view.kind !== "unreachable") return [];
  const host = view.config.name;
  const line = `${host}: unreachable (${view.reason}); drift not checked; check its power or its address`;
  return [{ host, line }];
}

/**
 * An abandoned host of which nothing is known any more. No reason to stop: it is how the program runs when a destroy
 * that cleaned the other hosts is to end with `--run-program`.
 */
function forgotten({ kind, recorded, config: { name: host } }: HostView): readonly HostLine[] {
  if (kind !== "abandoned" || recorded) return [];
  const line = `${host}: abandoned, and no reachable host's record knows it, so its cables are assumed; take it out of spark-mesh:hosts when the stack has nothing of it`;
  return [{ host, line }];
}

const SAME_VERSION = "bring all hosts to the same version";
const SAME_HOTPLUG =
  "a reboot of one host may then take the ports of another away; have the same /etc/nvidia/cx7-hotplug-enabled on all hosts, or on none";

/** The file itself arms it, whatever it says. */
function hotplug({ hotplug: text }: HostFacts): string {
  if (text === undefined) return "off";
  return text === "" ? "on" : `on (${text})`;
}

/** Mixed hosts have hung collectives and lost links in the field; the first host that shows a version is the measure. */
function unequal(
  hosts: readonly ReachedHost[],
  what: string,
  versionOf: (host: ReachedHost) => string | undefined,
  remedy: string,
): readonly HostLine[] {
  const versions = hosts.flatMap((host) => {
    const version = versionOf(host);
    return version === undefined ? [] : [{ host: host.config.name, version }];
  });
  const [first] = versions;
  return versions
    .filter(({ version }) => version !== first?.version)
    .map(({ host, version }) => ({
      host,
      line: `${host}: ${what} ${version} differs from ${first?.host}'s ${first?.version}; ${remedy}`,
    }));
}

function managedOverWifi({ config, facts }: ReachedHost): readonly HostLine[] {
  const netdev = config.managementInterface ?? facts.managementInterface;
  if (!netdev?.startsWith("wl")) return [];
  return [
    {
      host: config.name,
      line: `${config.name}: management goes over Wi-Fi (${netdev}); NCCL's bootstrap works badly there; use the wired port`,
    },
  ];
}

/** On a host with nothing to do, sudo was asked only because a file's stat differs from the record. */
function unreadFiles({ config: { name: host }, facts }: ReachedHost): readonly HostLine[] {
  if (facts.sudo !== "refused" && facts.sudo !== "wrongPassword") return [];
  const line = `${host}: other netplan files changed since the last commit and can't be read (no sudo); check that none defines a CX7 netdev, or set spark-mesh:sudoPassword`;
  return [{ host, line }];
}
