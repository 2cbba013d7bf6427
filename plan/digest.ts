import { createHash } from "node:crypto";
import type { RecordedMesh } from "../facts/record";
import { compareText } from "./views";

/** Everything that a commit makes true on one host: no MACs, no scripts, nothing that changes by itself. */
interface Committed {
  readonly netplanFile: string;
  readonly netplanText: string;
  readonly sysctlText: string;
  readonly netdevs: RecordedMesh["hosts"][number]["netdevs"];
  /** Digest of the mesh, which all hosts have in common. */
  readonly meshDigest: string;
}

/** Digest of the desired document, in hex: equal on every control machine and in every release. */
export function digestOf({ netplanFile, netplanText, sysctlText, netdevs, meshDigest }: Committed): string {
  return digestOfValue({ netplanFile, netplanText, sysctlText, netdevs, meshDigest });
}

/** Of the mesh that every host's record holds, in hex. */
export function digestOfMesh(mesh: RecordedMesh): string {
  return digestOfValue(mesh);
}

/** Of plain data, in hex: equal values give equal digests, whatever the order of their keys. */
export function digestOfValue(value: unknown): string {
  return sha256(canonicalJson(value));
}

/** Of everything that is made true of a host's system, in hex. */
export function digestOfSystem(wish: object): string {
  return sha256(canonicalJson(wish));
}

/** In hex, over UTF-8. */
export function sha256(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/** JSON with sorted keys: equal values give equal text. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => compareText(a, b)))
      : part,
  );
}
