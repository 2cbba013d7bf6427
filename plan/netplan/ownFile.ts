import type { Cx7Netdev, HostFacts } from "../../facts/hostFacts";
import type { SeenFile } from "../../facts/record";
import { sha256 } from "../digest";
import type { ReachedHost } from "../views";
import { chosenRenderer, DEFAULT_RENDERER, type Fields, fields, mergedOrder, parseNetplan } from "./netplanYaml";

/** Ours where the usual file holds other things too. */
export const SPARE_FILE = "/etc/netplan/45-spark-mesh.yaml";

/**
 * Why the file in the place of ours can't be replaced: something in it is not about the mesh's netdevs and would be lost.
 * Its text is its owner's and goes nowhere, so it can't be written into ours either. Undefined where nothing is, and where
 * the file is as we left it.
 *
 * @param netdevs names of the host's netdevs that are ends of the mesh's cables.
 */
export function ownFileFault(
  { config, facts }: ReachedHost,
  netplanFile: string,
  netdevs: ReadonlySet<string>,
): string | undefined {
  const { record, armed } = facts;
  const file = mergedOrder(facts.netplanFiles).find(({ path }) => path === netplanFile);
  const committed = record?.files.find(({ path }) => path === netplanFile);
  if (file?.text === undefined || sha256(file.text) === committed?.sha256) return undefined;
  const parsed = parseNetplan(file.text);
  if (parsed.kind === "malformed") {
    if (committed || armed) return undefined;
    return `malformed YAML in line ${parsed.line} (${parsed.reason}); correct it, or remove the file: what else it defines would be lost when it is replaced`;
  }
  // What we defined before goes with the cable that it was for.
  const before = [record, armed].flatMap((memory) => {
    const host = memory?.mesh.hosts.find(({ name }) => name === memory.host || name === config.name);
    return host?.netdevs.map(({ netdev }) => netdev) ?? [];
  });
  const ours = new Set([...netdevs, ...before]);
  const strangers = strangersIn(parsed.network, ours, facts.cx7);
  if (decidesRenderer(netplanFile, facts)) strangers.unshift("renderer");
  if (strangers.length === 0) return undefined;
  const isShared = Object.keys(fields(parsed.network.ethernets)).some((id) => ours.has(id));
  const network = `{ netplanFile: ${SPARE_FILE}${isShared ? ", migrate: true" : ""} }`;
  return `has ${strangers.join(", ")}, which is not of the mesh's cables and would be lost when the file is replaced; move that to a file of its own in /etc/netplan, or leave this one to its owner with spark-mesh:network: ${network}`;
}

/**
 * Where a netplan file defines anything else than these netdevs, each by itself: `ethernets.eno1`, `bonds.fast`.
 *
 * @param netdevs names; @param cx7 the host's.
 */
export function strangersIn(network: Fields, netdevs: ReadonlySet<string>, cx7: readonly Cx7Netdev[]): string[] {
  return Object.entries(network).flatMap(([section, definitions]) => {
    if (section === "version" || section === "renderer") return [];
    const all = Object.entries(fields(definitions));
    if (all.length === 0) return isEmpty(definitions) ? [] : [section];
    return all
      .filter(([id, definition]) => section !== "ethernets" || !isAboutOne(id, fields(definition), netdevs, cx7))
      .map(([id]) => `${section}.${id}`);
  });
}

/** Whether the host would have another renderer without this file. */
export function decidesRenderer(path: string, { netplanFiles }: Pick<HostFacts, "netplanFiles">): boolean {
  const files = mergedOrder(netplanFiles);
  return rendererOf(files) !== rendererOf(files.filter((file) => file.path !== path));
}

function rendererOf(files: readonly SeenFile[]) {
  const networks = files.flatMap(({ text }) => {
    const parsed = text === undefined ? undefined : parseNetplan(text);
    return parsed?.kind === "network" ? [parsed.network] : [];
  });
  return chosenRenderer(networks) ?? DEFAULT_RENDERER;
}

function isEmpty(definitions: unknown): boolean {
  return (
    definitions === null ||
    definitions === undefined ||
    (typeof definitions === "object" && !Array.isArray(definitions))
  );
}

/** Whether a definition of `ethernets:` is about one of these netdevs alone. A match may mean more, unless it is a name or a MAC. */
export function isAboutOne(
  id: string,
  { match, "set-name": setName }: Fields,
  netdevs: ReadonlySet<string>,
  cx7: readonly Cx7Netdev[],
): boolean {
  if (setName !== undefined && !(typeof setName === "string" && netdevs.has(setName))) return false;
  if (match === undefined || match === null) return netdevs.has(id);
  const { name, macaddress } = fields(match);
  if (typeof name === "string") return netdevs.has(name);
  return (
    typeof macaddress === "string" &&
    cx7.some((netdev) => netdevs.has(netdev.name) && netdev.mac.toLowerCase() === macaddress.toLowerCase())
  );
}
