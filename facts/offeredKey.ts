import type { HostConfig } from "../config/cluster";
import { credentialOf } from "./credential";
import { jumpFailure, otherKeysOnly, plainly } from "./failure";
import type { NoFacts } from "./hostFacts";
import { type KnownHost, knownHosts } from "./hostKey";
import { jumpOf, wayFaults } from "./login";
import { run } from "./run";
import { jumpSaid, keptKey, sshArguments } from "./sshArguments";
import { type SshTarget, sshTarget } from "./sshConfig";

/** A host's key as it shows it now, beside what known_hosts has of it. */
export interface OfferedKey {
  readonly kind: "offered";
  readonly target: SshTarget;
  readonly known: readonly KnownHost[];
  /** `ssh-ed25519 AAAA...` */
  readonly key: string;
}

/** What came of asking a host for its key; lines of faults are without the host's name. */
export type KeyOffer = OfferedKey | NoFacts | { readonly kind: "faults"; readonly lines: readonly string[] };

/**
 * Asks a host for its ed25519 key, by OpenSSH and on the way that facts and apply take, and logs in nowhere but on a
 * jump host, whose own key must be pinned.
 *
 * @param folder of this run's own, for the pins.
 */
export async function offeredKey(host: HostConfig, folder: string): Promise<KeyOffer> {
  const target = await sshTarget(host.address, host.ssh);
  if (typeof target === "string") return { kind: "faults", lines: [target] };
  const faults = wayFaults("", target);
  if (faults.length > 0) return { kind: "faults", lines: faults };
  const { proxyJump } = target;
  const credential = proxyJump === undefined ? undefined : await credentialOf(host.ssh);
  if (credential && credential.faults.length > 0) return { kind: "faults", lines: credential.faults };
  const jump = proxyJump === undefined || !credential ? undefined : await jumpOf(proxyJump, credential);
  if (Array.isArray(jump)) return { kind: "faults", lines: jump };

  const login = { address: target.hostname, port: target.port, user: target.user, ...(jump && { jump }) };
  const args = await sshArguments(login, host.name, folder, credential?.identityFile);
  const [{ code, stderr }, known] = await Promise.all([run("ssh", [...args, "exit"]), knownHosts(target)]);
  const key = await keptKey(folder, host.name);
  if (key !== undefined) return { kind: "offered", target, known, key };

  const said = await jumpSaid(folder, host.name);
  if (jump && said !== "") return jumpFailure(said, jump, proxyJump);
  const others = otherKeysOnly(stderr);
  if (others !== undefined) {
    const line = `host key: found ${others}, wanted an ed25519 one, for apply can pin no other; on it: sudo ssh-keygen -A`;
    return { kind: "faults", lines: [line] };
  }
  return { kind: "unreachable", reason: code === undefined ? "timed out after 10 s" : plainly(stderr) };
}
