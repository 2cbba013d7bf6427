import { z } from "zod";
import { Faults } from "../../config/faults";

/**
 * Specs: what the host program is told, JSON with one schema. Here it is zod, in host/spark_mesh_host dataclasses; the files
 * in host/specs are given to both.
 */

/** Whose change it is: what a lock and a record on a host are signed with. */
const owner = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9 ._/@:-]{0,200}$/);

/** sha256 in hex. */
export const digest = z.string().regex(/^[0-9a-f]{64}$/);

/** What every spec begins with: the Spark's name in the mesh, and the stack, `organization/project/stack`. */
export const head = z.strictObject({ host: z.string().regex(/^[a-z0-9-]{1,63}$/), stack: owner });

/** What a spec begins with that something is made true by: also who changes it, and the digest of the program that reads it. */
export const change = head.extend({ operator: owner, program: digest });

/**
 * A spec as it is sent, one line.
 *
 * @throws Faults that name the host, for each value that the host program would not take.
 */
export function renderSpec<T extends { readonly host: string }>(schema: z.ZodType<T>, spec: T): string {
  const { data, error } = schema.safeParse(spec);
  if (error) {
    const lines = error.issues.map(({ path, message }) => `${spec.host}: ${path.join(".")}: ${message}`);
    throw new Faults(`the spec of ${spec.host}`, lines);
  }
  return JSON.stringify(data);
}
