import { spawn } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { HostConfig } from "../config/cluster";
import { agentKeys } from "./agent";
import { failureOf } from "./failure";
import type { Login, NoFacts } from "./hostFacts";
import { resolveLogin } from "./login";
import { run } from "./run";
import { SessionEnded } from "./session";
import { jumpSaid, sshArguments } from "./sshArguments";

/** Whether a host lets us in by key. */
export type Admission =
  | { readonly kind: "admitted" }
  /** It doesn't; `key` is the public half, one line, that it would have to have. */
  | { readonly kind: "refused"; readonly login: Login; readonly key: string; readonly identityFile?: string }
  | NoFacts
  | { readonly kind: "faults"; readonly lines: readonly string[] };

/** What came of letting a key in with a password; lines of faults are without the host's name. */
export type Authorization =
  | { readonly kind: "authorized" }
  | { readonly kind: "faults"; readonly lines: readonly string[] };

/** As long as a login by password may take, in seconds: sshd may look a name up, and wait after a wrong one. */
const PASSWORD_SECONDS = 40;

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
  const { code, stderr } = await run("ssh", [...(await sshArguments(login, host.name, folder, identityFile)), "exit"]);
  if (code === 0) return { kind: "admitted" };
  const saidByJump = login.jump === undefined ? "" : await jumpSaid(folder, host.name);
  const failure = failureOf(new SessionEnded(code, stderr, saidByJump), login, jumpName);
  if (typeof failure === "string") return { kind: "faults", lines: [failure] };
  // A jump host that refuses is another matter.
  if (failure.kind !== "denied" || saidByJump !== "") return failure;
  const key = await publicKeyOf(identityFile);
  if (typeof key !== "string") return { kind: "faults", lines: key };
  return { kind: "refused", login, key, ...(identityFile !== undefined && { identityFile }) };
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
 */
export async function authorize(
  host: HostConfig,
  { login, key, identityFile }: Extract<Admission, { kind: "refused" }>,
  password: string,
  folder: string,
): Promise<Authorization> {
  const own = await mkdtemp(join(folder, "ask-"));
  const answers = createServer((socket) => socket.end(`${password}\n`));
  const socketPath = join(own, "s");
  await new Promise<void>((resolve) => answers.listen(socketPath, resolve));
  try {
    const askpass = join(own, "askpass");
    await writeFile(askpass, `#!/bin/sh\nexec "$SPARK_MESH_NODE" -e '${ASKPASS}' -- "$1"\n`, { mode: 0o700 });
    const args = await sshArguments(login, host.name, folder, identityFile);
    const words = [
      "BatchMode=no",
      "PreferredAuthentications=keyboard-interactive,password",
      "NumberOfPasswordPrompts=1",
    ];
    const { code, stderr } = await withInput("ssh", [...words.flatMap((word) => ["-o", word]), ...args, ADD_KEYS], {
      input: `${key}\n`,
      env: {
        SSH_ASKPASS: askpass,
        SSH_ASKPASS_REQUIRE: "force",
        SPARK_MESH_NODE: process.execPath,
        SPARK_MESH_ASKPASS: socketPath,
      },
    });
    if (code === 0) return { kind: "authorized" };
    return { kind: "faults", lines: [passwordFault(login, key, code, stderr)] };
  } finally {
    answers.close();
  }
}

/** Answers ssh's question for a password, and no other: a code from a telephone is not ours to give. */
const ASKPASS = [
  "if (!/assword/.test(process.argv[1])) process.exit(1);",
  "require(`node:net`).connect(process.env.SPARK_MESH_ASKPASS).pipe(process.stdout);",
].join(" ");

function passwordFault({ user, address }: Login, key: string, code: number | undefined, stderr: string): string {
  const who = `${user}@${address}`;
  const offered = /Permission denied \(([^)]*)\)/.exec(stderr)?.[1];
  if (offered !== undefined && !/password|keyboard-interactive/.test(offered)) {
    return `${who} takes no password (it offers ${offered}), wanted one; add this line to that user's ~/.ssh/authorized_keys on the machine itself: ${key}`;
  }
  if (offered !== undefined) return `${who} refused the password; run this again with the right one`;
  if (code === undefined) return `no login within ${PASSWORD_SECONDS} s; run this again`;
  const said = stderr.trim().split("\n").at(-1) ?? "";
  return `${who}: ~/.ssh/authorized_keys can't be written (${said}); see its owner, mode and disk`;
}

/** Runs a command with an input and more environment, for as long as a login by password may take. */
function withInput(
  command: string,
  args: readonly string[],
  { input, env }: { readonly input: string; readonly env: NodeJS.ProcessEnv },
): Promise<{ readonly code: number | undefined; readonly stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...env, LC_ALL: "C" },
      timeout: PASSWORD_SECONDS * 1000,
      killSignal: "SIGKILL",
      // Without a terminal of ours ssh asks nobody but us.
      detached: true,
      stdio: ["pipe", "ignore", "pipe"],
    });
    let stderr = "";
    child.stderr.on("data", (bytes: Buffer) => {
      stderr = (stderr + bytes.toString()).slice(0, 16_384);
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    child.once("error", () => resolve({ code: undefined, stderr }));
    child.once("close", (code) => resolve({ code: code ?? undefined, stderr }));
  });
}
