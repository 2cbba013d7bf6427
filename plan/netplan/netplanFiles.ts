import type { NetworkConfig } from "../../config/cluster";
import type { SeenFile } from "../../facts/record";
import type { Renderer } from "../plan";
import type { HostLine, ReachedHost } from "../views";
import { type Definition, definitionsOf } from "./definitions";
import { moveOut } from "./moveOut";
import {
  baseName,
  chosenRenderer,
  DEFAULT_RENDERER,
  type Fields,
  mergedOrder,
  parseNetplan,
  RUNTIME_FOLDER,
} from "./netplanYaml";

/** Another netplan file as it is once the CX7 netdevs' definitions were moved out of it. */
export interface MigratedFile {
  /** In /etc/netplan. */
  readonly path: string;
  /** The whole file as it was read. */
  readonly before: string;
  /** The whole file; "" means that it is removed. */
  readonly text: string;
}

export interface NetplanReading {
  readonly renderer: Renderer;
  readonly faults: readonly HostLine[];
  /** Empty without `network.migrate`. */
  readonly migrated: readonly MigratedFile[];
}

type OwnFile = Pick<NetworkConfig, "netplanFile" | "migrate">;

/** Files elsewhere are a package's or the running system's. */
const MOVABLE = /^\/etc\/netplan\/[A-Za-z0-9][A-Za-z0-9_.-]*\.yaml$/;
/** What a file says that only keeps another one hidden. */
const NOTHING = "network:\n  version: 2\n";

/**
 * The host's renderer, and what in other netplan files stands in our way: YAML that can't be read, and definitions of
 * CX7 netdevs, which netplan would merge with ours. Our own file is not judged: it will be replaced.
 *
 * With `network.migrate`, definitions in /etc/netplan that name a CX7 netdev by its id are moved out. Never a match, a
 * bond, a bridge or a VLAN, which mean other things too, nor NetworkManager's own connections: it writes those files
 * again whenever a connection is touched, so that one put back later could meet its successor.
 *
 * Files that were not read are as they were when the record was written, and so is the renderer.
 */
export function readNetplan({ config, facts, recorded }: ReachedHost, network: OwnFile): NetplanReading {
  const faults: HostLine[] = [];
  const migrated: MigratedFile[] = [];
  const networks: Fields[] = [];
  for (const file of mergedOrder(facts.netplanFiles)) {
    const { path, text } = file;
    if (path === network.netplanFile) continue;
    const fault = (what: string) => faults.push({ host: config.name, line: `${config.name}: ${path}: ${what}` });
    if (path === `${RUNTIME_FOLDER}/${baseName({ path: network.netplanFile })}`) {
      fault(`hides ${network.netplanFile}; remove it, or declare another spark-mesh:network.netplanFile`);
    }
    if (text === undefined) continue;
    const parsed = parseNetplan(text);
    if (parsed.kind === "malformed") {
      fault(
        `malformed YAML in line ${parsed.line} (${parsed.reason}); correct it, netplan refuses to apply anything beside it`,
      );
      continue;
    }
    networks.push(parsed.network);
    const definitions = definitionsOf(path, parsed.network, facts.cx7);
    const movable = definitions.filter((definition) => isMovable(path, definition));
    for (const definition of definitions) {
      if (!movable.includes(definition)) fault(standing(definition, network.netplanFile));
    }
    if (movable.length === 0) continue;
    const left = network.migrate ? moveOut(text, new Set(movable.map(({ id }) => id))) : undefined;
    if (left === undefined) fault(offer(movable, network));
    else
      migrated.push({
        path,
        before: text,
        text: left === "" && hidesAnother(file, facts.netplanFiles) ? NOTHING : left,
      });
  }
  return {
    renderer: (facts.netplanRead ? chosenRenderer(networks) : recorded?.renderer) ?? DEFAULT_RENDERER,
    faults,
    migrated,
  };
}

function isMovable(path: string, { kind }: Definition): boolean {
  return kind === "exact" && MOVABLE.test(path);
}

function hidesAnother(file: SeenFile, files: readonly SeenFile[]): boolean {
  return files.some((other) => other.path !== file.path && baseName(other) === baseName(file));
}

function standing({ kind, place, netdevs, uuid }: Definition, ownFile: string): string {
  const which = `${cx7(netdevs)}, which ${ownFile} will define`;
  switch (kind) {
    case "exact":
      return `defines the ${which}; remove it there, only plain files in /etc/netplan are changed from here`;
    case "match":
      return `${place} matches the ${which}; narrow its match, or remove it there`;
    case "member":
      return `${place} takes the ${which}; take it out there`;
    case "connection":
      return `is NetworkManager's own connection for the ${which}; delete it: nmcli connection delete ${
        uuid === undefined ? "NAME" : `uuid ${uuid}`
      }`;
  }
}

function offer(movable: readonly Definition[], { netplanFile, migrate }: OwnFile): string {
  const what = `defines the ${cx7(movable.flatMap(({ netdevs }) => netdevs))}, which ${netplanFile} will define`;
  return migrate
    ? `${what}, and can't be changed alone, something else in the file refers to it; remove it there`
    : `${what}; set spark-mesh:network.migrate to true to have it moved out (destroy puts it back), or remove it there`;
}

function cx7(netdevs: readonly string[]): string {
  return `CX7 ${netdevs.length === 1 ? "netdev" : "netdevs"} ${netdevs.join(", ")}`;
}
