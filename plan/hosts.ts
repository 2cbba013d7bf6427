import type { NetworkConfig } from "../config/cluster";
import type { Login } from "../facts/hostFacts";
import type { RecordedMesh } from "../facts/record";
import { asLine, deadEnds } from "./cabling/signals";
import { differencesOf } from "./differences";
import { digestOf, digestOfMesh } from "./digest";
import { isDue } from "./due";
import { planNetdevs } from "./netdevs";
import { moveDifferences, planMoves } from "./netplan/moves";
import { renderNetplan } from "./netplan/netplan";
import type { NetplanReading } from "./netplan/netplanFiles";
import { noteOf } from "./note";
import { obstaclesOf, profileDifferences } from "./obstacles";
import type { CablePlan, FileMove, HostPlan, NetdevPlan, Renderer, Topology } from "./plan";
import { renderSysctl } from "./sysctl";
import { planTrust } from "./trust/trust";
import { type HostLine, type HostView, isReached } from "./views";

interface PlannedHosts {
  /** In rank order. */
  readonly hosts: readonly HostPlan[];
  readonly mesh: RecordedMesh;
  readonly faults: readonly HostLine[];
  readonly warnings: readonly HostLine[];
  readonly blockers: readonly HostLine[];
}

/** A host's wish before the mesh around it, and so the digest, is known. */
interface Draft {
  readonly view: HostView;
  readonly renderer: Renderer;
  readonly netplanFile: string;
  readonly netdevs: readonly NetdevPlan[];
  readonly moves: readonly FileMove[];
}

/** DGX OS's own, for a host of which nothing is known. */
const USUAL_RENDERER: Renderer = "NetworkManager";

/**
 * Every host as it should be beside how far it is from that, and what stands in the way of a change.
 *
 * @param readings what was read of netplan's files, by host; none of one that can't be asked.
 * @param logins how each host is logged in to, by name; undefined where they are not to trust each other.
 */
export function planHosts(
  network: NetworkConfig,
  views: readonly HostView[],
  topology: Topology,
  cables: readonly CablePlan[],
  readings: ReadonlyMap<string, NetplanReading>,
  logins: ReadonlyMap<string, Login> | undefined,
): PlannedHosts {
  const drafts = views.map((view): Draft => {
    const reading = readings.get(view.config.name);
    const netplanFile = (view.kind === "abandoned" ? view.recorded?.netplanFile : undefined) ?? network.netplanFile;
    return {
      view,
      renderer: reading?.renderer ?? view.recorded?.renderer ?? USUAL_RENDERER,
      netplanFile,
      netdevs: planNetdevs(view, views, cables, network.mtu),
      moves: planMoves(view, netplanFile, reading),
    };
  });
  const mesh = recordedMesh(drafts, topology, cables);
  const meshDigest = digestOfMesh(mesh);
  const networked = drafts.map((draft) => planHost(draft, meshDigest));
  const trust = logins && planTrust(views, networked, logins);
  const hosts = networked.map((host): HostPlan => {
    const own = trust?.hosts.get(host.name);
    return own ? { ...host, trust: own } : host;
  });
  const netdevs = new Map(drafts.map((draft) => [draft.view, draft.netdevs]));
  const dead = deadEnds(views, cables, (view) => netdevs.get(view) ?? []);
  const warned = dead.filter(({ fault }) => !fault).map(asLine);
  const due = hosts.some(isDue);
  const obstacles = obstaclesOf(views, hosts);
  return {
    hosts,
    mesh,
    faults: [...obstacles.faults, ...dead.filter(({ fault }) => fault).map(asLine), ...(trust?.faults ?? [])],
    warnings: [...(trust?.warnings ?? []), ...warned],
    blockers: [
      ...obstacles.blockers,
      ...views.flatMap((view) => absenceBlocker(view, due)),
      ...(due ? warned : []),
      ...(trust?.blockers ?? []),
    ],
  };
}

/** By number, so that another rank order is no other mesh. */
function recordedMesh(drafts: readonly Draft[], topology: Topology, cables: readonly CablePlan[]): RecordedMesh {
  return {
    topology,
    cables: cables.map(({ ends: [a, b], subnets: [first, second] }) => ({
      ends: [{ host: a.host, port: a.port }, "switch" in b ? { switch: b.switch } : { host: b.host, port: b.port }],
      subnets: [first, second],
    })),
    hosts: [...drafts]
      .sort((a, b) => a.view.config.number - b.view.config.number)
      .map(({ view: { config }, renderer, netplanFile, netdevs, moves }) => ({
        name: config.name,
        number: config.number,
        renderer,
        netplanFile,
        netdevs: recordedNetdevs(netdevs),
        ...(moves.length > 0 && { moved: moves.map(({ name }) => name) }),
      })),
  };
}

function recordedNetdevs(netdevs: readonly NetdevPlan[]): RecordedMesh["hosts"][number]["netdevs"] {
  return netdevs.map(({ netdev, port, twin, address, mtu, arp }) => ({
    netdev,
    port,
    twin,
    address,
    mtu,
    ...(arp && { arp }),
  }));
}

function planHost(draft: Draft, meshDigest: string): HostPlan {
  const { view, renderer, netplanFile, netdevs, moves } = draft;
  const { config } = view;
  const netplanText = renderNetplan({ renderer, netdevs });
  const sysctlText = renderSysctl(netdevs);
  const digest = digestOf({ netplanFile, netplanText, sysctlText, netdevs: recordedNetdevs(netdevs), meshDigest });
  const wish = {
    name: config.name,
    number: config.number,
    renderer,
    netplanFile,
    netplanText,
    sysctlText,
    netdevs,
    digest,
  };
  return { ...wish, moves, ...managementOf(view), ...standingOf(draft, wish) };
}

function managementOf(view: HostView): Pick<HostPlan, "managementInterface" | "managementAddress"> {
  const facts = isReached(view) ? view.facts : undefined;
  const managementInterface = view.config.managementInterface ?? facts?.managementInterface;
  const netdev = facts?.otherNetdevs.find(({ name }) => name === managementInterface);
  const managementAddress = netdev?.addresses.find(({ family, linkLocal }) => family === 4 && !linkLocal)?.address;
  return {
    ...(managementInterface === undefined ? {} : { managementInterface }),
    ...(managementAddress === undefined ? {} : { managementAddress }),
  };
}

function standingOf(
  draft: Draft,
  wish: Parameters<typeof differencesOf>[0],
): Pick<HostPlan, "state" | "differences" | "note" | "committedPayload"> {
  const { view, moves } = draft;
  if (view.kind === "abandoned") return { state: "abandoned", differences: [], note: "" };
  if (!isReached(view)) return { state: "unknown", differences: [], note: "" };
  const { facts } = view;
  const profiles = profileDifferences(view, { ...draft, name: wish.name });
  const differences = [...differencesOf(wish, facts), ...moveDifferences(view, moves), ...profiles];
  const settled = facts.record?.digest === wish.digest && differences.length === 0;
  return {
    state: settled ? "settled" : "due",
    differences,
    note: settled ? "" : noteOf(facts, differences),
    ...(facts.record ? { committedPayload: facts.record.payload } : {}),
  };
}

/** Every host verifies every cable, so a change anywhere needs every host. */
function absenceBlocker(view: HostView, due: boolean): readonly HostLine[] {
  const host = view.config.name;
  if (view.kind === "unreachable" && !view.recorded) {
    const line = `${host}: unreachable (${view.reason}), and no record knows it, so its cables are assumed; bring it up, then run this again`;
    return [{ host, line }];
  }
  if (view.kind === "unreachable" && due) {
    const line = `${host}: unreachable (${view.reason}), and the change needs it to verify its cables; bring it up, or name it under spark-mesh:abandon`;
    return [{ host, line }];
  }
  return [];
}
