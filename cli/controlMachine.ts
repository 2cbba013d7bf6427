/** The machine that the commands run on, as far as a report needs it. */

import { release } from "node:os";
import { agentKeys } from "../facts/agent";
import { run } from "../facts/run";
import {
  backendKind,
  backendUrl,
  type FoundEngine,
  findEngines,
  findPassphrase,
  type Passphrase,
  wantedEngine,
} from "./engine";
import { version, versionOf } from "./package";

export interface ControlMachine {
  /** By name. */
  readonly versions: Readonly<Record<string, string>>;
  readonly platform: string;
  /** Without their paths, which have people's names in them. */
  readonly engines: readonly Omit<FoundEngine, "file">[];
  /** The scheme of the backend's URL, or none. */
  readonly backend: string;
  readonly passphrase: Passphrase;
  /** How many keys ssh-agent holds; undefined where none answers. */
  readonly agent: number | undefined;
}

export async function controlMachine(): Promise<ControlMachine> {
  const socket = process.env.SSH_AUTH_SOCK;
  const [ssh, keys] = await Promise.all([run("ssh", ["-V"]), socket ? agentKeys(socket) : undefined]);
  return {
    versions: {
      "spark-mesh": version,
      "Node.js": process.versions.node,
      OpenSSH: /OpenSSH_([^\s,]+)/.exec(ssh.stderr)?.[1] ?? "none",
      "@pulumi/pulumi": wantedEngine(),
      "@pulumi/command": versionOf("@pulumi/command") ?? "none",
    },
    platform: `${process.platform} ${release()} ${process.arch}`,
    engines: findEngines().map(({ file: _, ...engine }) => engine),
    backend: backendKind(backendUrl()),
    passphrase: findPassphrase(),
    agent: keys?.length,
  };
}

/** What on this machine keeps `pulumi up` from working, one line each with its remedy. */
export function machineProblems({ versions, engines, passphrase }: ControlMachine): readonly string[] {
  const wanted = wantedEngine();
  return [
    ...(versions.OpenSSH === "none" ? ["OpenSSH: found no ssh on this machine; install openssh-client"] : []),
    ...engines
      .filter((engine) => wanted.localeCompare(engine.version, "en", { numeric: true }) > 0)
      .map(
        ({ version: old, place }) =>
          `Pulumi CLI: found ${old} (${place}), wanted ${wanted}; \`npx pulumi\` is that one`,
      ),
    ...("file" in passphrase && passphrase.file !== "there"
      ? [
          passphrase.file === "missing"
            ? "PULUMI_CONFIG_PASSPHRASE_FILE: found no such file; `spark-mesh init` makes one, or set it right"
            : "PULUMI_CONFIG_PASSPHRASE_FILE: found it readable by others; chmod 600",
        ]
      : []),
  ];
}
