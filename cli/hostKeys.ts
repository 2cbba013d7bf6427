/** What is to be said and done about a host's key: judged from what it shows and what is pinned, and shown to a person. */

import type { HostConfig } from "../config/cluster";
import type { NoFacts } from "../facts/hostFacts";
import { fingerprint, isRevoked, pinsOf } from "../facts/hostKey";
import { changedHostKey, ownFingerprint } from "../facts/hostKeyFaults";
import type { KeyOffer, OfferedKey } from "../facts/offeredKey";
import { loginFaults } from "../plan/views";

/** A host as the command line names it. */
export interface NamedHost {
  readonly host: HostConfig;
  /** What messages call it. */
  readonly label: string;
  /** What `spark-mesh trust` is told to find it. */
  readonly words: string;
}

/** A pinned key, and where it is. */
export interface Pin {
  readonly key: string;
  readonly place: string;
}

/** A host that shows a key: `changed` where another one is pinned. */
export interface ShownHost extends NamedHost {
  readonly state: "pinned" | "new" | "changed";
  readonly offer: OfferedKey;
  readonly pins: readonly Pin[];
}

/** A host that shows none, or one that nobody may trust. */
interface FaultyHost extends NamedHost {
  readonly state: "fault";
  readonly faults: readonly string[];
}

export type JudgedHost = ShownHost | FaultyHost;

/**
 * A host's key against the first of its pins, which is the one that facts and apply take.
 *
 * @param stackFile whose pins come before those of known_hosts; undefined where only these count.
 */
export function judgeKey(named: NamedHost, offer: KeyOffer, stackFile: string | undefined): JudgedHost {
  if (offer.kind !== "offered") return { ...named, state: "fault", faults: noAnswer(named, offer) };
  if (isRevoked(offer.known, offer.key)) {
    const line = `${named.label}: host key revoked: found ${fingerprint(offer.key)}, which known_hosts has as @revoked; whoever shows it has a key that was given up: make a new one on the machine, if it is the right one`;
    return { ...named, state: "fault", faults: [line] };
  }
  const { hostKey } = named.host.ssh;
  const pins = [
    ...(hostKey === undefined || stackFile === undefined ? [] : [{ key: hostKey, place: stackFile }]),
    ...pinsOf(offer.known).map(({ key, file, line }) => ({ key, place: `${file} line ${line}` })),
  ];
  const [first] = pins;
  const state = first === undefined ? "new" : first.key === offer.key ? "pinned" : "changed";
  return { ...named, state, offer, pins };
}

/** Lines about a host that gave no answer. */
export function noAnswer(
  { label, words }: NamedHost,
  answer: NoFacts | { readonly kind: "faults"; readonly lines: readonly string[] },
): readonly string[] {
  if (answer.kind === "faults") return answer.lines.map((line) => `${label}: ${line}`);
  if (answer.kind === "unreachable") {
    return [`${label}: unreachable (${answer.reason}); check its power, its name and its address`];
  }
  return loginFaults(label, answer, words).map(({ line }) => line);
}

/** The fault that a changed key is until it is replaced. */
export function changedFault({ label, words, offer, pins }: ShownHost): string {
  return `${label}: ${changedHostKey(fingerprint(offer.key), fingerprint(pins[0]?.key ?? ""), words)}`;
}

/** A host for a reader: its key beside the pins, and how to compare. */
export function renderKey({ label, state, offer, pins }: ShownHost): string {
  const { hostname, port, proxyJump } = offer.target;
  const lines = [
    `${label}: ${hostname} port ${port}${proxyJump === undefined ? "" : ` by way of ${proxyJump}`}`,
    `  shows    ${fingerprint(offer.key)}`,
    ...(pins.length === 0
      ? ["  pinned   nothing"]
      : pins.map(({ key, place }) => `  pinned   ${fingerprint(key)} in ${place}`)),
    state === "pinned" ? "  pinned already" : `  compare  ${ownFingerprint}   (on the machine itself)`,
  ];
  return `${lines.join("\n")}\n`;
}
