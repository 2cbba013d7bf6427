import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { HostConfig } from "../config/cluster";
import { failureOf } from "./failure";
import type { NoFacts } from "./hostFacts";
import { resolveLogin } from "./login";
import { openSession, SessionEnded } from "./session";

/** What a host made of the wish for a new mesh key. */
const outcome = z.enum(["asked", "already", "noKey", "unwritable"]);
const answer = z.object({ rotation: outcome });

/** What came of asking; lines of faults are without the host's name. */
export type Rotation =
  | { readonly kind: "answered"; readonly outcome: z.infer<typeof outcome> }
  | NoFacts
  | { readonly kind: "faults"; readonly lines: readonly string[] };

/**
 * Asks a host to make a new mesh key at the next `up`, over a session with a pinned host key.
 *
 * @param folder of this run's own, for the pins.
 */
export async function askRotation(host: HostConfig, folder: string): Promise<Rotation> {
  const resolved = await resolveLogin(host);
  if (resolved.kind !== "login") return resolved;
  const { login, identityFile, nameFault, jumpName } = resolved;
  if (nameFault !== undefined) return { kind: "unreachable", reason: nameFault };
  const target = { name: host.name, login, ...(identityFile !== undefined && { identityFile }) };
  const session = await openSession(target, folder);
  try {
    const line = await session.ask(readFileSync(join(__dirname, "../scripts/rotate.sh"), "utf8"));
    return { kind: "answered", outcome: answer.parse(JSON.parse(line)).rotation };
  } catch (error) {
    if (!(error instanceof SessionEnded)) throw error;
    const failure = failureOf(error, login, jumpName);
    return typeof failure === "string" ? { kind: "faults", lines: [failure] } : failure;
  } finally {
    session.close();
  }
}
