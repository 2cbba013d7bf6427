import { z } from "zod";

/**
 * Specs: what the host program is told, JSON with one schema. Here it is zod, of which the types of what is sent are made, in
 * host/spark_mesh_host dataclasses, by which the host takes or refuses it; the files in host/specs are given to both.
 */

/** Whose change it is: what a lock and a record on a host are signed with. */
const owner = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 ._/@:-]{0,200}$/);

/** sha256 in hex. */
export const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** What every spec begins with: the Spark's name in the mesh. */
const named = z.strictObject({ host: z.string().regex(/^[a-z0-9-]{1,63}$/) });

/** What a spec begins with that is a stack's, `organization/project/stack`. */
export const head = named.extend({ stack: owner });

/** What a spec begins with that something is made true by: also who changes it, and the digest of the program that reads it. */
export const change = head.extend({ operator: owner, program: digest });

export type Named = z.infer<typeof named>;
export type Head = z.infer<typeof head>;
