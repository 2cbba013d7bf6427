import { isIP } from "node:net";
import * as schema from "../config/schema";

/** One host as another tool's file has it, in the form of an entry of `spark-mesh:hosts`. */
export interface ImportedHost {
  readonly name: string;
  readonly address: string;
  readonly user?: string;
  readonly managementInterface?: string;
}

/** What another tool's file says of a cluster, in the stack config's form: parts of one, to be completed. */
export interface ImportedCluster {
  /** In rank order. */
  readonly hosts: readonly ImportedHost[];
  /** `spark-mesh:ssh`, where the file says something of all hosts. */
  readonly ssh?: { readonly user: string };
  /** Only where the file leaves no doubt. */
  readonly topology?: "ring";
  /** The hosts' addresses are those of CX7 netdevs: a mesh is not managed over its own cables. */
  readonly overCx7: boolean;
  /** What a reader should know or do. */
  readonly notes: readonly string[];
}

interface Login {
  readonly address: string;
  readonly user?: string;
}

/** `[user@]address` as the stack config would take it; undefined where it wouldn't. */
export function parseLogin(text: string): Login | undefined {
  const at = text.lastIndexOf("@");
  const address = schema.host.shape.address.safeParse(text.slice(at + 1));
  const user = schema.host.shape.user.safeParse(at < 0 ? undefined : text.slice(0, at));
  if (!address.success || !user.success) return undefined;
  return { address: address.data, ...(user.data !== undefined && { user: user.data }) };
}

/** The hosts with names: the first label of theirs where they have one of their own, else by rank. */
export function named<T extends Login>(logins: readonly T[]): readonly (T & { readonly name: string })[] {
  const labels = logins.map(({ address }) => labelOf(address));
  const taken = new Set(labels);
  return logins.map((login, index) => {
    const label = labels[index] ?? "";
    if (label !== "" && labels.indexOf(label) === labels.lastIndexOf(label)) return { name: label, ...login };
    let rank = index + 1;
    while (taken.has(`spark-${rank}`)) rank += logins.length;
    taken.add(`spark-${rank}`);
    return { name: `spark-${rank}`, ...login };
  });
}

/** "" where there is none that could be a host's name. */
function labelOf(address: string): string {
  if (isIP(address) !== 0) return "";
  const label = (address.split(".")[0] ?? "").toLowerCase();
  return schema.host.shape.name.safeParse(label).success ? label : "";
}
