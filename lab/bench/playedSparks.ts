/** What Sparks on one switch, each with port 0 on it, say of themselves: the lines that scripts/facts.sh prints there. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { scriptTexts } from "../../components/scriptTexts";
import type { ClusterConfig } from "../../config/cluster";
import type { Login, Probe } from "../../facts/hostFacts";
import { parseFirstPass, withSecondPass } from "../../facts/parse";
import type { RawFile, RawFirstPass, RawNetdev, RawSecondPass } from "../../facts/rawFacts";
import { type HostRecord, SYSCTL_FILE } from "../../facts/record";
import { decideSecondPass, renderSecondPass } from "../../facts/secondPass";
import { sha256 } from "../../plan/digest";
import { type Owner, renderDocument } from "../../plan/document";
import { packPayload } from "../../plan/payload";
import type { HostPlan, Plan } from "../../plan/plan";
import { planMesh } from "../../plan/planMesh";
import { commonTrust, renderTrustSpec } from "../../plan/trust/trustSpec";
import { checkout } from "../project";
import { installedTrust, NO_TRUST } from "./playedTrust";

/** A Spark that answers like one. */
export interface PlayedSpark {
  readonly firstPass: string;
  /** The answer to the lines between `second_pass` and `end`. */
  secondPass(question: readonly string[]): string;
}

/** Both answers of one Spark; no second where nothing is asked. */
export interface Answers {
  readonly first: string;
  readonly second?: string;
}

const OWNER: Owner = { stack: "organization/spark-mesh/test", operator: "bench@bench backend 00000000" };
const TRANSACTION = "20261101T100000-00000001";
const BASE_TEXT = "network:\n  version: 2\n  renderer: networkd\n";
const fixture = readFileSync(join(checkout, "tests/facts/fixtures/fresh.json"), "utf8");

/** Sparks that nobody has visited yet, spark-1 first. */
export function freshSparks(count: number): readonly PlayedSpark[] {
  return onOneSwitch(Array.from({ length: count }, (_, index) => freshFirstPass(index + 1)));
}

/** Sparks as a commit of the cluster's plan left them. */
export function settledSparks(cluster: ClusterConfig): readonly PlayedSpark[] {
  const fresh = cluster.hosts.map(({ number }) => freshFirstPass(number));
  const plan = planMesh(cluster, readAnswers(cluster, answersOf(cluster, onOneSwitch(fresh))), loginsOf(cluster));
  return onOneSwitch(
    fresh.flatMap((first, index) => {
      const host = plan.hosts[index];
      return host ? [settledFirstPass(first, host, plan, cluster)] : [];
    }),
  );
}

/** How the cluster's hosts are logged in to, with a key file. */
export function loginsOf({ hosts }: ClusterConfig): Map<string, Login> {
  return new Map(
    hosts.map(({ name, address, ssh: { user = "nvidia", port = 22, hostKey = "ssh-ed25519 AAAA" } }) => [
      name,
      { address, port, user, hostKey, privateKey: "key" },
    ]),
  );
}

/** What the cluster's hosts say when they are asked as the program asks them, in rank order. */
export function answersOf(cluster: ClusterConfig, sparks: readonly PlayedSpark[]): readonly Answers[] {
  return cluster.hosts.map((host, index) => {
    const spark = sparks[index];
    if (!spark) throw new Error(`${host.name}: nobody plays it`);
    const pass = decideSecondPass(parseFirstPass(host.name, spark.firstPass), cluster, host.name);
    const question = pass && renderSecondPass(pass, host).trimEnd().split("\n").slice(1, -1);
    return { first: spark.firstPass, ...(question && { second: spark.secondPass(question) }) };
  });
}

/** The probes that come of answers: what facts/ does with them, without the waiting. */
export function readAnswers(cluster: ClusterConfig, answers: readonly Answers[]): Map<string, Probe> {
  return new Map(
    cluster.hosts.flatMap((host, index): [string, Probe][] => {
      const { first, second } = answers[index] ?? {};
      if (first === undefined) return [];
      const pass = parseFirstPass(host.name, first);
      const asked = decideSecondPass(pass, cluster, host.name);
      const discovered = (asked?.multicast.length ?? 0) > 0;
      const facts = second === undefined ? pass.facts : withSecondPass(host.name, pass.facts, discovered, second);
      return [[host.name, { kind: "facts", facts }]];
    }),
  );
}

/** The recorded document of one virtual Spark under another number, with port 1 unplugged and a base netplan file. */
function freshFirstPass(number: number): RawFirstPass {
  const hex = number.toString(16);
  const text = fixture
    .replaceAll("02:5b:00:d0:01:", `02:5b:00:d0:${hex.padStart(2, "0")}:`)
    .replaceAll("fed0:1", `fed0:${hex}`)
    .replaceAll("10.200.208.11", `10.200.208.${10 + number}`)
    .replaceAll('"spark-1"', `"spark-${number}"`);
  const raw: RawFirstPass = JSON.parse(text);
  const [netdevs, ...rest] = raw.ip;
  const flagsOf = ({ ifname, flags }: RawNetdev) =>
    ifname.endsWith("np1") ? flags.filter((flag) => flag !== "LOWER_UP") : flags;
  return {
    ...raw,
    machineId: hex.padStart(32, "0"),
    ip: [netdevs.map((netdev) => ({ ...netdev, flags: flagsOf(netdev) })), ...rest],
    files: [fileOf("/etc/netplan/01-base.yaml", BASE_TEXT)],
    trust: NO_TRUST,
  };
}

function settledFirstPass(
  { ip: [netdevs, ...rest], ...fresh }: RawFirstPass,
  host: HostPlan,
  plan: Plan,
  cluster: ClusterConfig,
): RawFirstPass {
  const sysctlFile = fileOf(SYSCTL_FILE, host.sysctlText, "644");
  const files = [...(fresh.files ?? []), fileOf(host.netplanFile, host.netplanText), sysctlFile];
  const settled = netdevs.map((netdev): RawNetdev => {
    const planned = host.netdevs.find((one) => one.netdev === netdev.ifname);
    const [local, prefixlen] = planned?.address.split("/") ?? [];
    if (!planned || local === undefined) return netdev;
    return { ...netdev, mtu: planned.mtu, addr_info: [{ family: "inet", local, prefixlen: Number(prefixlen) }] };
  });
  const ports = fresh.ports.map((port) => {
    const arp = host.netdevs.find(({ netdev }) => netdev === port.netdev)?.arp;
    return arp ? { ...port, arpIgnore: `${arp.ignore}`, arpAnnounce: `${arp.announce}` } : port;
  });
  const document = renderDocument(host, plan, OWNER, cluster.network.confirmSeconds, []);
  const record: HostRecord = {
    version: 1,
    host: host.name,
    stack: OWNER.stack,
    transaction: TRANSACTION,
    digest: host.digest,
    payload: packPayload(scriptTexts(), document),
    mesh: plan.mesh,
    files: files.map(({ contents, ...stat }) => ({ ...stat, sha256: sha256(decoded(contents)) })),
  };
  const keys = new Map(
    plan.hosts.map(({ name, number }) => [name, `ssh-ed25519 ${number.toString().padStart(68, "A")}`]),
  );
  const trust =
    host.trust && installedTrust(renderTrustSpec(host.name, host.trust, commonTrust(plan.hosts, keys), OWNER.stack));
  return { ...fresh, ip: [settled, ...rest], ports, files, record: JSON.stringify(record), trust };
}

function fileOf(path: string, text: string, mode = "600"): RawFile {
  const contents = Buffer.from(text).toString("base64");
  return { path, mode, owner: "root:root", size: text.length, inode: 7, ctime: "1700000000.0", contents };
}

function decoded(contents = ""): string {
  return Buffer.from(contents, "base64").toString();
}

/** Sparks that hear one another, and each its port's other rail, wherever there is a carrier. */
function onOneSwitch(passes: readonly RawFirstPass[]): readonly PlayedSpark[] {
  const netdevs = passes.flatMap(({ hostname, ip }) =>
    ip[0].filter(isCabled).map((netdev) => ({ ...netdev, hostname })),
  );
  const places = netdevs.flatMap(({ hostname, ifname, address: mac, addr_info }) =>
    addr_info.flatMap(({ local }) => (local === undefined ? [] : [{ hostname, ifname, mac, address: local }])),
  );
  const at = new Map(places.map((place) => [place.address, place]));
  const linkLocal = places.filter(({ address }) => address.startsWith("fe80:"));
  return passes.map((pass): PlayedSpark => {
    const files = pass.files ?? [];
    const heard = (line: string) => {
      const [kind, netdev = "", address = ""] = line.split(" ");
      const found = kind === "ping" ? [at.get(address)] : kind === "multicast" ? linkLocal : [];
      return found.flatMap((place) =>
        place && !(place.hostname === pass.hostname && place.ifname === netdev) ? [{ netdev, ...place }] : [],
      );
    };
    return {
      firstPass: line({ ...pass, files: files.map(({ contents: _, ...stat }) => stat) }),
      secondPass: (question) => {
        const found = question.flatMap(heard);
        const asked = question.includes("sudo");
        return line({
          sparkMeshFacts: 1,
          sudo: asked ? "passwordless" : "notAsked",
          files: asked ? files : null,
          sudoers: asked ? [] : null,
          answered: found.map(({ netdev, address }) => ({ netdev, address })),
          // Nobody looks for others where a ping is answered.
          looked: [],
          neighbours: [
            found.map(({ netdev, address, mac }) => ({
              dst: address,
              dev: netdev,
              lladdr: mac,
              state: ["REACHABLE"],
            })),
          ],
        });
      },
    };
  });
}

/** On port 0, where the carrier is. */
function isCabled({ ifname, flags }: RawNetdev): boolean {
  return ifname.endsWith("np0") && flags.includes("LOWER_UP");
}

function line(answer: RawFirstPass | RawSecondPass): string {
  return JSON.stringify(answer);
}
