import type { SshConfig } from "../config/cluster";
import { agentKeys } from "./agent";
import { type KeyFile, readKeyFile } from "./keyFile";

/** Who we are to a host: a key of our own, or whatever the agent holds; or why neither will do. */
export interface Credential {
  /** The key's text for apply; empty where the agent is used. Secret. */
  readonly key: { readonly privateKey?: string };
  /** The key's path for OpenSSH; undefined where the agent is used. */
  readonly identityFile?: string;
  readonly faults: readonly string[];
}

type Agent =
  | { readonly kind: "unset" }
  | { readonly kind: "dead"; readonly socket: string }
  | { readonly kind: "alive"; readonly keys: readonly Buffer[] };

async function askAgent(): Promise<Agent> {
  const socket = process.env.SSH_AUTH_SOCK;
  if (socket === undefined || socket === "") return { kind: "unset" };
  const keys = await agentKeys(socket);
  return keys === undefined ? { kind: "dead", socket } : { kind: "alive", keys };
}

const start = 'start one and add a key: eval "$(ssh-agent)" && ssh-add';

function withAgent(agent: Agent): Credential {
  const fault = (line: string): Credential => ({ key: {}, faults: [line] });
  switch (agent.kind) {
    case "unset":
      return fault(`no ssh-agent (SSH_AUTH_SOCK is unset); ${start}, or give an identityFile`);
    case "dead":
      return fault(`no ssh-agent answers (SSH_AUTH_SOCK is ${agent.socket}); ${start}, or give an identityFile`);
    case "alive":
      return agent.keys.length === 0
        ? fault("ssh-agent holds no usable key; add one with ssh-add, or give an identityFile")
        : { key: {}, faults: [] };
  }
}

function withKey(path: string, file: KeyFile, agent: Agent): Credential {
  const fault = (line: string): Credential => ({ key: {}, faults: [line] });
  switch (file.kind) {
    case "fault":
      return fault(file.fault);
    case "usable":
      // Apply's client opens the agent's socket also where it has a key, and fails where nobody listens.
      return agent.kind === "dead"
        ? fault(
            `no ssh-agent answers (SSH_AUTH_SOCK is ${agent.socket}), and apply's client tries it first; unset SSH_AUTH_SOCK`,
          )
        : { key: { privateKey: file.text }, identityFile: path, faults: [] };
    case "passphrase": {
      const { publicKey } = file;
      const held = agent.kind === "alive" && publicKey !== undefined && agent.keys.some((key) => key.equals(publicKey));
      // The agent can use it without asking, so it is as good as an unlocked one.
      if (held) return { key: {}, faults: [] };
      const why = agent.kind === "alive" ? "ssh-agent doesn't hold it" : "there is no ssh-agent";
      return fault(`${path} has a passphrase and ${why}; run: ssh-add ${path}, or give a key without a passphrase`);
    }
  }
}

/** Finds out who we are to a host; the faults are one line each, without the host's name. */
export async function credentialOf(ssh: SshConfig): Promise<Credential> {
  if (ssh.auth === "agent" || ssh.identityFile === undefined) return withAgent(await askAgent());
  const [file, agent] = await Promise.all([readKeyFile(ssh.identityFile), askAgent()]);
  return withKey(ssh.identityFile, file, agent);
}
