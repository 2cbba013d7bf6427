import { misused, parseWords } from "./commandLine";

const OPTIONS = {
  stack: { type: "string" },
  from: { type: "string" },
  identity: { type: "string" },
  to: { type: "string" },
  adopt: { type: "boolean" },
  write: { type: "boolean" },
  json: { type: "boolean" },
  "ask-sudo": { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

const EXPORT_FORMATS = ["sparkrun", "env"] as const;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export interface DiscoverOptions {
  /** Addresses, names or aliases, `[user@]host[:port]`. */
  readonly hosts: readonly string[];
  /** The stack whose file names the hosts, or is to be written. */
  readonly stack?: string;
  /** Another tool's file that names the hosts. */
  readonly from?: string;
  /** The tool for which the mesh is to be written down. */
  readonly to?: ExportFormat;
  readonly adopt: boolean;
  readonly write: boolean;
  readonly json: boolean;
  /** Path of a private key. */
  readonly identity?: string;
  readonly askSudo: boolean;
}

export const DISCOVER_HELP = `Shows what is cabled to what, from the hosts themselves.

usage: npm run discover -- [HOST... | --stack NAME | --from FILE] [options]

  HOST             [user@]address[:port], a name, or an alias in ~/.ssh/config; the first is the head
  --stack NAME     the hosts of Pulumi.NAME.yaml; with HOST or --from: the file that --write writes
  --from FILE      the hosts of another tool's file: sparkrun's cluster YAML, or spark-vllm-docker's .env
  --adopt          take the addresses, MTU and file that the hosts have now into the stack config
  --write          write hosts: and cables: into Pulumi.NAME.yaml; its comments and order stay
  --identity FILE  log in with this private key (default: the keys in ssh-agent)
  --ask-sudo       ask for the sudo password, to read netplan's files where sudo wants one
  --to FORMAT      print a mesh that was made for another tool: sparkrun (a cluster's YAML, named like the stack) or
                   env (spark-vllm-docker's .env)
  --json           one JSON document on stdout; npm run --silent keeps npm's own words out of it
  --help           this text

Nothing on a host is changed. Exit status: 0 a mesh, 1 faults in it, 2 a mistake in the command line.
`;

/** @throws Faults with the mistake in the command line */
export function parseDiscover(args: readonly string[]): DiscoverOptions | "help" {
  const { values, positionals } = parseWords(args, OPTIONS);
  if (values.help) return "help";
  const sources = [positionals.length > 0, values.from !== undefined].filter(Boolean).length;
  const faults: string[] = [];
  if (sources === 0 && values.stack === undefined) faults.push("found no hosts; name them, or give --stack or --from");
  if (sources === 2) faults.push("found hosts and --from; wanted one of them");
  if (values.write && values.stack === undefined) faults.push("--write needs --stack NAME, the file to write");
  if (values.to !== undefined && !isExportFormat(values.to)) {
    faults.push(`--to: found ${JSON.stringify(values.to)}; allowed: ${EXPORT_FORMATS.join(", ")}`);
  }
  if (values.to !== undefined && (values.stack === undefined || sources > 0))
    faults.push("--to needs --stack NAME alone");
  if (faults.length > 0) throw misused(...faults);
  return {
    hosts: positionals,
    adopt: values.adopt === true,
    write: values.write === true,
    json: values.json === true,
    askSudo: values["ask-sudo"] === true,
    ...(values.stack !== undefined && { stack: values.stack }),
    ...(values.from !== undefined && { from: values.from }),
    ...(isExportFormat(values.to) && { to: values.to }),
    ...(values.identity !== undefined && { identity: values.identity }),
  };
}

function isExportFormat(text: string | undefined): text is ExportFormat {
  return EXPORT_FORMATS.some((format) => format === text);
}
