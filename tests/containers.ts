import type { Lab } from "../lab/hosts/lab";
import { inside } from "./inside";

/**
 * The shell text that signals a container's own process, as the kernel does: `docker kill` would count as stopped by
 * hand. Ends its shell where there is no process: Docker's word for none is 0, and `kill 0` means the whole group.
 */
export function signalText(container: string, signal = "KILL"): string {
  return `pid=$(docker inspect --format '{{.State.Pid}}' ${container})
    [ "\${pid:-0}" -gt 0 ] || { echo "${container}: found no process, wanted one to signal" >&2; exit 1; }
    kill -${signal} "$pid" || exit`;
}

/** Signals a container's own process. @throws where it doesn't run */
export async function signalContainer(lab: Lab, host: string, container: string, signal?: string): Promise<void> {
  await inside(lab, host, signalText(container, signal));
}

/** Lives of all ranks' containers of a deployment on all hosts, by rank: id, status and start. */
export function livesOf(lab: Lab, deployment: string): Promise<string[]> {
  const format = "{{.Id}} {{.State.Status}} {{.State.StartedAt}}";
  return Promise.all(
    lab.hosts.map(({ name }, rank) =>
      inside(lab, name, `docker inspect --format '${format}' spark-mesh-${deployment}-${rank}`),
    ),
  );
}
