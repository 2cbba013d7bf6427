import { createHash } from "node:crypto";
import { vi } from "vitest";
import { scriptTexts } from "../../components/scriptTexts";
import type { Lab, LabHost } from "../../lab/hosts/lab";
import { run } from "../../lab/hosts/process";
import { renderNetplan } from "../../plan/netplan/netplan";
import { packPayload, renderStdin } from "../../plan/payload";
import { inside } from "../inside";

/** The ring of three as its documents say it: host number, netdev, third octet, peer number, peer netdev. */
const ring = [
  [1, "enp1s0f0np0", 177, 2, "enp1s0f1np1"],
  [1, "enP2p1s0f0np0", 178, 2, "enP2p1s0f1np1"],
  [1, "enp1s0f1np1", 187, 3, "enp1s0f0np0"],
  [1, "enP2p1s0f1np1", 188, 3, "enP2p1s0f0np0"],
  [2, "enp1s0f0np0", 197, 3, "enp1s0f1np1"],
  [2, "enP2p1s0f0np0", 198, 3, "enP2p1s0f1np1"],
  [2, "enp1s0f1np1", 177, 1, "enp1s0f0np0"],
  [2, "enP2p1s0f1np1", 178, 1, "enP2p1s0f0np0"],
  [3, "enp1s0f0np0", 187, 1, "enp1s0f1np1"],
  [3, "enP2p1s0f0np0", 188, 1, "enP2p1s0f1np1"],
  [3, "enp1s0f1np1", 197, 2, "enp1s0f0np0"],
  [3, "enP2p1s0f1np1", 198, 2, "enP2p1s0f0np0"],
] as const;

export const cx7 = ["enp1s0f0np0", "enP2p1s0f0np0", "enp1s0f1np1", "enP2p1s0f1np1"] as const;

export type Operation = "stage" | "verify" | "commit" | "undo" | "release" | "image" | "model";

/** Those that run as the login user. */
const ofUser: readonly Operation[] = ["verify", "image", "model"];

/** The program that an operation is part of. */
function programOf(operation: Operation): string {
  const { program, fetchProgram } = scriptTexts();
  return operation === "image" || operation === "model" ? fetchProgram : program;
}

/** What a test varies in a document. */
export interface Wish {
  readonly stack?: string;
  readonly operator?: string;
  readonly confirmSeconds?: number;
  readonly netplanFile?: string;
  readonly mtu?: number;
  /** Part of the digest, as what else a commit makes true. */
  readonly mesh?: object;
  /** MACs of peers by `NUMBER NETDEV`. */
  readonly macs?: ReadonlyMap<string, string>;
  /** Lines added at the end. */
  readonly extra?: readonly string[];
}

export const recordedMesh = { topology: "ring", cables: [], hosts: [] };

/** The netplan file that a host of the ring is to have. */
export function netplanText(host: LabHost, mtu = 9000): string {
  const netdevs = ring
    .filter(([number]) => number === host.number)
    .map(([number, netdev, octet]) => ({
      netdev,
      port: netdev.endsWith("0") ? (0 as const) : (1 as const),
      twin: netdev.startsWith("enp") ? (0 as const) : (1 as const),
      address: `192.168.${octet}.${10 + number}/24`,
      mtu,
    }));
  return renderNetplan({ renderer: host.renderer, netdevs });
}

/** A host's document: the article's ring. */
export function ringDocument(lab: Lab, host: LabHost, wish: Wish = {}): string {
  const { stack = "organization/spark-mesh/home", operator = "me@laptop file", confirmSeconds = 300 } = wish;
  const { netplanFile = "/etc/netplan/40-cx7.yaml", mtu = 9000, mesh = recordedMesh, macs, extra = [] } = wish;
  const text = netplanText(host, mtu);
  const own = ring.filter(([number]) => number === host.number);
  const base64 = (value: string) => Buffer.from(value).toString("base64");
  return [
    "spark-mesh 1",
    `host ${host.name}`,
    `stack ${stack}`,
    `operator ${operator}`,
    `confirmSeconds ${confirmSeconds}`,
    `digest ${createHash("sha256")
      .update(JSON.stringify([netplanFile, text, mesh]))
      .digest("hex")}`,
    `netplanFile ${netplanFile}`,
    `netplan ${base64(text)}`,
    ...own.map(([number, netdev, octet]) => `netdev ${netdev} ${mtu} 192.168.${octet}.${10 + number}/24 -`),
    ...own.map(([number, netdev, octet, peer, peerNetdev]) => {
      const mac = macs?.get(`${peer} ${peerNetdev}`) ?? "-";
      return `link ${netdev} 192.168.${octet}.${10 + number} 192.168.${octet}.${10 + peer} ${mac} spark-${peer}/${peerNetdev}`;
    }),
    ...lab.hosts.filter(({ name }) => name !== host.name).map(({ name, address }) => `probe ${address} ${name}`),
    `mesh ${base64(JSON.stringify(mesh))}`,
    ...extra,
    "",
  ].join("\n");
}

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line of stderr. */
  readonly message: string;
  readonly seconds: number;
}

/** One operation as apply runs it: over SSH, with everything in stdin. */
export function operationCommand(
  lab: Lab,
  host: LabHost,
  operation: Operation,
  document: string,
  transactions = "",
  sudoPassword = host.sudoPassword,
): { readonly command: readonly [string, ...string[]]; readonly stdin: string } {
  const payload = packPayload({ program: programOf(operation) }, document);
  return {
    command: lab.sshCommand(host.name, [`exec bash -s ${ofUser.includes(operation) ? "user" : "root"} ${operation}`]),
    stdin: renderStdin(scriptTexts().loader, { sudoPassword, payload, transactions }),
  };
}

/** Runs one operation to its end, whatever its end. */
export async function operate(...call: Parameters<typeof operationCommand>): Promise<Result> {
  const { command, stdin } = operationCommand(...call);
  const began = performance.now();
  const { code, stdout, stderr } = await run(command, { stdin, timeoutSeconds: 300 });
  const message = stderr.trimEnd().split("\n").at(-1) ?? "";
  return { code, stdout, stderr, message, seconds: (performance.now() - began) / 1000 };
}

/** Runs an operation that has to succeed and returns what it printed. */
export async function must(...call: Parameters<typeof operate>): Promise<string> {
  const { code, stdout, stderr } = await operate(...call);
  if (code !== 0) throw new Error(`${call[1].name}: ${call[2]}: exit status ${code}: ${stderr}`);
  return stdout;
}

/** Stages, verifies and commits all hosts as a mesh does, and returns the transactions by host. */
export async function commitRing(lab: Lab, wish: Wish = {}): Promise<Map<string, string>> {
  const each = <T>(act: (host: LabHost) => Promise<T>) => Promise.all(lab.hosts.map(act));
  const ids = await each((host) => must(lab, host, "stage", ringDocument(lab, host, wish)));
  await each((host) => must(lab, host, "verify", ringDocument(lab, host, wish), ids.join(" ")));
  await each((host) => must(lab, host, "commit", ringDocument(lab, host, wish), ids[host.number - 1]));
  return new Map(lab.hosts.map(({ name }, index) => [name, ids[index] ?? ""]));
}

/** Puts a whole mesh back, whatever state it is in. */
export async function destroyRing(lab: Lab, wish: Wish = {}): Promise<void> {
  for (const operation of ["undo", "release"] as const) {
    await Promise.all(lab.hosts.map((host) => must(lab, host, operation, ringDocument(lab, host, wish))));
  }
}

/** Has an assertion hold within a minute: renderers work on after netplan, and a unit ends some time after its work. */
export function eventually(assertion: () => Promise<void>): Promise<void> {
  return vi.waitFor(assertion, { timeout: 60_000, interval: 250 });
}

/** All of a host that a mesh touches, as text: files, live state, units, and what must not be there. */
export function traces(lab: Lab, host: string): Promise<string> {
  return inside(
    lab,
    host,
    `cd /etc/netplan && stat -c '%n %a %U:%G %s' . * .[!.]* 2>/dev/null | grep -v '^\\. '; sha256sum * 2>/dev/null; ls -A /etc/sysctl.d
     for netdev in ${cx7.join(" ")}; do
       echo "$netdev $(cat /sys/class/net/$netdev/mtu) $(cat /sys/class/net/$netdev/flags)"
       cat /proc/sys/net/ipv6/conf/$netdev/{addr_gen_mode,disable_ipv6} /proc/sys/net/ipv4/conf/$netdev/arp_{ignore,announce}
       ip -br address show dev $netdev | sed 's/@[^ ]*//; s/  */ /g; s/ $//'
     done
     if command -v nmcli >/dev/null; then nmcli -g DEVICE,STATE device | sort; nmcli -g NAME,TYPE connection | sort; fi
     find /run/udev/rules.d -type f 2>/dev/null
     ls -d /var/lib/spark-mesh /run/spark-mesh* /etc/systemd/system/spark-mesh* /etc/systemd/system/*.wants/spark-mesh* 2>/dev/null
     systemctl list-units --all --no-legend 'spark-mesh*'; systemctl list-unit-files --no-legend 'spark-mesh*'; true`,
  );
}
