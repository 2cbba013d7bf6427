/** `spark-mesh trust --authorize`: our key let in where a host only knows a password. */

import { Faults } from "../config/faults";
import { askAdmission, authorize, type Refusal } from "../facts/authorization";
import { fingerprint } from "../facts/hostKey";
import { askSecret, askYes } from "./ask";
import { type NamedHost, noAnswer } from "./hostKeys";
import { print, tell } from "./output";

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
  const refused: { readonly named: NamedHost; readonly admission: Refusal }[] = [];
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
    const problem = typeof password === "string" ? await letIn(named, admission, password, folder) : password.fault;
    if (problem === undefined)
      show(`${label}: lets ${login.fingerprint} in as ${admission.host.login.user} from now on\n`);
    else problems.push(`${label}: ${problem}`);
    logins.push({ ...login, state: problem === undefined ? "authorized" : "refused" });
  }
  return { logins, problems };
}

/** Adds the key, and sees whether it is let in then; why not, otherwise. */
async function letIn(
  { host }: NamedHost,
  refusal: Refusal,
  password: string,
  folder: string,
): Promise<string | undefined> {
  const problem = await authorize(refusal, password, folder);
  if (problem !== undefined) return problem;
  return (await askAdmission(host, folder)).kind === "admitted"
    ? undefined
    : "found the key in ~/.ssh/authorized_keys and the login refused all the same, wanted it let in; see on it: journalctl -u ssh";
}

/** The password for all, asked once; or why nobody gave one. */
async function passwordFor(
  refused: readonly { readonly named: NamedHost; readonly admission: Refusal }[],
  yes: boolean,
): Promise<string | { readonly fault: string }> {
  const keys = [...new Set(refused.map(({ admission }) => fingerprint(admission.key)))].join(", ");
  const who = refused.map(({ named, admission }) => `${named.label} (${admission.host.login.user})`).join(", ");
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
