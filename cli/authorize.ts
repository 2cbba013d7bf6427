/** `spark-mesh trust --authorize`: our key let in where a host only knows a password. */

import { Faults } from "../config/faults";
import { type Admission, askAdmission, authorize } from "../facts/authorization";
import { fingerprint } from "../facts/hostKey";
import { askSecret, askYes } from "./ask";
import { type NamedHost, noAnswer } from "./hostKeys";
import { print, tell } from "./output";

type Refused = Extract<Admission, { kind: "refused" }>;

/** What came of each host, for machines. */
export interface AuthorizedHost {
  readonly host: string;
  readonly state: "admitted" | "authorized" | "refused";
  /** Of the key that was, or would have been, let in. */
  readonly fingerprint?: string;
}

/**
 * Tries every host by key, asks once for the password of those that refuse it, and adds the key to the login user's
 * ~/.ssh/authorized_keys there. A host that lets us in is left alone.
 *
 * @param hosts whose host keys are pinned.
 */
export async function authorizeAll(
  hosts: readonly NamedHost[],
  folder: string,
  { yes, json }: { readonly yes?: boolean | undefined; readonly json?: boolean | undefined },
): Promise<{ readonly logins: readonly AuthorizedHost[]; readonly problems: readonly string[] }> {
  const show = json ? tell : print;
  const asked = await Promise.all(
    hosts.map(async (named) => ({ named, admission: await askAdmission(named.host, folder) })),
  );
  const problems: string[] = [];
  const logins: AuthorizedHost[] = [];
  const refused: { readonly named: NamedHost; readonly admission: Refused }[] = [];
  for (const { named, admission } of asked) {
    if (admission.kind === "admitted") logins.push({ host: named.label, state: "admitted" });
    else if (admission.kind === "refused") refused.push({ named, admission });
    else problems.push(...noAnswer(named, admission));
  }
  if (refused.length === 0) return { logins, problems };

  const password = await passwordFor(refused, yes === true);
  for (const { named, admission } of refused) {
    const { label } = named;
    const login = { host: label, fingerprint: fingerprint(admission.key) };
    const outcome =
      typeof password === "string"
        ? await authorize(named.host, admission, password, folder)
        : { kind: "faults" as const, lines: [password.fault] };
    if (outcome.kind === "faults") {
      problems.push(...outcome.lines.map((line) => `${label}: ${line}`));
      logins.push({ ...login, state: "refused" });
      continue;
    }
    const now = await askAdmission(named.host, folder);
    if (now.kind !== "admitted") {
      problems.push(
        `${label}: found the key in ~/.ssh/authorized_keys and the login refused all the same, wanted it let in; see on it: journalctl -u ssh`,
      );
      logins.push({ ...login, state: "refused" });
      continue;
    }
    show(`${label}: lets ${login.fingerprint} in as ${admission.login.user} from now on\n`);
    logins.push({ ...login, state: "authorized" });
  }
  return { logins, problems };
}

/** The password for all, asked once; or why nobody gave one. */
async function passwordFor(
  refused: readonly { readonly named: NamedHost; readonly admission: Refused }[],
  yes: boolean,
): Promise<string | { readonly fault: string }> {
  const keys = [...new Set(refused.map(({ admission }) => fingerprint(admission.key)))].join(", ");
  const who = refused.map(({ named, admission }) => `${named.label} (${admission.login.user})`).join(", ");
  const question = `let ${keys} in, by one password for all: ${who}?`;
  try {
    if (!yes && !(await askYes(question))) {
      return { fault: "not authorized: found another answer, wanted yes; run this again" };
    }
  } catch (error) {
    if (!(error instanceof Faults)) throw error;
    return { fault: "not authorized: found no answer, wanted yes; run this at a terminal, or with --yes" };
  }
  const password = await askSecret(`password of ${who}: `);
  return password === "" ? { fault: "not authorized: found no password, wanted the login user's" } : password;
}
