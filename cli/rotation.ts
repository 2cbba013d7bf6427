import { operationStdin, operationTexts, readAnswer } from "../components/operations";
import type { HostConfig } from "../config/cluster";
import { failureOf } from "../facts/failure";
import type { NoFacts } from "../facts/hostFacts";
import { resolveLogin } from "../facts/login";
import { runOver } from "../facts/runOver";
import { SessionEnded } from "../facts/session";
import type { Named } from "../plan/spec/head";

/** What a host made of the wish for a new mesh key; as `ask_rotation` of the host program answers. */
const OUTCOMES = ["asked", "already", "noKey", "unwritable"] as const;
type Outcome = (typeof OUTCOMES)[number];

/** What came of asking; lines of faults are without the host's name. */
export type Rotation =
  | { readonly kind: "answered"; readonly outcome: Outcome }
  | NoFacts
  | { readonly kind: "faults"; readonly lines: readonly string[] };

/**
 * Asks a host to make a new mesh key at the next `up`, with a pinned host key.
 *
 * @param folder of this run's own, for the pins.
 */
export async function askRotation(host: HostConfig, folder: string): Promise<Rotation> {
  const resolved = await resolveLogin(host);
  if (resolved.kind !== "login") return resolved;
  const { login, identityFile, nameFault, jumpName } = resolved;
  if (nameFault !== undefined) return { kind: "unreachable", reason: nameFault };
  const { name } = host;
  const named: Named = { host: name };
  const stdin = operationStdin({ host: name, program: "newest", spec: JSON.stringify(named) });
  const target = { name, login, ...(identityFile !== undefined && { identityFile }) };
  try {
    const answer = readAnswer(await runOver(target, folder, operationTexts("rotate").create, stdin));
    // A host without the program answers nothing, and has no key of ours either.
    return { kind: "answered", outcome: OUTCOMES.find((one) => one === answer.rotation) ?? "noKey" };
  } catch (error) {
    if (!(error instanceof SessionEnded)) throw error;
    const failure = failureOf(error, login, jumpName);
    return typeof failure === "string" ? { kind: "faults", lines: [failure] } : failure;
  }
}
