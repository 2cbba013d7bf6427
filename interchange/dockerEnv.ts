import { isIPv4 } from "node:net";
import { z } from "zod";
import { Faults } from "../config/faults";
import { shown } from "../config/judge";
import * as schema from "../config/schema";
import { isCx7Name } from "../facts/cx7";
import { type Assignment, parseDotEnv } from "./dotenv";
import { type ImportedCluster, named } from "./imported";

/** The keys that say something of hosts and their network; all others are the containers'. */
const KEYS = ["CLUSTER_NODES", "LOCAL_IP", "ETH_IF", "CLUSTER_LINKS"] as const;

type Key = (typeof KEYS)[number];

const nodesText = "addresses or names with commas between them, each once";

/** A cable's rail: the two nodes' addresses on it, by the address that CLUSTER_NODES has. */
const links = z.array(
  z
    .record(
      z.string(),
      z.string().refine((address) => isIPv4(address)),
    )
    .refine((link) => Object.keys(link).length === 2),
);

type Link = z.infer<typeof links>[number];

/**
 * The cluster that spark-vllm-docker's .env describes, the head first: LOCAL_IP, else the first of CLUSTER_NODES.
 * Nothing is expanded or run, and no value of another key is looked at.
 *
 * @throws Faults with everything that is wrong, line first.
 */
export function readDockerEnv(text: string): ImportedCluster {
  const { values, faults: malformed } = parseDotEnv(text);
  const variables = KEYS.flatMap((key) => {
    const found = values.get(key);
    return found?.value.includes("$") ? [fault(key, found, "the value itself; variables are not expanded")] : [];
  });
  if (malformed.length + variables.length > 0) throw faulty([...malformed, ...variables]);
  const faults: string[] = [];
  const nodes = nodesOf(faults, values.get("CLUSTER_NODES"));
  const head = headOf(faults, nodes, values.get("LOCAL_IP"));
  const netdev = netdevOf(faults, values.get("ETH_IF"));
  const rails = linksOf(faults, nodes, values.get("CLUSTER_LINKS"));
  if (faults.length > 0) throw faulty(faults);
  const overCx7 = netdev !== undefined && isCx7Name(netdev);
  const logins = [head, ...nodes.filter((node) => node !== head)].flatMap((address) =>
    address === undefined ? [] : [{ address }],
  );
  return {
    hosts: named(logins).map((host) => ({
      ...host,
      ...(netdev !== undefined && !overCx7 && { managementInterface: netdev }),
    })),
    ...(isRing(nodes, rails) && { topology: "ring" }),
    overCx7,
    notes: overCx7
      ? [
          `CLUSTER_NODES: found addresses of the CX7 netdev ${netdev} (ETH_IF); a mesh isn't managed over its own cables: put every host's management address in their place`,
        ]
      : [],
  };
}

function faulty(lines: readonly string[]): Faults {
  return new Faults("the .env file", lines);
}

function fault(key: Key, { line, value }: Assignment, what: string): string {
  return `line ${line}: ${key}: found ${shown(value)}; allowed: ${what}`;
}

function nodesOf(faults: string[], found: Assignment | undefined): readonly string[] {
  if (!found) {
    faults.push(`CLUSTER_NODES: missing; needed: ${nodesText}`);
    return [];
  }
  const nodes = found.value
    .split(",")
    .map((node) => node.trim())
    .filter((node) => node !== "");
  const isGood = nodes.every((node) => schema.host.shape.address.safeParse(node).success);
  if (nodes.length === 0 || !isGood || new Set(nodes).size < nodes.length) {
    faults.push(fault("CLUSTER_NODES", found, nodesText));
  }
  return nodes;
}

function headOf(faults: string[], nodes: readonly string[], found: Assignment | undefined): string | undefined {
  if (!found || found.value === "" || nodes.length === 0) return nodes[0];
  if (!nodes.includes(found.value)) faults.push(fault("LOCAL_IP", found, `one of CLUSTER_NODES, ${nodes.join(", ")}`));
  return found.value;
}

function netdevOf(faults: string[], found: Assignment | undefined): string | undefined {
  if (!found || found.value === "") return undefined;
  if (!schema.host.shape.managementInterface.safeParse(found.value).success) {
    faults.push(fault("ETH_IF", found, "a netdev's name, e.g. enP7s7"));
  }
  return found.value;
}

function linksOf(faults: string[], nodes: readonly string[], found: Assignment | undefined): readonly Link[] {
  if (!found || found.value === "") return [];
  const judged = links.safeParse(decoded(found.value));
  if (judged.success && judged.data.every((link) => Object.keys(link).every((node) => nodes.includes(node)))) {
    return judged.data;
  }
  const what = `a JSON list of {"NODE": "IPv4 address", "NODE": "IPv4 address"}, with nodes of CLUSTER_NODES`;
  faults.push(fault("CLUSTER_LINKS", found, what));
  return [];
}

function decoded(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A ring of cables: every node has two neighbours, and faces each from addresses of its own, as on no switch. */
function isRing(nodes: readonly string[], rails: readonly Link[]): boolean {
  return (
    nodes.length > 2 &&
    nodes.every((node) => {
      const peerOf = new Map<string, string>();
      for (const link of rails.filter((rail) => Object.hasOwn(rail, node))) {
        const peer = Object.keys(link).find((other) => other !== node) ?? "";
        const own = link[node] ?? "";
        if ((peerOf.get(own) ?? peer) !== peer) return false;
        peerOf.set(own, peer);
      }
      return new Set(peerOf.values()).size === 2;
    })
  );
}
