import { z } from "zod";
import { rawOwnFile } from "./ownFile";
import { newerVersion } from "./record";
import type { TrustFile } from "./trustFiles";

/** What facts tell of the login user's ~/.ssh, as far as SSH trust between the Sparks goes. */

/** An ed25519 public key without its comment. */
const KEY = /^ssh-ed25519 [A-Za-z0-9+/]+=*$/;

/** One Spark as the others log in to it; the same on all of them. */
const trustIdentity = z.object({
  /** Its name in the mesh. */
  host: z.string().regex(/^[a-z0-9][a-z0-9-]*$/),
  user: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._@+-]*$/),
  port: z.int().min(1).max(65535),
  /** `ssh-ed25519 AAAA...` */
  hostKey: z.string().regex(KEY),
  /** Its other names and addresses on the management network, the one to go to first of the addresses. */
  names: z.array(z.string().regex(/^[A-Za-z0-9_:][A-Za-z0-9._:-]*$/)),
  /** Of the key pair that it logs in to the others with. Undefined until it is made. */
  publicKey: z.string().regex(KEY).optional(),
});

/** What `trust` leaves on a host, in ~/.ssh/spark-mesh/record.json. */
const trustRecord = z.object({
  version: z.literal(1),
  /** Name of the host in the mesh. */
  host: z.string(),
  /** `organization/project/stack` that did it. */
  stack: z.string(),
  publicKey: z.string(),
  /** Every host of the mesh, this one too, by number. */
  peers: z.array(trustIdentity),
});

/** One path in ~/.ssh as stat shows it; symbolic links are followed. */
const trustStat = z.object({
  /** `~/.ssh/config` */
  path: z.string(),
  /** Octal, e.g. "600". */
  mode: z.string(),
  /** By name. */
  owner: z.string(),
  /** As stat says it, e.g. "regular file". */
  type: z.string(),
  /** Change time in seconds with a fraction, as text: it tells one state of the file from another. */
  ctime: z.string(),
});

/** From our first line to our last; null: none; false: unreadable, or nobody can tell what is ours. */
const block = z.union([z.string(), z.literal(false), z.null()]);

export const rawTrust = z.object({
  stats: z.array(trustStat),
  blocks: z.object({ authorized_keys: block, known_hosts: block, config: block }),
  publicKey: z.string().nullable(),
  privateKey: z.boolean(),
  rotate: z.boolean(),
  record: rawOwnFile,
});

export type TrustIdentity = z.infer<typeof trustIdentity>;
type TrustRecord = z.infer<typeof trustRecord>;
export type TrustStat = z.infer<typeof trustStat>;
export type RawTrust = z.infer<typeof rawTrust>;

export interface TrustFacts {
  /** Of ~/.ssh, the files that get a block, and our own folder with the key pair: those that are there. */
  readonly stats: readonly TrustStat[];
  readonly blocks: Readonly<Record<TrustFile, string | false | null>>;
  /** `ssh-ed25519 AAAA...` */
  readonly publicKey?: string;
  /** Whether there is a private half. */
  readonly privateKey: boolean;
  /** Whether the owner asked for a new key pair. */
  readonly rotate: boolean;
  /** `newer`: a later release wrote it. */
  readonly record?: TrustRecord | "damaged" | "newer";
}

export function trustFacts({ publicKey, record, ...raw }: RawTrust): TrustFacts {
  return {
    ...raw,
    ...(publicKey !== null && KEY.test(publicKey) && { publicKey }),
    ...(record !== null && { record: readRecord(record) }),
  };
}

/** Nothing hangs on a damaged one that could not be written again: it is no fault. */
function readRecord(text: string | false): TrustRecord | "damaged" | "newer" {
  let json: unknown;
  try {
    json = JSON.parse(text || "");
  } catch {
    return "damaged";
  }
  const result = trustRecord.safeParse(json);
  if (result.success) return result.data;
  return newerVersion(json) === undefined ? "damaged" : "newer";
}

/** What is wrong with an identity; undefined where nothing is. */
export function identityFault(identity: TrustIdentity): { readonly key: string; readonly found: string } | undefined {
  const issue = trustIdentity.safeParse(identity).error?.issues[0];
  const key = issue?.path[0];
  if (key === undefined) return undefined;
  return { key: String(key), found: JSON.stringify(identity[key as keyof TrustIdentity]) };
}
