/** `spark-mesh doctor`: what an issue report needs to say of the control machine and the hosts, and no secret. */

import { Command } from "@commander-js/extra-typings";
import { Faults } from "../config/faults";
import type { HostFacts, Probe } from "../facts/hostFacts";
import { namedCluster, stacksHere } from "./cluster";
import { type ControlMachine, controlMachine, machineProblems } from "./controlMachine";
import { backendUrl, locksOf, wantedEngine } from "./engine";
import { lookAt } from "./look";
import { misused } from "./misuse";
import { exitFor, print, printJson, tell } from "./output";
import { renderTable } from "./table";

interface DoctorOptions {
  readonly stack?: string | undefined;
  readonly identity?: string | undefined;
  readonly json?: true | undefined;
}

export function doctorCommand() {
  return new Command("doctor")
    .summary("say what an issue report needs: versions, engine, SSH, each host in short")
    .description(
      "Says what an issue report needs: versions, engine, SSH, and each host in short, without secrets, keys and paths. " +
        "A problem may name an address or a user. Nothing is changed.",
    )
    .argument("[HOST...]", "[user@]address[:port], a name, or an alias in ~/.ssh/config; default: the stack's")
    .option("--stack <NAME>", "the hosts of Pulumi.NAME.yaml (default: where there is one stack file, its hosts)")
    .option("--identity <FILE>", "log in with this private key (default: the keys in ssh-agent)")
    .option("--json", "one JSON document on stdout")
    .action(doctor);
}

/** One host for a report. */
interface ReportedHost {
  readonly name: string;
  readonly state: Probe["kind"];
  readonly facts?: ReturnType<typeof inShort>;
}

async function doctor(hosts: readonly string[], options: DoctorOptions): Promise<void> {
  if (hosts.length > 0 && options.stack !== undefined) throw misused("found hosts and --stack; wanted one of them");
  const machine = await controlMachine();
  const only = stacksHere();
  const stack = hosts.length > 0 ? undefined : (options.stack ?? (only.length === 1 ? only[0] : undefined));
  const locks = stack === undefined ? [] : locksOf(stack, backendUrl());
  const asked = hosts.length > 0 || stack !== undefined ? await askAll(hosts, stack, options) : NOBODY;
  const problems = [
    ...machineProblems(machine),
    ...locks.map(
      (lock) => `stack ${stack}: locked by ${lock}; where that has ended, \`npx pulumi cancel\` lets go of it`,
    ),
    ...asked.problems,
  ];
  const report = { ...machine, locks: locks.length, hosts: asked.hosts, problems };
  if (options.json) printJson(report);
  else print(render(machine, asked.hosts, problems));
  exitFor(problems);
}

interface Asked {
  readonly hosts: readonly ReportedHost[];
  readonly problems: readonly string[];
}

const NOBODY: Asked = { hosts: [], problems: [] };

/** What keeps the hosts from being asked is among the problems: a report says that, too. */
async function askAll(
  hosts: readonly string[],
  stack: string | undefined,
  { identity }: DoctorOptions,
): Promise<Asked> {
  try {
    const { cluster } = namedCluster({ hosts, stack, identity });
    tell(`asking ${cluster.hosts.map(({ name }) => name).join(", ")} ...\n`);
    const { probes, problems } = await lookAt(cluster);
    const reported = [...probes].map(([name, probe]) => ({
      name,
      state: probe.kind,
      ...(probe.kind === "facts" && { facts: inShort(probe.facts) }),
    }));
    return { hosts: reported, problems };
  } catch (error) {
    if (error instanceof Faults) return { hosts: [], problems: error.lines };
    throw error;
  }
}

/** A host's facts without addresses, keys, and whatever its user may have named. */
function inShort(facts: HostFacts) {
  const { kernel, driver, hotplug, cx7, sudo, netplanInstalled, networkManagerRunning, networkdRunning } = facts;
  return {
    kernel,
    ...(driver !== undefined && { driver }),
    ...(hotplug !== undefined && { hotplug }),
    netplan: netplanInstalled,
    netplanFiles: facts.netplanFiles.length,
    networkManager: networkManagerRunning,
    networkd: networkdRunning,
    sudo,
    managementInterface: facts.managementInterface ?? "none",
    cx7: cx7.map(({ name, port, mtu, up, carrier, rdmaState, neighbours }) => ({
      netdev: name,
      port,
      mtu,
      link: up ? (carrier ? "carrier" : "no carrier") : "down",
      ...(rdmaState !== undefined && { rdma: rdmaState }),
      neighbours: neighbours.length,
    })),
    committed: facts.record !== undefined,
    armed: facts.armed !== undefined,
    rolledBack: facts.rolledBack !== undefined,
    docker: facts.docker !== undefined,
  };
}

function render(machine: ControlMachine, hosts: readonly ReportedHost[], problems: readonly string[]): string {
  const { versions, platform, engines, backend, passphrase, agent } = machine;
  const engine = engines.map(
    ({ version, place, plugin }) => `${version} (${place}, command plugin ${plugin ? "there" : "not there yet"})`,
  );
  const sections = [
    renderTable([
      ...Object.entries(versions).map(([name, version]) => [name, version]),
      ["platform", platform],
      ["Pulumi CLI", engine.length > 0 ? engine.join(", ") : firstDownload()],
      ["backend", backend],
      ["passphrase", passphrase.from + ("file" in passphrase ? `, ${passphrase.file}` : "")],
      ["ssh-agent", agent === undefined ? "none" : `${agent} keys`],
    ]),
    ...(hosts.length === 0 ? [] : [renderTable([["HOST", "STATE", "KERNEL", "SUDO", "CX7"], ...hosts.map(hostRow)])]),
    problems.length === 0 ? ["no problem found"] : ["problems:", ...problems.map((line) => `  ${line}`)],
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

/** What `npx pulumi` wants of the network. */
function firstDownload(): string {
  return `none yet: \`npx pulumi\` downloads ${wantedEngine()} from get.pulumi.com, and a first \`up\` the command plugin`;
}

function hostRow({ name, state, facts }: ReportedHost): readonly string[] {
  if (facts === undefined) return [name, state, "", "", ""];
  const links = facts.cx7.map(({ netdev, link, mtu }) => `${netdev} ${link} ${mtu}`);
  return [name, "reached", facts.kernel, facts.sudo, links.join(", ")];
}
