import type { HostConfig, PortRef } from "../config/cluster";
import { printable } from "../config/printable";
import type { HostFacts, Probe } from "../facts/hostFacts";
import { changedHostKey, unknownHostKey } from "../facts/hostKeyFaults";
import type { RecordedMesh } from "../facts/record";

/** One line of a message, and the host that it starts with; "" where it is about the whole cluster. */
export interface HostLine {
  readonly host: string;
  readonly line: string;
}

type RecordedHost = RecordedMesh["hosts"][number];

interface View {
  readonly config: HostConfig;
  /** This host in the newest recorded mesh, under its present name. */
  readonly recorded: RecordedHost | undefined;
}

/** A host that answered. */
export interface ReachedHost extends View {
  readonly kind: "reached";
  readonly facts: HostFacts;
}

/** What the plan may know of one host. `refused`: it answered, but let us not in; that is a fault already. */
export type HostView =
  | ReachedHost
  | (View & { readonly kind: "unreachable"; readonly reason: string })
  | (View & { readonly kind: "refused" })
  | (View & { readonly kind: "abandoned" });

export function isReached(view: HostView): view is ReachedHost {
  return view.kind === "reached";
}

/** The order of addresses, whatever the order of ranks. */
export function byNumber(hosts: readonly HostView[]): readonly HostView[] {
  return [...hosts].sort((a, b) => a.config.number - b.config.number);
}

/** `spark-1/0`, the config's own way to write a port. */
export function portKey({ host, port }: PortRef): string {
  return `${host}/${port}`;
}

/**
 * Why a host can't be worked with, though something answers in its place.
 *
 * @param words what `spark-mesh trust` is told to find the host.
 */
export function loginFaults(host: string, probe: Probe, words: string): readonly HostLine[] {
  switch (probe.kind) {
    case "denied":
      return [
        {
          host,
          line: `${host}: login denied (${probe.reason}); check its user and key under spark-mesh:ssh, or let the key in with that user's password: npx spark-mesh trust --authorize ${words}`,
        },
      ];
    case "hostKeyMismatch": {
      const { offered, pinned, jumpName } = probe;
      const who = jumpName === undefined ? host : `${host}: jump host ${jumpName}`;
      return [{ host, line: `${who}: ${changedHostKey(offered, pinned, jumpName ?? words)}` }];
    }
    case "hostKeyUnknown":
      return [{ host, line: `${host}: ${unknownHostKey(probe.name, probe.otherTypes, words)}` }];
    default:
      return [];
  }
}

/** Order by code unit: the same on every control machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Lines of a message: what is about the whole mesh first, then by rank, and within a host in the order found. */
export function inOrder(hosts: readonly HostView[], lines: readonly HostLine[]): readonly string[] {
  return ["", ...hosts.map(({ config }) => config.name)].flatMap((name) =>
    lines.filter(({ host }) => host === name).map(({ line }) => printable(line)),
  );
}
