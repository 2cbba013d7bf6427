import { z } from "zod";
import { change, digest } from "./head";

const word = z.string().regex(/^[a-z]{1,32}$/);

/** What the operations `system` and `unsystem` read: what a host's system is to be besides its network. */
export const systemSpec = change.extend({
  /** Of the desired state: what the record is known by. */
  digest,
  /** The login user. */
  user: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$/),
  /** He is a member of the group docker. */
  docker_group: z.boolean(),
  /** The program's operations that he may run as root without a password; none: there is no sudoers file of ours. */
  sudo_operations: z.array(word),
  /** Likewise, those that bash still reads from standard input. */
  sudo_scripts: z.array(word),
  /** Whether logind removes a user's shared memory at the last logout. True: what was there before decides. */
  remove_ipc: z.boolean(),
  /** The arguments of earlyoom, where it is declared. */
  earlyoom: z
    .string()
    .regex(/^-[A-Za-z0-9 ,:()|^-]{1,300}$/)
    .nullable(),
});

export type SystemSpec = z.infer<typeof systemSpec>;
