/** What a host's sshd wrote down. */

import { namesOf } from "../layout";
import type { Lab } from "./lab";

/** How many SSH sessions from this machine a host's sshd has accepted so far; those of other Sparks aside. */
export async function sshSessions(lab: Lab, host: string): Promise<number> {
  const [address] = namesOf(lab.state.network).cidr.split("/");
  const { stdout } = await lab.exec(
    host,
    `journalctl --sync; journalctl -q -o cat -t sshd -t sshd-session | grep -c '^Accepted .* from ${address} ' || true`,
  );
  return Number(stdout);
}
