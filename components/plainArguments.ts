import * as pulumi from "@pulumi/pulumi";
import type { TopLevelKey } from "../config/schema";

/** Arguments with what their outputs resolve to. */
export interface PlainArguments {
  readonly values: Readonly<Record<string, unknown>>;
  /** Why a value can't be used, by its path; it is left out of `values`. */
  readonly unusable: ReadonlyMap<string, string>;
}

/** What the SDK declares for itself alone, and every output has. */
interface Resolvable {
  readonly isKnown: Promise<boolean>;
  promise(): Promise<unknown>;
}

const SECRETS: readonly string[] = ["sudoPassword", "sudoPasswords", "hfToken"] satisfies TopLevelKey[];

const UNKNOWN =
  "not known at preview; needed: a value that is known before anything is made, for it decides what is planned";
const SECRET = `a secret; needed: a plain value, for it would be recorded in plain text; secrets may be in ${SECRETS.join(", ")}`;

/**
 * The arguments with every output resolved, wherever it is: a program may be in a language without types. What isn't
 * known yet can't be planned with, and what is secret stays so only where a secret is meant to be.
 */
export async function plainArguments(args: object): Promise<PlainArguments> {
  const unusable = new Map<string, string>();
  const values = await Promise.all(
    Object.entries(args).map(async ([key, value]) => [key, await plain(value, key, SECRETS.includes(key), unusable)]),
  );
  return { values: Object.fromEntries(values), unusable };
}

async function plain(
  value: unknown,
  path: string,
  maySecret: boolean,
  unusable: Map<string, string>,
): Promise<unknown> {
  if (pulumi.Output.isInstance(value)) {
    const output = value as pulumi.Output<unknown> & Resolvable;
    const isKnown = await output.isKnown;
    const isLeak = !maySecret && (await pulumi.isSecret(output));
    if (isKnown && !isLeak) return plain(await output.promise(), path, maySecret, unusable);
    unusable.set(path, isKnown ? SECRET : UNKNOWN);
    return undefined;
  }
  if (value instanceof Promise) return plain(await value, path, maySecret, unusable);
  if (Array.isArray(value)) {
    return Promise.all(value.map((entry, index) => plain(entry, `${path}[${index}]`, maySecret, unusable)));
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(async ([key, entry]) => {
    return [key, await plain(entry, `${path}.${key}`, maySecret, unusable)] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}
