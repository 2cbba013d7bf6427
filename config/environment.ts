import { judge } from "./judge";
import * as schema from "./schema";

/** Where a server would look for a token of Hugging Face's; its model is there before it starts. */
const TOKENS = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"];

/**
 * Variables for containers as texts; undefined after a problem. A value is never shown, for it may be a key.
 *
 * @param path of the mapping, e.g. `env`.
 */
export function judgeEnvironment(
  faults: string[],
  value: unknown,
  path: string,
): Readonly<Record<string, string>> | undefined {
  const written = judge(faults, schema.environment, value, path, { secret: true });
  if (!written) return undefined;
  const before = faults.length;
  for (const [name, one] of Object.entries(written)) {
    if (TOKENS.includes(name))
      faults.push(
        `${path}.${name}: found a token of Hugging Face's; set it as spark-mesh:hfToken, which no container gets`,
      );
    else if (String(one).includes("\0")) faults.push(`${path}.${name}: found a NUL in it, which no variable can hold`);
  }
  if (faults.length > before) return undefined;
  return Object.fromEntries(Object.entries(written).map(([name, one]) => [name, String(one)]));
}
