/** Properties of a resource, as the SDK's protocol carries them. */
export type Values = Record<string, unknown>;

/** Ends a run with a message for the user, and with the exit code that the CLI has for it. */
export class Fault extends Error {
  constructor(
    message: string,
    readonly code = 1,
  ) {
    super(message);
  }
}

/** Stands for a value that only the update will know. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

// The protocol's marks, as in @pulumi/pulumi/runtime/rpc: loading that would cost every command a quarter of a second.
const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** The value with its secrets in clear. */
export function reveal<T>(value: T): T {
  return replaceSecrets(value, (clear) => clear);
}

/** The value as it may be shown. */
export function redact<T>(value: T): T {
  return replaceSecrets(value, () => "[secret]");
}

function replaceSecrets<T>(value: T, replacement: (clear: unknown) => unknown): T {
  if (value === undefined) return value;
  return JSON.parse(JSON.stringify(value), (_key, item) =>
    item?.[signature] === secretSignature ? replacement(item.value) : item,
  );
}
