import type { PortNumber } from "../../config/cluster";
import { isCx7Name } from "../../facts/cx7";
import type { Cx7Netdev, HostFacts } from "../../facts/hostFacts";
import { definitionsOf, exactDefinitions } from "../netplan/definitions";
import { baseName, type Fields, fields, mergedOrder, parseNetplan } from "../netplan/netplanYaml";
import { decidesRenderer, strangersIn } from "../netplan/ownFile";
import type { HostLine, ReachedHost } from "../views";

/** A CX7 netdev as somebody else, or an earlier release of this project, configured it. */
export interface AdoptedNetdev {
  readonly netdev: string;
  readonly port: PortNumber;
  readonly twin: 0 | 1;
  /** Static ones, CIDR, in the files' order; the live ones where no file defines the netdev. */
  readonly addresses: readonly string[];
  /** The IPv4 ones that are live, CIDR, without link-local ones. */
  readonly live: readonly string[];
  readonly dhcp: boolean;
  /** It has itself a 169.254 address, which is another one after each boot. */
  readonly linkLocal: boolean;
  /** Bytes; as live where no file says. */
  readonly mtu: number;
  /** The file with the last word on it; undefined where it is configured live only. */
  readonly file: string | undefined;
  /** All files that were read and define it by its name, as netplan merges them. */
  readonly files: readonly string[];
  /** Of the files: `10.9.0.0/16 via 192.168.177.12`. */
  readonly routes: readonly string[];
  /** Settings that a file has and ours won't, e.g. `routes`. */
  readonly extras: readonly string[];
  /** What else defines it, in a way that no file of ours can stand in for: `PATH: ethernets.any`. */
  readonly obstacles: readonly string[];
}

/** Whose hand a netplan file shows. */
type Origin = "spark-mesh" | "sparkrun" | "spark-vllm-docker" | "NVIDIA Sync" | "another hand";

/** A netplan file, and what of it is about CX7 netdevs. */
export interface AdoptedFile {
  readonly path: string;
  readonly origin: Origin;
  /** The CX7 netdevs that it defines by their names, be they there or not. */
  readonly netdevs: readonly string[];
  /** Nothing else is in it, so that ours can stand in its place. */
  readonly replaceable: boolean;
}

/** What hosts have now: `perHost` and `files` by host. */
export interface Adoption {
  readonly perHost: ReadonlyMap<string, readonly AdoptedNetdev[]>;
  readonly files: ReadonlyMap<string, readonly AdoptedFile[]>;
  readonly faults: readonly HostLine[];
}

/** What a definition may say without a loss: ours says it too, or it is the default there. */
const KEPT = ["dhcp4", "link-local", "mtu", "addresses", "optional", "accept-ra", "ignore-carrier"];

/**
 * What is configured on every host's CX7 netdevs, in netplan's files and live: by hand, by another tool or by us. Only
 * definitions by a netdev's own name are read; whatever else is about a CX7 netdev is an obstacle.
 *
 * @param cabled names of each host's netdevs that are ends of the mesh's cables: a file that defines others stays.
 */
export function adoptHosts(
  hosts: readonly ReachedHost[],
  cabled: ReadonlyMap<ReachedHost, ReadonlySet<string>> = new Map(),
): Adoption {
  const perHost = new Map<string, readonly AdoptedNetdev[]>();
  const files = new Map<string, readonly AdoptedFile[]>();
  const faults: HostLine[] = [];
  for (const view of hosts) {
    const { config, facts } = view;
    const host = config.name;
    const read = readFiles(facts);
    faults.push(...read.faults.map((line) => ({ host, line: `${host}: ${line}` })));
    perHost.set(
      host,
      facts.cx7.map((netdev) => adoptNetdev(netdev, read.files, facts)),
    );
    files.set(
      host,
      read.files.map((file) => adoptedFile(file, facts, cabled.get(view) ?? new Set())),
    );
  }
  return { perHost, files, faults };
}

interface ReadFile {
  readonly path: string;
  readonly text: string;
  readonly network: Fields;
  /** Its definitions of CX7 netdevs by their names, be they there or not. */
  readonly exact: ReadonlyMap<string, Fields>;
}

interface ReadFiles {
  /** As netplan merges them. */
  readonly files: readonly ReadFile[];
  readonly faults: readonly string[];
}

function readFiles({ netplanRead, netplanFiles, record }: HostFacts): ReadFiles {
  const files: ReadFile[] = [];
  const faults: string[] = [];
  if (!netplanRead && !record) faults.push("netplan files: not read, wanted sudo to read them; live addresses only");
  for (const { path, text } of mergedOrder(netplanFiles)) {
    if (text === undefined) continue;
    const parsed = parseNetplan(text);
    if (parsed.kind === "malformed") {
      faults.push(`${path}: malformed YAML in line ${parsed.line} (${parsed.reason}); correct it`);
      continue;
    }
    const { network } = parsed;
    const exact = new Map([...exactDefinitions(path, network)].filter(([id]) => isCx7Name(id)));
    files.push({ path, text, network, exact });
  }
  return { files, faults };
}

function adoptNetdev(netdev: Cx7Netdev, files: readonly ReadFile[], { record }: HostFacts): AdoptedNetdev {
  const { name, port, twin } = netdev;
  const live = netdev.addresses
    .filter(({ family, linkLocal }) => family === 4 && !linkLocal)
    .map(({ address, prefixLength }) => `${address}/${prefixLength}`);
  const defining = files.filter(({ exact }) => exact.has(name));
  const definitions = defining.map(({ exact }) => fields(exact.get(name)));
  // netplan adds lists up over its files; of everything else the last word holds.
  const merged: Fields = Object.assign({}, ...definitions);
  return {
    netdev: name,
    port,
    twin,
    addresses: defining.length > 0 ? [...new Set(definitions.flatMap(addressesOf))] : live,
    live,
    dhcp: isTrue(merged.dhcp4),
    linkLocal: Array.isArray(merged["link-local"]) && merged["link-local"].includes("ipv4"),
    mtu: typeof merged.mtu === "number" ? merged.mtu : netdev.mtu,
    file: defining.at(-1)?.path ?? recordedFile(record, name),
    files: defining.map(({ path }) => path),
    routes: [...new Set(definitions.flatMap(routesOf))],
    extras: Object.keys(merged).filter((key) => isExtra(key, merged)),
    obstacles: files.flatMap(({ path, network }) =>
      definitionsOf(path, network, [netdev])
        .filter(({ kind }) => kind !== "exact")
        .map(({ place }) => `${path}: ${place}`),
    ),
  };
}

/** A settled host's files are not read: its record says which one is ours. */
function recordedFile(record: HostFacts["record"], name: string): string | undefined {
  const host = record?.mesh.hosts.find((one) => one.name === record.host);
  return host?.netdevs.some(({ netdev }) => netdev === name) ? host.netplanFile : undefined;
}

/** netplan also takes an address as a key, with a label or a lifetime below it. */
function addressesOf({ addresses }: Fields): readonly string[] {
  if (!Array.isArray(addresses)) return [];
  return addresses.flatMap((entry: unknown) => (typeof entry === "string" ? [entry] : Object.keys(fields(entry))));
}

function routesOf({ routes }: Fields): readonly string[] {
  if (!Array.isArray(routes)) return [];
  return routes.map((route: unknown) => {
    const { to, via } = fields(route);
    return `${to ?? "somewhere"}${via === undefined ? "" : ` via ${via}`}`;
  });
}

function isTrue(value: unknown): boolean {
  return value === true || (typeof value === "string" && /^(true|on|yes|y)$/i.test(value));
}

function isExtra(key: string, definition: Fields): boolean {
  if (key === "dhcp6") return isTrue(definition.dhcp6);
  // Ours, where NetworkManager renders.
  if (key === "networkmanager")
    return Object.keys(fields(definition.networkmanager)).some((own) => own !== "passthrough");
  return !KEPT.includes(key);
}

function adoptedFile(file: ReadFile, facts: HostFacts, cabled: ReadonlySet<string>): AdoptedFile {
  const { path, network, exact } = file;
  const replaceable = strangersIn(network, cabled, facts.cx7).length === 0 && !decidesRenderer(path, facts);
  return { path, origin: originOf(file), netdevs: [...exact.keys()], replaceable };
}

function originOf({ path, text }: ReadFile): Origin {
  if (/^# Managed by spark-mesh/.test(text)) return "spark-mesh";
  if (/^# Auto-generated by sparkrun/.test(text)) return "sparkrun";
  const name = baseName({ path });
  if (name === "98-spark-vllm-docker.yaml") return "spark-vllm-docker";
  return name === "99-nvidia-sync-cluster.yaml" ? "NVIDIA Sync" : "another hand";
}
