import type { Cx7Netdev, Cx7Route, HostFacts, LiveAddress } from "../../facts/hostFacts";
import { sha256 } from "../digest";
import { baseName, fields, parseNetplan } from "../netplan/netplanYaml";
import { isAboutOne } from "../netplan/ownFile";
import type { HostPlan, NetdevPlan } from "../plan";
import type { HostLine, ReachedHost } from "../views";
import { type AdoptedNetdev, adoptHosts } from "./adopt";

/** The kernel's own, which nobody chose. */
const DEFAULT_MTU = 1500;

/** NetworkManager's, beside a link-local address. */
const MULTICAST = "224.0.0.0/4";

const WAY_BACK = "; destroy puts it back";

/** A netplan file whose definitions of the mesh's netdevs go, and where to. */
interface GoingFile {
  readonly path: string;
  readonly text: string;
  readonly fate: string;
  /** "" where it was ours already and was edited since: destroy knows nothing of that. */
  readonly wayBack: typeof WAY_BACK | "";
}

/**
 * One line for each definition, address, MTU, route and other setting on a host's netdevs of the mesh that is not ours,
 * and that `up` takes away or alters. What differs from the last commit is drift, and said as that.
 *
 * @param keep the command that keeps addresses and MTU.
 */
export function sayTakenAway(view: ReachedHost, plan: HostPlan, keep: string): readonly HostLine[] {
  if (plan.state !== "due") return [];
  const { config, facts } = view;
  const going = goingFiles(facts, plan);
  const adopted = adoptHosts([view]).perHost.get(config.name) ?? [];
  const committed = committedNetdevs(facts);
  const settings = plan.netdevs.flatMap((planned) => {
    const live = facts.cx7.find(({ name }) => name === planned.netdev);
    const found = adopted.find(({ netdev }) => netdev === planned.netdev);
    if (!live || !found) return [];
    const isNew = !committed.has(planned.netdev);
    const file = going.find(({ path }) => found.files.includes(path));
    return [
      ...addressesTaken(planned, found, isNew ? live : undefined, file, keep),
      ...(isNew || file ? mtuAltered(planned, found, file, keep) : []),
      ...(isNew ? arpAltered(planned, live) : []),
      ...routesTaken(facts.cx7Routes, found, file),
      ...(file ? settingsTaken(found, file) : []),
    ].map((what) => `${planned.netdev}: ${what}`);
  });
  const definitions = going.flatMap((file) => definitionsTaken(file, plan, facts.cx7));
  return [...definitions, ...settings].map((line) => ({ host: config.name, line: `${config.name}: ${line}` }));
}

/** The file in the place of ours, unless it is ours, and those that definitions are moved out of. */
function goingFiles(
  { netplanFiles, record }: HostFacts,
  { netplanFile, netplanText, moves }: HostPlan,
): readonly GoingFile[] {
  const committed = record?.files.find(({ path }) => path === netplanFile)?.sha256;
  return netplanFiles.flatMap(({ path, text }): GoingFile[] => {
    if (text === undefined || !path.startsWith("/etc/netplan/")) return [];
    if (path === netplanFile) {
      if (text === netplanText || sha256(text) === committed) return [];
      return [{ path, text, fate: "gives way to ours", wayBack: committed ? "" : WAY_BACK }];
    }
    const move = moves.find(({ name }) => name === baseName({ path }));
    if (!move?.change) return [];
    const rest = move.change.after === "" ? "the file is removed" : "the rest of the file stays";
    return [{ path, text, fate: `moves to ${netplanFile}, ${rest}`, wayBack: WAY_BACK }];
  });
}

function definitionsTaken({ path, text, fate, wayBack }: GoingFile, { netdevs }: HostPlan, cx7: readonly Cx7Netdev[]) {
  const parsed = parseNetplan(text);
  if (parsed.kind === "malformed" || wayBack === "") return [];
  const names = new Set(netdevs.map(({ netdev }) => netdev));
  return Object.entries(fields(parsed.network.ethernets))
    .filter(([id, definition]) => isAboutOne(id, fields(definition), names, cx7))
    .map(([id]) => `${path}: ethernets.${id} ${fate}${wayBack}`);
}

function committedNetdevs({ record }: HostFacts): ReadonlySet<string> {
  const host = record?.mesh.hosts.find(({ name }) => name === record.host);
  return new Set(host?.netdevs.map(({ netdev }) => netdev));
}

/** @param live undefined where what is live was compared with the last commit already. */
function addressesTaken(
  { address: wanted }: NetdevPlan,
  { addresses: defined, dhcp, linkLocal }: AdoptedNetdev,
  live: Cx7Netdev | undefined,
  file: GoingFile | undefined,
  keep: string,
): readonly string[] {
  const seen = (live?.addresses ?? []).filter((address) => !isKernels(address)).map(cidrOf);
  const addresses = new Set([...(file ? defined : []), ...seen]);
  addresses.delete(wanted);
  return [
    ...[...addresses].map((cidr) => {
      const goes = `address ${cidr} goes, ${wanted} takes its place`;
      // Another one after each boot: nothing keeps it.
      return cidr.startsWith("169.254.") ? `link-local ${goes}` : `${goes}; to keep it: ${keep}`;
    }),
    ...(file && dhcp ? [`DHCP in ${file.path} goes, ${wanted} takes its place${file.wayBack}`] : []),
    ...(file && linkLocal ? [`its IPv4 link-local address in ${file.path} goes${file.wayBack}`] : []),
  ];
}

/** Of a netdev that nobody configured the MTU is nobody's. */
function mtuAltered(
  { mtu: wanted, address }: NetdevPlan,
  { mtu, addresses, live }: AdoptedNetdev,
  file: GoingFile | undefined,
  keep: string,
): readonly string[] {
  const isSomebodys = file || mtu !== DEFAULT_MTU || [...addresses, ...live].some((one) => one !== address);
  return mtu !== wanted && isSomebodys ? [`MTU ${mtu} becomes ${wanted}; to keep it where all agree: ${keep}`] : [];
}

function arpAltered({ arp: wanted }: NetdevPlan, { arp: found }: Cx7Netdev): readonly string[] {
  if (!wanted || !found) return [];
  return (["ignore", "announce"] as const).flatMap((setting) =>
    found[setting] === 0 || found[setting] === wanted[setting]
      ? []
      : [`arp_${setting} ${found[setting]} becomes ${wanted[setting]}; destroy puts it back`],
  );
}

function routesTaken(
  live: readonly Cx7Route[],
  { netdev, routes }: AdoptedNetdev,
  file: GoingFile | undefined,
): readonly string[] {
  const defined = file ? routes : [];
  const seen = live.filter((route) => route.netdev === netdev && route.destination !== MULTICAST).map(routeText);
  const all = [...new Set([...defined, ...seen])];
  return all.map(
    (route) => `route ${route} goes${defined.includes(route) ? file?.wayBack : ", and no netplan file has it"}`,
  );
}

function settingsTaken({ extras }: AdoptedNetdev, { path, wayBack }: GoingFile): readonly string[] {
  return extras.filter((key) => key !== "routes").map((key) => `${key} in ${path} goes${wayBack}`);
}

function routeText({ destination, via }: Cx7Route): string {
  return `${destination}${via === undefined ? "" : ` via ${via}`}`;
}

/** The kernel makes them of the MAC. */
function isKernels({ family, linkLocal }: LiveAddress): boolean {
  return family === 6 && linkLocal;
}

function cidrOf({ address, prefixLength }: LiveAddress): string {
  return `${address}/${prefixLength}`;
}
