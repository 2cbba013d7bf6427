import { isDeepStrictEqual } from "node:util";

/** Properties of a resource, as the SDK's protocol carries them. */
export type Values = Record<string, unknown>;

/** Stands for a value that only the update will know. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

// The protocol's marks, as in @pulumi/pulumi/runtime/rpc: loading that would cost every command a quarter of a second.
const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** The value with its secrets in clear, or with a mask in their place. */
export function reveal<T>(value: T, mask?: string): T {
  return JSON.parse(JSON.stringify(value), (_key, item) =>
    item?.[signature] === secretSignature ? (mask ?? item.value) : item,
  );
}

/** The properties that differ. Secrets are compared by their content. */
export function changedKeys(before: Values, after: Values): string[] {
  const [old, now] = [reveal(before), reveal(after)];
  return Object.keys({ ...old, ...now }).filter((key) => !isDeepStrictEqual(old[key], now[key]));
}
