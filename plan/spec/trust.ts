import { z } from "zod";
import { head } from "./head";

const key = z.string().regex(/^ssh-ed25519 [A-Za-z0-9+/]{1,200}={0,2}$/);

/** Our lines in one file, from the marker above them to the one below, each with its newline. */
const block = z
  .string()
  .regex(/^# BEGIN spark-mesh: [ -~]*\n(?:(?!# BEGIN spark-mesh:|# END spark-mesh\n)[ -~]*\n)*# END spark-mesh\n$/);

/** What the operation `trust` reads: what a host's ~/.ssh is to say of the others. */
export const trustSpec = head.extend({
  /** The key of this host that the others are told of. */
  public_key: key,
  /** Our lines by the file that they stand in. */
  blocks: z.strictObject({ authorized_keys: block, known_hosts: block, config: block }),
  /** Every Spark of the mesh as the others log in to it, this one too: what the record keeps. */
  peers: z.array(
    z.strictObject({
      host: z.string().regex(/^[a-z0-9-]{1,63}$/),
      user: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$/),
      port: z.int().min(1).max(65535),
      host_key: key,
      /** Its other names and addresses. */
      names: z.array(z.string().regex(/^[A-Za-z0-9_:][A-Za-z0-9._:-]{0,252}$/)),
      public_key: key,
    }),
  ),
});

export type TrustSpec = z.infer<typeof trustSpec>;
