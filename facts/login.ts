import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { HostConfig } from "../config/cluster";
import { type Credential, credentialOf } from "./credential";
import type { HostKeyUnknown, Login } from "./hostFacts";
import { knownHosts, otherTypes, pinsOf } from "./hostKey";
import { unknownHostKey } from "./hostKeyFaults";
import { parseJump, type SshTarget, sshTarget } from "./sshConfig";

/** What a host's login comes to, before anything was sent to the host. */
export type LoginResult =
  | {
      readonly kind: "login";
      readonly login: Login;
      /** The private key's path, for OpenSSH; undefined where the agent proves who we are. */
      readonly identityFile?: string;
      /** The jump host as the configuration names it, perhaps by an alias. */
      readonly jumpName?: string;
      /** Why the name led to no address; `login.address` is the name then. */
      readonly nameFault?: string;
    }
  | HostKeyUnknown
  | { readonly kind: "faults"; readonly lines: readonly string[] };

const lookupSeconds = 5;

/** The address that a name has on this machine, IPv4 first; undefined where it has none. */
async function addressOf(name: string): Promise<string | undefined> {
  if (isIP(name) !== 0) return name;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), lookupSeconds * 1000);
  });
  try {
    const found = await Promise.race([lookup(name, { all: true }), late]);
    return found?.find(({ family }) => family === 4)?.address ?? found?.[0]?.address;
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** What apply's client lacks on the way to a target, beyond one jump. */
export function wayFaults(who: string, target: SshTarget): string[] {
  return target.proxyCommand === undefined
    ? []
    : [
        `${who}~/.ssh/config gives it a ProxyCommand, which apply's client can't run; use ProxyJump, or its own address`,
      ];
}

interface Hop {
  readonly target: SshTarget;
  readonly hostKey?: string;
  readonly otherTypes: readonly string[];
}

/** A target with the host key to pin. */
async function hopOf(target: SshTarget, pinned: string | undefined): Promise<Hop> {
  if (pinned !== undefined) return { target, hostKey: pinned, otherTypes: [] };
  const known = await knownHosts(target);
  const [pin] = pinsOf(known);
  return { target, otherTypes: otherTypes(known), ...(pin !== undefined && { hostKey: pin.key }) };
}

/** The jump host as a login, or everything that keeps apply from using it. */
export async function jumpOf(jump: string, credential: Credential): Promise<Login | string[]> {
  if (jump.includes(",")) return [`it is behind more than one jump (${jump}); apply's client can make one`];
  const { name, ...overrides } = parseJump(jump);
  const target = await sshTarget(name, overrides);
  if (typeof target === "string") return [target];
  const lines = wayFaults(`jump host ${name}: `, target);
  if (target.proxyJump !== undefined) {
    lines.push(
      `it is behind more than one jump (${name} is itself behind ${target.proxyJump}); apply's client can make one`,
    );
  }
  const [hop, address] = await Promise.all([
    hopOf(target, undefined),
    lines.length === 0 ? addressOf(target.hostname) : undefined,
  ]);
  const { hostKey } = hop;
  if (hostKey === undefined) {
    lines.push(`jump host ${name}: ${unknownHostKey(target.hostKeyName, hop.otherTypes, jump)}`);
  }
  if (lines.length > 0 || hostKey === undefined) return lines;
  if (address === undefined) return [`jump host ${name}: no address is known for ${target.hostname}; check its name`];
  return { address, port: target.port, user: target.user, hostKey, ...credential.key };
}

/**
 * How apply will log in to a host, judged with OpenSSH's configuration, the user's known_hosts, the agent and the key
 * file, before anything is sent. What OpenSSH could do and apply's client can't is a fault: no usable key, a
 * ProxyCommand, a second jump, no ed25519 host key. Names are looked up here where there is no jump, for the official
 * plugin finds no mDNS names.
 */
export async function resolveLogin(host: HostConfig): Promise<LoginResult> {
  const [target, credential] = await Promise.all([sshTarget(host.address, host.ssh), credentialOf(host.ssh)]);
  if (typeof target === "string") return { kind: "faults", lines: [target] };

  const lines = [...credential.faults, ...wayFaults("", target)];
  if (lines.length === 0 && target.identityAgent !== undefined && credential.identityFile === undefined) {
    if (target.identityAgent !== process.env.SSH_AUTH_SOCK) {
      lines.push(
        `~/.ssh/config names an agent of its own (IdentityAgent ${target.identityAgent}), which apply's client doesn't ` +
          "read; set SSH_AUTH_SOCK to it",
      );
    }
  }
  const [hop, jump, address] = await Promise.all([
    hopOf(target, host.ssh.hostKey),
    target.proxyJump === undefined ? undefined : jumpOf(target.proxyJump, credential),
    target.proxyJump === undefined && lines.length === 0 ? addressOf(target.hostname) : undefined,
  ]);
  if (Array.isArray(jump)) lines.push(...jump);
  if (lines.length > 0 || Array.isArray(jump)) return { kind: "faults", lines };
  if (hop.hostKey === undefined) {
    return { kind: "hostKeyUnknown", name: target.hostKeyName, otherTypes: hop.otherTypes };
  }
  const jumpName = target.proxyJump;
  return {
    kind: "login",
    login: {
      address: address ?? target.hostname,
      port: target.port,
      user: target.user,
      hostKey: hop.hostKey,
      ...credential.key,
      ...(jump && { jump }),
    },
    ...(credential.identityFile !== undefined && { identityFile: credential.identityFile }),
    ...(jumpName !== undefined && { jumpName }),
    ...(jumpName === undefined && address === undefined && { nameFault: `name not found: ${target.hostname}` }),
  };
}
