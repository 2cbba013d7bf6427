/** What scripts/facts.sh says of the login user's ~/.ssh before and after a run of `trust`. */

import type { RawTrust, TrustStat } from "../../facts/trustFacts";
import { TRUST_FILES } from "../../facts/trustFiles";

/** An empty ~/.ssh. */
export const NO_TRUST: RawTrust = {
  stats: [stat("~/.ssh", "700")],
  blocks: { authorized_keys: null, known_hosts: null, config: null },
  publicKey: null,
  privateKey: false,
  rotate: false,
  record: null,
};

/** After `trust` has read this document. */
export function installedTrust(document: string): RawTrust {
  const words = document.split("\n").map((line) => line.split(" "));
  const value = (key: string) =>
    words
      .find(([word]) => word === key)
      ?.slice(1)
      .join(" ") ?? "";
  const block = (file: string) => decoded(words.find(([word, name]) => word === "block" && name === file)?.[2]);
  const [host, stack, publicKey] = [value("host"), value("stack"), value("key")];
  return {
    stats: [
      stat("~/.ssh", "700"),
      ...TRUST_FILES.map((file) => stat(`~/.ssh/${file}`, "600")),
      stat("~/.ssh/spark-mesh", "700"),
      stat("~/.ssh/spark-mesh/id_ed25519", "600"),
      stat("~/.ssh/spark-mesh/id_ed25519.pub", "644"),
    ],
    blocks: { authorized_keys: block("authorized_keys"), known_hosts: block("known_hosts"), config: block("config") },
    publicKey,
    privateKey: true,
    rotate: false,
    record: JSON.stringify({ version: 1, host, stack, publicKey, peers: JSON.parse(decoded(value("peers"))) }),
  };
}

function stat(path: string, mode: string): TrustStat {
  const type = path.endsWith(".ssh") || path.endsWith("spark-mesh") ? "directory" : "regular file";
  return { path, mode, owner: "nvidia", type, ctime: "1700000000.000000000" };
}

function decoded(base64 = ""): string {
  return Buffer.from(base64, "base64").toString();
}
