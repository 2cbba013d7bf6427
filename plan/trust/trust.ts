import type { Login } from "../../facts/hostFacts";
import type { TrustFacts, TrustIdentity } from "../../facts/trustFacts";
import { TRUST_FILES } from "../../facts/trustFiles";
import { trustNoteOf } from "../note";
import type { HostPlan, HostTrust, TrustBlocks } from "../plan";
import { type HostLine, type HostView, isReached } from "../views";
import { keysOf, type PeerTexts, renderPeers, renderTrust } from "./blocks";
import { trustDifferences } from "./findings";
import { isKeyDue, planIdentities } from "./identities";
import { planPeers } from "./peers";

interface PlannedTrust {
  /** By host. */
  readonly hosts: ReadonlyMap<string, HostTrust>;
  readonly faults: readonly HostLine[];
  readonly warnings: readonly HostLine[];
  /** What `up` can't mend. */
  readonly blockers: readonly HostLine[];
}

/** What all hosts have in common. */
interface Mesh {
  /** By number. */
  readonly identities: readonly TrustIdentity[];
  /** The same as a record has them. */
  readonly recorded: string;
  /** Abandoned hosts are nobody's peers. */
  readonly peers: readonly TrustIdentity[];
  readonly texts: ReadonlyMap<string, PeerTexts>;
  readonly hosts: readonly HostPlan[];
}

/**
 * Who logs in to whom, and how far every host is from that. A host that can't be asked is taken as the records of others
 * know it: nobody is due for its silence.
 *
 * @param hosts in the order of the views, without their trust.
 * @param logins how each host is reached from the control machine, by name.
 */
export function planTrust(
  views: readonly HostView[],
  hosts: readonly HostPlan[],
  logins: ReadonlyMap<string, Login>,
): PlannedTrust {
  const { identities, faults, disputes } = planIdentities(views, hosts, logins);
  const abandoned = new Set(views.filter(({ kind }) => kind === "abandoned").map(({ config }) => config.name));
  const mesh: Mesh = {
    identities,
    recorded: JSON.stringify(identities),
    peers: identities.filter(({ host }) => !abandoned.has(host)),
    texts: renderPeers(identities, hosts, keysOf(identities)),
    hosts,
  };
  const known = new Set(identities.map(({ host }) => host));
  const planned = views.flatMap((view, index): [string, HostTrust][] => {
    const host = hosts[index];
    return host && hadTrust(view, known) ? [[host.name, planHostTrust(view, host, mesh)]] : [];
  });
  return {
    hosts: new Map(planned),
    faults: [...faults, ...views.flatMap(newerRecord)],
    warnings: views.flatMap(rotation),
    blockers: [...disputes, ...views.flatMap(damagedBlocks)],
  };
}

/** Nothing is made on an abandoned host: the mesh may be older than its trust. */
function hadTrust({ kind, recorded, config }: HostView, known: ReadonlySet<string>): boolean {
  return kind !== "abandoned" || recorded === undefined || known.has(config.name);
}

function planHostTrust(view: HostView, host: HostPlan, mesh: Mesh): HostTrust {
  const peers = planPeers(host, mesh.peers);
  const keyed = peers.every(({ identity }) => identity.publicKey !== undefined);
  const blocks = keyed ? renderTrust(peers, mesh.texts) : undefined;
  const wish = { identities: mesh.identities, peers, ...(blocks && { blocks }) };
  const quiet = { keyDue: false, differences: [], note: "" };
  if (view.kind === "abandoned") return { ...wish, ...quiet, state: "abandoned" };
  if (!isReached(view)) return { ...wish, ...quiet, state: "unknown" };
  const { trust } = view.facts;
  const keyDue = isKeyDue(trust);
  const equal = blocks !== undefined && trust !== undefined && hasBlocks(trust, blocks);
  const networkAsRecorded = view.facts.record?.digest === host.digest;
  const written = equal ? blocks : networkAsRecorded ? writtenBlocks(host, trust, mesh) : undefined;
  const differences = trust ? trustDifferences(host.name, trust, blocks, written) : [];
  const recorded = typeof trust?.record === "object" ? trust.record : undefined;
  const settled =
    !keyDue && equal && differences.length === 0 && recorded?.host === host.name && peersOf(recorded) === mesh.recorded;
  return {
    ...wish,
    state: settled ? "settled" : "due",
    keyDue,
    differences,
    note: settled ? "" : trustNoteOf(trust, differences),
  };
}

function peersOf({ peers }: { readonly peers: readonly TrustIdentity[] }): string {
  return JSON.stringify(peers);
}

/** What was written last, as far as the record tells: on the network as it is now. */
function writtenBlocks(host: HostPlan, trust: TrustFacts | undefined, mesh: Mesh): TrustBlocks | undefined {
  if (typeof trust?.record !== "object") return undefined;
  const { peers } = trust.record;
  return renderTrust(planPeers(host, peers), renderPeers(peers, mesh.hosts, keysOf(peers)));
}

/** A block is told without its last newline or with it. */
function hasBlocks({ blocks }: TrustFacts, wanted: TrustBlocks): boolean {
  return TRUST_FILES.every((file) => {
    const found = blocks[file];
    return found === wanted[file] || `${found}\n` === wanted[file];
  });
}

function newerRecord(view: HostView): readonly HostLine[] {
  if (!isReached(view) || view.facts.trust?.record !== "newer") return [];
  const host = view.config.name;
  const line = `${host}: ~/.ssh/spark-mesh/record.json is of a later version than 1, which this release knows; use the release that wrote it`;
  return [{ host, line }];
}

/** No drift, and yet what `up` does next is to be understood. */
function rotation(view: HostView): readonly HostLine[] {
  if (!isReached(view) || !view.facts.trust?.rotate) return [];
  const host = view.config.name;
  const line = `${host}: ~/.ssh/spark-mesh/id_ed25519: a new key pair is asked for; \`up\` makes it, and replaces the old key on every host`;
  return [{ host, line }];
}

function damagedBlocks(view: HostView): readonly HostLine[] {
  const blocks = isReached(view) ? view.facts.trust?.blocks : undefined;
  const host = view.config.name;
  return TRUST_FILES.filter((file) => blocks?.[file] === false).map((file) => ({
    host,
    line: `${host}: ~/.ssh/${file}: can't be read, or has not exactly one line "# END spark-mesh" for its line "# BEGIN spark-mesh"; make it readable, or take out what spark-mesh wrote there`,
  }));
}
