import type { CableEnd, PortRef } from "../config/cluster";

type Ends = readonly [PortRef, CableEnd];

/**
 * Cables drawn with letters, one line a chain or a port of a switch:
 *
 *     spark-1 0 -- 1 spark-2 0 -- 1 spark-3 0 -- 1 spark-1
 *
 *     switch-a
 *       spark-1/0
 *       spark-2/0
 */
export function drawCables(cables: readonly Ends[]): readonly string[] {
  const direct: (readonly [PortRef, PortRef])[] = [];
  const switches = new Map<string, PortRef[]>();
  for (const [near, far] of cables) {
    if ("switch" in far) switches.set(far.switch, [...(switches.get(far.switch) ?? []), near]);
    else direct.push([near, far]);
  }
  const trees = [...switches].flatMap(([name, ports]) => [name, ...ports.map((port) => `  ${port.host}/${port.port}`)]);
  return [...chains(direct), ...trees];
}

/** Every cable once, in as few lines as walking from cable to cable gives. */
function chains(cables: readonly (readonly [PortRef, PortRef])[]): readonly string[] {
  const left = new Set(cables);
  const cablesOf = (host: string) => [...left].filter((ends) => ends.some((end) => end.host === host));
  const lines: string[] = [];
  while (left.size > 0) {
    // A line begins at an open end, where there is one; a ring begins anywhere.
    const hosts = [...left].flatMap((ends) => ends.map(({ host }) => host));
    const [first = ""] = [...hosts.filter((host) => cablesOf(host).length === 1), ...hosts];
    let line = first;
    let host = first;
    for (let [cable] = cablesOf(host); cable; [cable] = cablesOf(host)) {
      left.delete(cable);
      const [near, far] = cable[0].host === host ? cable : ([cable[1], cable[0]] as const);
      line += ` ${near.port} -- ${far.port} ${far.host}`;
      host = far.host;
    }
    lines.push(line);
  }
  return lines;
}
