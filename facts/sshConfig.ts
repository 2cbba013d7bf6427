import { isIP } from "node:net";
import { homedir } from "node:os";
import { run } from "./run";

/** Where a name leads by OpenSSH's own configuration. */
export interface SshTarget {
  readonly hostname: string;
  readonly port: number;
  readonly user: string;
  /** As configured, perhaps several jumps with commas between them. */
  readonly proxyJump?: string;
  readonly proxyCommand?: string;
  /** The agent's socket where ~/.ssh/config names one of its own. */
  readonly identityAgent?: string;
  /** The name under which known_hosts has its key: an alias, a name, or `[name]:port`. */
  readonly hostKeyName: string;
  readonly hostKeyAlias?: string;
  /** The user's own first, then the machine's. */
  readonly knownHostsFiles: readonly string[];
  /** Those of the user; ssh writes to the first. */
  readonly ownKnownHostsFiles: readonly string[];
  /** Whether names are hashed when they are written to known_hosts. */
  readonly hashKnownHosts: boolean;
}

/** What the stack config says over the configuration. */
interface SshOverrides {
  readonly user?: string;
  readonly port?: number;
  readonly proxyJump?: string;
}

/** `ssh -G` leaves `~` as it is. */
function expanded(path: string): string {
  return path.startsWith("~/") ? homedir() + path.slice(1) : path;
}

/**
 * Asks `ssh -G`, the only reader of ~/.ssh/config that is always right, where `name` leads.
 *
 * @returns A text instead, saying why not, where ssh is missing or its configuration is faulty.
 */
export async function sshTarget(name: string, overrides: SshOverrides): Promise<SshTarget | string> {
  const args = ["-G", "-T"];
  if (overrides.user !== undefined) args.push("-o", `User=${overrides.user}`);
  if (overrides.port !== undefined) args.push("-o", `Port=${overrides.port}`);
  if (overrides.proxyJump !== undefined) args.push("-o", `ProxyJump=${overrides.proxyJump}`);
  const { code, stdout, stderr } = await run("ssh", [...args, "--", name]);
  if (code === undefined) return "OpenSSH's ssh can't be run on this machine; install openssh-client";
  if (code !== 0) return `~/.ssh/config is not usable: ${stderr.trim().split("\n", 1)[0] ?? ""}`;

  const values = new Map<string, string>();
  for (const line of stdout.split("\n")) {
    const space = line.indexOf(" ");
    const key = line.slice(0, space);
    if (space > 0 && !values.has(key)) values.set(key, line.slice(space + 1));
  }
  const given = (key: string) => {
    const value = values.get(key);
    return value === undefined || value.toLowerCase() === "none" ? undefined : value;
  };
  const hostname = given("hostname") ?? name;
  const port = Number(given("port") ?? 22);
  const hostKeyAlias = given("hostkeyalias");
  const proxyJump = given("proxyjump");
  const proxyCommand = given("proxycommand");
  const identityAgent = given("identityagent");
  const files = (key: string) => (given(key) ?? "").split(" ").filter(Boolean).map(expanded);
  const ownKnownHostsFiles = files("userknownhostsfile");
  return {
    hostname,
    port,
    user: given("user") ?? "",
    hostKeyName: hostKeyAlias ?? (port === 22 ? hostname.toLowerCase() : `[${hostname.toLowerCase()}]:${port}`),
    knownHostsFiles: [...ownKnownHostsFiles, ...files("globalknownhostsfile")],
    ownKnownHostsFiles,
    hashKnownHosts: given("hashknownhosts") === "yes",
    ...(hostKeyAlias !== undefined && { hostKeyAlias }),
    ...(proxyJump !== undefined && { proxyJump }),
    ...(proxyCommand !== undefined && { proxyCommand }),
    ...(identityAgent !== undefined && identityAgent !== "SSH_AUTH_SOCK" && { identityAgent }),
  };
}

/** `[user@]host[:port]`, an IPv6 address in brackets. */
export function parseJump(jump: string): { name: string } & SshOverrides {
  const at = jump.lastIndexOf("@");
  const user = at < 0 ? undefined : jump.slice(0, at);
  const place = jump.slice(at + 1);
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(place) ?? [];
  const name = bracketed ?? plain ?? place;
  return {
    name: isIP(place) === 6 ? place : name,
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port: Number(port) }),
  };
}
