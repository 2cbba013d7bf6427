import { isDeepStrictEqual } from "node:util";

/** A property value as the SDK's protocol carries it. */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };
/** The properties of a resource. */
export type Values = { [key: string]: Value };

/** Ends a run with a message for the user. `code` is the exit code the CLI has for it. */
export class Fault extends Error {
  constructor(
    message: string,
    readonly code = 1,
  ) {
    super(message);
  }
}

const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";
type Secret = { [key: string]: Value } & { [signature]: string };
/** Stands for a value that only the update will know. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** A value that is never shown and never stored in clear. */
export function secret(value: Value): Value {
  return isSecret(value) ? value : { [signature]: secretSignature, value };
}

/** Whether the value as a whole is a secret. */
export function isSecret(value: Value | undefined): value is Secret {
  return isObject(value) && value[signature] === secretSignature;
}

function isObject(value: Value | undefined): value is { [key: string]: Value } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Replaces every secret in a value by what `change` makes of it. Anything else with a signature is a Fault. */
export function mapSecrets(value: Value, change: (secret: Secret) => Value): Value {
  if (Array.isArray(value)) return value.map((item) => mapSecrets(item, change));
  if (!isObject(value)) return value;
  if (isSecret(value)) return change(value);
  if (signature in value) throw new Fault("lab engine: assets, archives and resource references are not implemented");
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapSecrets(item, change)]));
}

/** The value with its secrets in clear. */
export function reveal(value: Value): Value {
  return mapSecrets(value, (wrapped) => reveal(wrapped.value ?? null));
}

/** The value as it may be shown. */
export function redact(value: Value): Value {
  return mapSecrets(value, () => "[secret]");
}

/** The value as it is stored: each secret as what `encrypt` makes of its JSON. */
export function seal(value: Value, encrypt: (text: string) => string): Value {
  return mapSecrets(value, (wrapped) => ({
    [signature]: secretSignature,
    ciphertext: encrypt(JSON.stringify(reveal(wrapped))),
  }));
}

/** Undoes `seal`. */
export function unseal(value: Value, decrypt: (text: string) => string): Value {
  return mapSecrets(value, (wrapped) => secret(JSON.parse(decrypt(String(wrapped.ciphertext)))));
}

/** Which top-level properties differ, and how. Secrets are compared by their content. */
export function changes(before: Values, after: Values): Map<string, "+" | "-" | "~"> {
  const found = new Map<string, "+" | "-" | "~">();
  for (const key of [...new Set([...Object.keys(before), ...Object.keys(after)])].sort()) {
    const [old, now] = [before[key], after[key]];
    if (old === undefined) found.set(key, "+");
    else if (now === undefined) found.set(key, "-");
    else if (!isDeepStrictEqual(reveal(old), reveal(now))) found.set(key, "~");
  }
  return found;
}

/** Whether a value is what a preview foretold: where that was unknown, everything is. */
export function fits(foretold: Value | undefined, value: Value | undefined): boolean {
  if (foretold === unknown) return true;
  if (foretold === undefined || value === undefined) return foretold === value;
  if (Array.isArray(foretold) && Array.isArray(value))
    return foretold.length === value.length && foretold.every((item, index) => fits(item, value[index]));
  if (isObject(foretold) && isObject(value))
    return [...new Set([...Object.keys(foretold), ...Object.keys(value)])].every((key) =>
      fits(foretold[key], value[key]),
    );
  return isDeepStrictEqual(foretold, value);
}
