import { mkdtemp, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { HostConfig } from "../config/cluster";
import { agentKeys } from "./agent";
import { failureOf } from "./failure";
import type { Login, NoFacts } from "./hostFacts";
import { resolveLogin } from "./login";
import { run } from "./run";
import { type Destination, runOver } from "./runOver";
import { SessionEnded } from "./session";

/** A host that doesn't let us in by key. */
export interface Refusal {
  readonly kind: "refused";
  readonly host: Destination;
  /** The public half that it would have to have, one line. */
  readonly key: string;
}

/** Whether a host lets us in by key. */
export type Admission =
  | { readonly kind: "admitted" }
  | Refusal
  | NoFacts
  | { readonly kind: "faults"; readonly lines: readonly string[] };

/**
 * Adds the lines of its input that are not there yet to the login user's authorized_keys, behind a last line that has no
 * end, and changes nothing else. The same for every host, so that nothing of ours becomes code there.
 */
const ADD_KEYS =
  "exec sh -c 'set -eu; umask 077; cd; mkdir -p .ssh; f=.ssh/authorized_keys; touch $f; " +
  '[ -z "$(tail -c 1 $f)" ] || echo >>$f; ' +
  'while IFS= read -r key; do grep -qxF -- "$key" $f || printf "%s\\n" "$key" >>$f; done\'';

/**
 * Tries to log in by key, as facts and apply do.
 *
 * @param folder of this run's own, for the pins.
 */
export async function askAdmission(host: HostConfig, folder: string): Promise<Admission> {
  const resolved = await resolveLogin(host);
  if (resolved.kind !== "login") return resolved;
  const { login, identityFile, nameFault, jumpName } = resolved;
  if (nameFault !== undefined) return { kind: "unreachable", reason: nameFault };
  const destination = { name: host.name, login, ...(identityFile !== undefined && { identityFile }) };
  try {
    await runOver(destination, folder, "exit", "");
    return { kind: "admitted" };
  } catch (error) {
    if (!(error instanceof SessionEnded)) throw error;
    const failure = failureOf(error, login, jumpName);
    if (typeof failure === "string") return { kind: "faults", lines: [failure] };
    // A jump host that refuses is another matter.
    if (failure.kind !== "denied" || error.jumpStderr !== "") return failure;
  }
  const key = await publicKeyOf(identityFile);
  return typeof key === "string" ? { kind: "refused", host: destination, key } : { kind: "faults", lines: key };
}

/** The public key that a host is to have, as a line of authorized_keys; or why there is none. */
async function publicKeyOf(identityFile: string | undefined): Promise<string | readonly string[]> {
  if (identityFile !== undefined) {
    const { code, stdout, stderr } = await run("ssh-keygen", ["-y", "-f", identityFile]);
    const line = stdout.trim();
    return code === 0 && line !== "" ? line : [`the public half of ${identityFile} can't be told: ${stderr.trim()}`];
  }
  const [first] = (await agentKeys(process.env.SSH_AUTH_SOCK ?? "")) ?? [];
  if (first === undefined) return ["ssh-agent holds no key; add one with ssh-add"];
  // The wire format begins with the key's type.
  const type = first.subarray(4, 4 + first.readUInt32BE(0)).toString("latin1");
  return `${type} ${first.toString("base64")}`;
}

/**
 * Lets a key in on a host that refused it, with the login user's password. The password goes from this process to ssh's
 * question alone, over a socket in a folder of this run's own: it is in no argument, environment or file.
 *
 * @returns why the key was not let in, without the host's name; undefined where it was.
 */
export async function authorize({ host, key }: Refusal, password: string, folder: string): Promise<string | undefined> {
  const own = await mkdtemp(join(folder, "ask-"));
  const answers = createServer((socket) => socket.end(`${password}\n`));
  const socketPath = join(own, "s");
  await new Promise<void>((resolve) => answers.listen(socketPath, resolve));
  try {
    const askpass = join(own, "askpass");
    await writeFile(askpass, `#!/bin/sh\nexec "$SPARK_MESH_NODE" -e '${ASKPASS}' -- "$1"\n`, { mode: 0o700 });
    await runOver(host, folder, ADD_KEYS, `${key}\n`, {
      options: ["BatchMode=no", "PreferredAuthentications=keyboard-interactive,password", "NumberOfPasswordPrompts=1"],
      env: {
        SSH_ASKPASS: askpass,
        SSH_ASKPASS_REQUIRE: "force",
        SPARK_MESH_NODE: process.execPath,
        SPARK_MESH_ASKPASS: socketPath,
      },
    });
    return undefined;
  } catch (error) {
    if (!(error instanceof SessionEnded)) throw error;
    return passwordFault(host.login, key, error);
  } finally {
    answers.close();
  }
}

/** Answers ssh's question for a password, and no other: a code from a telephone is not ours to give. */
const ASKPASS = [
  "if (!/assword/.test(process.argv[1])) process.exit(1);",
  "require(`node:net`).connect(process.env.SPARK_MESH_ASKPASS).pipe(process.stdout);",
].join(" ");

function passwordFault({ user, address }: Login, key: string, { stderr, ended }: SessionEnded): string {
  const who = `${user}@${address}`;
  const offered = /Permission denied \(([^)]*)\)/.exec(stderr)?.[1];
  if (offered !== undefined && !/password|keyboard-interactive/.test(offered)) {
    return `${who} takes no password (it offers ${offered}), wanted one; add this line to that user's ~/.ssh/authorized_keys on the machine itself: ${key}`;
  }
  if (offered !== undefined) return `${who} refused the password; run this again with the right one`;
  if (ended !== undefined) return `${who}: ${ended}; run this again`;
  const said = stderr.trim().split("\n").at(-1) ?? "";
  return `${who}: ~/.ssh/authorized_keys can't be written (${said}); see its owner, mode and disk`;
}
