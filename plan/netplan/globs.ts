/** netplan's globs: `*`, `?` and `[...]`, whatever the case; one or a list of them. */
export function matches(pattern: unknown, value: string): boolean {
  if (Array.isArray(pattern)) return pattern.some((one) => matches(one, value));
  if (typeof pattern !== "string") return false;
  return globMatches(pattern.toLowerCase(), value.toLowerCase());
}

/** Without regular expressions: the pattern is a host's, and must not be able to make us spin. */
function globMatches(pattern: string, value: string): boolean {
  let reachable = new Set([0]);
  for (let at = 0; at < pattern.length; at += 1) {
    const next = new Set<number>();
    const close = pattern[at] === "[" ? pattern.indexOf("]", at + 1) : -1;
    for (const position of reachable) {
      if (pattern[at] === "*") for (let end = position; end <= value.length; end += 1) next.add(end);
      else if (position < value.length && fits(pattern, at, close, value.charAt(position))) next.add(position + 1);
    }
    if (close > 0) at = close;
    reachable = next;
  }
  return reachable.has(value.length);
}

function fits(pattern: string, at: number, close: number, character: string): boolean {
  if (close > 0) return classHas(pattern.slice(at + 1, close), character);
  return pattern[at] === "?" || pattern[at] === character;
}

function classHas(members: string, character: string): boolean {
  for (let at = 0; at < members.length; at += 1) {
    const ranged = members[at + 1] === "-" && at + 2 < members.length;
    if (ranged ? members.charAt(at) <= character && character <= members.charAt(at + 2) : members[at] === character)
      return true;
    if (ranged) at += 2;
  }
  return false;
}
