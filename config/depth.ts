import { keyPaths } from "./stackFileSchema";

const NAMESPACE = "spark-mesh:";

/**
 * Where a key belongs that is none where somebody wrote it: `under spark-mesh:network`. Undefined where it is none
 * anywhere.
 *
 * @param key as it was written, perhaps with its namespace.
 */
export function placeOfKey(key: string): string | undefined {
  const bare = key.startsWith(NAMESPACE) ? key.slice(NAMESPACE.length) : key;
  const places = keyPaths.flatMap((path) => {
    const [, above = "", last = path] = /^(.*)\.([^.]+)$/.exec(path) ?? [];
    if (last !== bare) return [];
    if (above === "") return [`under config: as ${NAMESPACE}${bare}`];
    return above.endsWith("[]") ? [`in an entry of ${NAMESPACE}${above.slice(0, -2)}`] : [`under ${NAMESPACE}${above}`];
  });
  return places.length === 0 ? undefined : places.join(", or ");
}
