/** What a host's sshd wrote down. */

import type { Lab } from "./lab";

/** How many SSH sessions a host's sshd has accepted so far. */
export async function sshSessions(lab: Lab, host: string): Promise<number> {
  const { stdout } = await lab.exec(
    host,
    "journalctl -q -o cat -t sshd -t sshd-session | grep -c '^Accepted ' || true",
  );
  return Number(stdout);
}
