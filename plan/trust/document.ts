import { Faults } from "../../config/faults";
import { TRUST_FILES } from "../../facts/trustFacts";
import { base64, type Owner, valueCheck } from "../document";
import type { HostTrust } from "../plan";
import { renderTrust } from "./blocks";

/**
 * What `trust` and `distrust` read on one host: a line for each fact, `key value...`. "" for a host that can't be asked
 * and whose key nobody knows: nothing is sent to it.
 *
 * @param keys public keys by host, of all that have one by now.
 * @throws Faults where a key is missing, or a value would break out of its line.
 */
export function trustDocument(
  host: string,
  { identities, peers, blocks, state }: HostTrust,
  keys: ReadonlyMap<string, string>,
  owner: Owner,
): string {
  const key = keys.get(host);
  if (key === undefined && (state === "unknown" || state === "abandoned")) return "";
  const faults: string[] = [];
  const check = valueCheck(host, faults);
  const keyOf = (name: string) => check("publicKey", `public key of ${name}`, keys.get(name) ?? "none");
  const recorded = identities.map((identity) => ({ ...identity, publicKey: keys.get(identity.host) }));
  for (const { identity } of peers) keyOf(identity.host);
  const files = blocks ?? renderTrust(peers, keys);
  const lines = [
    "spark-mesh 1",
    `host ${check("word", "name", host)}`,
    `stack ${check("owner", "stack", owner.stack)}`,
    `operator ${check("owner", "operator", owner.operator)}`,
    `key ${keyOf(host)}`,
    ...TRUST_FILES.map((file) => `block ${file} ${base64(files[file])}`),
    `peers ${base64(JSON.stringify(recorded))}`,
  ];
  if (faults.length > 0) throw new Faults(`the SSH trust of ${host}`, faults);
  return `${lines.join("\n")}\n`;
}
