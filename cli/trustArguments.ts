import { misused, parseWords } from "./commandLine";

export interface TrustOptions {
  /** Names of the stack's hosts, else addresses, names or aliases, `[user@]host[:port]`. */
  readonly hosts: readonly string[];
  /** The stack whose file names the hosts and keeps the pins. */
  readonly stack?: string;
  /** Path of a private key, for a jump host. */
  readonly identity?: string;
  readonly yes: boolean;
  readonly replace: boolean;
  readonly rotate: boolean;
  readonly json: boolean;
}

const OPTIONS = {
  stack: { type: "string" },
  identity: { type: "string" },
  yes: { type: "boolean", short: "y" },
  replace: { type: "boolean" },
  rotate: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

export const TRUST_HELP = `Shows the SSH host keys of Sparks, asks, and pins them.

usage: npm run trust -- HOST... [options]
       npm run trust -- --stack NAME [HOST...] [options]
       npm run trust -- --rotate HOST... [--stack NAME]

  HOST             [user@]address[:port], a name, or an alias in ~/.ssh/config: pinned in ~/.ssh/known_hosts
  --stack NAME     HOST is a host of Pulumi.NAME.yaml, by default each of them: pinned there as its hostKey
  --replace        pin the key that is shown also where another one is pinned; asks, too
  --yes            ask nothing: the keys that are shown are the right ones
  --identity FILE  log in to a jump host with this private key (default: the keys in ssh-agent)
  --rotate         ask HOST for a new mesh key: the next \`pulumi up\` makes it and replaces the old one everywhere;
                   --stack may be left out where there is one stack file
  --json           one JSON document on stdout
  --help           this text

Nothing on a host is changed but by --rotate. Exit status: 0 every key is pinned, 1 one is not, 2 a mistake in the
command line.
`;

/** @throws Faults with the mistake in the command line */
export function parseTrust(args: readonly string[]): TrustOptions | "help" {
  const { values, positionals } = parseWords(args, OPTIONS);
  const { stack, identity, yes = false, replace = false, rotate = false, json = false } = values;
  if (values.help) return "help";
  const faults: string[] = [];
  if (positionals.length === 0 && (rotate || stack === undefined)) {
    faults.push(`found no hosts; name them${rotate ? "" : ", or give --stack"}`);
  }
  if (rotate && replace) faults.push("found --rotate and --replace; wanted one of them");
  if (stack !== undefined && identity !== undefined)
    faults.push("found --stack and --identity; its file names the key");
  if (faults.length > 0) throw misused(...faults);
  return {
    hosts: positionals,
    yes,
    replace,
    rotate,
    json,
    ...(stack !== undefined && { stack }),
    ...(identity !== undefined && { identity }),
  };
}
