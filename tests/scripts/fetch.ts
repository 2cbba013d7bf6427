import { Lab, type LabHost } from "../../lab/hosts/lab";
import type { TrustSpec } from "../../plan/spec/trust";
import { inside } from "../inside";
import { commitRing, operate, type Result } from "./operations";
import { installProgram, mustRun } from "./program";
import { makeKeys, trustSpec } from "./trust";

/** The third octet of the cable between two hosts of the ring, by the sum of their numbers. */
const octets: Readonly<Record<number, number>> = { 3: 177, 4: 187, 5: 197 };
const block = (lines: readonly string[]) =>
  ["# BEGIN spark-mesh: written by pulumi up, changes are undone", ...lines, "# END spark-mesh", ""].join("\n");

/** A ring of three with Docker whose users get to each other over the CX7 links. */
export async function upTrusted(name: string): Promise<Lab> {
  const hosts = ["spark-1", "spark-2", "spark-3"].map((host) => ({ name: host, renderer: "networkd" as const }));
  const lab = await Lab.up({ name, stackFile: false, fresh: true, docker: true, hosts });
  await trustRing(lab);
  return lab;
}

/** Commits the network of a ring and the SSH trust of its users. */
async function trustRing(lab: Lab): Promise<void> {
  await Promise.all([commitRing(lab), installProgram(lab)]);
  const keys = await makeKeys(lab);
  await Promise.all(
    lab.hosts.map((host) =>
      mustRun(lab, host, "trust", trustSpec(lab, host, keys, { blocks: ringBlocks(lab, host, keys) })),
    ),
  );
}

function ringBlocks(lab: Lab, host: LabHost, keys: ReadonlyMap<string, string>): TrustSpec["blocks"] {
  const peers = lab.hosts.filter(({ name }) => name !== host.name);
  return {
    authorized_keys: block(peers.map(({ name }) => `restrict,pty ${keys.get(name)} spark-mesh:${name}`)),
    known_hosts: block(peers.map(({ name, hostKey }) => `${name} ${hostKey}`)),
    config: block([
      ...peers.flatMap(({ name, number }) => [
        `Host ${name}`,
        `  HostName 192.168.${octets[host.number + number]}.${10 + number}`,
        `  HostKeyAlias ${name}`,
        "  IdentityFile ~/.ssh/spark-mesh/id_ed25519",
        "  IdentitiesOnly yes",
      ]),
      "Match all",
    ]),
  };
}

/** The document of `image` or `model`: its own lines behind those of every document. */
export function fetchDocument(host: LabHost, lines: readonly string[]): string {
  return [
    "spark-mesh 1",
    `host ${host.name}`,
    "stack organization/spark-mesh/home",
    "operator me@laptop file",
    ...lines,
    "",
  ].join("\n");
}

/** Runs `image` or `model` on the first host, for the others, and measures what it sends over the CX7 links. */
export async function fetchTo(
  lab: Lab,
  operation: "image" | "model",
  lines: readonly string[],
  targets: readonly string[] = ["spark-2", "spark-3"],
): Promise<Result & { readonly sent: number }> {
  const before = await sentBytes(lab, "spark-1");
  const result = await startFetch(lab, operation, lines, targets);
  return { ...result, sent: (await sentBytes(lab, "spark-1")) - before };
}

/** What a host has sent over its CX7 netdevs so far. */
export async function sentBytes(lab: Lab, host: string): Promise<number> {
  const counts = await inside(lab, host, "cat /sys/class/net/en*np*/statistics/tx_bytes");
  return counts.split("\n").reduce((sum, count) => sum + Number(count), 0);
}

/** Runs `image` or `model` on the first host to its end, whatever its end. */
export function startFetch(
  lab: Lab,
  operation: "image" | "model",
  lines: readonly string[],
  targets: readonly string[] = ["spark-2", "spark-3"],
): Promise<Result> {
  const [head] = lab.hosts as [LabHost];
  return operate(lab, head, operation, fetchDocument(head, [...lines, ...targets.map((target) => `target ${target}`)]));
}

/** Makes the first host's links to the others as slow as `rate`, or as fast as they are without one. */
export async function slowLinks(lab: Lab, rate?: string): Promise<void> {
  for (const netdev of ["enp1s0f0np0", "enp1s0f1np1"]) {
    const discipline = `dev ${netdev} root`;
    await inside(lab, "spark-1", `tc qdisc del ${discipline} 2>/dev/null; true`);
    if (rate) await inside(lab, "spark-1", `tc qdisc add ${discipline} tbf rate ${rate} burst 256k latency 50ms`);
  }
}

/** Ends all that the login user runs on a host, at once, as the host's own end would. */
export async function killUser(lab: Lab, host: string): Promise<void> {
  await lab.exec(host, "setpriv --reuid=nvidia --regid=nvidia --clear-groups bash -c 'kill -KILL -1'");
}

/** Waits on a host until a shell condition holds. */
export async function whenOn(lab: Lab, host: string, condition: string): Promise<void> {
  await inside(lab, host, `for i in {1..600}; do if ${condition}; then exit 0; fi; sleep 0.1; done; exit 1`);
}
