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
import { ownFileFault } from "./ownFile";

/** Another netplan file as it is once the mesh's definitions were moved out of it. */
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
 * The host's renderer, and what in netplan's files stands in our way: YAML that can't be read, in other files definitions
 * of the mesh's netdevs, which netplan would merge with ours, and in the place of our own whatever else is defined there,
 * for that file is replaced.
 *
 * With `network.migrate`, definitions in /etc/netplan that name a netdev of the mesh by its id are moved out. Never a match, a
 * bond, a bridge or a VLAN, which mean other things too, nor NetworkManager's own connections: it writes those files
 * again whenever a connection is touched, so that one put back later could meet its successor.
 *
 * Files that were not read are as they were when the record was written, and so is the renderer.
 *
 * @param netdevs names of the host's netdevs that are ends of the mesh's cables; definitions of all others stay.
 */
export function readNetplan(host: ReachedHost, network: OwnFile, netdevs: ReadonlySet<string>): NetplanReading {
  const { config, facts, recorded } = host;
  const faults: HostLine[] = [];
  const migrated: MigratedFile[] = [];
  const networks: Fields[] = [];
  const cabled = facts.cx7.filter(({ name }) => netdevs.has(name));
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
    const definitions = definitionsOf(path, parsed.network, cabled);
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
  const own = ownFileFault(host, network.netplanFile, netdevs);
  if (own !== undefined) faults.push({ host: config.name, line: `${config.name}: ${network.netplanFile}: ${own}` });
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
