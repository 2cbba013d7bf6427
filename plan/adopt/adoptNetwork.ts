import type { NetworkConfig } from "../../config/cluster";
import * as schema from "../../config/schema";
import { portsOf, type Wire } from "../cabling/wires";
import { SPARE_FILE } from "../netplan/ownFile";
import { ROCE_MTU } from "../roce";
import { type HostLine, portKey } from "../views";
import type { AdoptedNetdev, Adoption } from "./adopt";

/** A stack config's `network:` that takes over the files that the hosts have now. */
export interface AdoptedNetwork {
  readonly network: Partial<Pick<NetworkConfig, "mtu" | "netplanFile" | "migrate">>;
  /** What `up` changes all the same. */
  readonly notes: readonly HostLine[];
}

interface HostNetdev extends AdoptedNetdev {
  readonly host: string;
}

/**
 * The MTU and the netplan file that all hosts agree on. A file that holds other things too is not replaced: its CX7
 * definitions are moved out of it into a file of our own.
 *
 * @param kept `spark-1 enp1s0f0np0`: the netdevs whose addresses are kept.
 */
export function adoptNetwork(wires: readonly Wire[], adoption: Adoption, kept: ReadonlySet<string>): AdoptedNetwork {
  const cabled = new Set(wires.flatMap(portsOf).map(portKey));
  const all = [...adoption.perHost].flatMap(([host, netdevs]) => netdevs.map((netdev) => ({ ...netdev, host })));
  const wired = all.filter((netdev) => cabled.has(portKey(netdev)));
  const netplanFile = fileOf(wired, adoption);
  const mtu = mtuOf(wired);
  return {
    network: {
      mtu,
      netplanFile,
      ...(isMigration(netplanFile, wired, adoption) && { migrate: true }),
    },
    notes: [
      ...mtuNotes(wired, mtu),
      ...wired.flatMap((netdev) => changesOf(netdev, kept.has(`${netdev.host} ${netdev.netdev}`))),
    ],
  };
}

/** The MTU of all, where the stack config takes it and RoCE loses nothing by it; else the config's default. */
function mtuOf(netdevs: readonly HostNetdev[]): number {
  const { mtu: judge } = schema.network.shape;
  const [mtu, ...others] = new Set(netdevs.map((netdev) => netdev.mtu));
  const isKept = mtu !== undefined && others.length === 0 && mtu >= ROCE_MTU && judge.safeParse(mtu).success;
  return isKept ? mtu : judge.parse(undefined);
}

function mtuNotes(netdevs: readonly HostNetdev[], mtu: number): readonly HostLine[] {
  return [...new Set(netdevs.map(({ host }) => host))].flatMap((host) => {
    const own = netdevs.filter((netdev) => netdev.host === host);
    const found = [...new Set(own.map((netdev) => netdev.mtu))];
    if (found.every((value) => value === mtu)) return [];
    const line = `${host}: mtu: found ${found.join(", ")}, wanted one for all that RoCE can use; up sets ${mtu}`;
    return [{ host, line }];
  });
}

/** The file of all, where ours can stand in its place on every host; else one that doesn't hold anything else. */
function fileOf(netdevs: readonly HostNetdev[], { files }: Adoption): string {
  const isFree = (path: string) =>
    schema.network.shape.netplanFile.safeParse(path).success &&
    [...files.values()].flat().every((file) => file.path !== path || file.replaceable);
  const usual = schema.network.shape.netplanFile.parse(undefined);
  const found = [...new Set(netdevs.flatMap(({ file }) => file ?? []))];
  const candidates = [...(found.length === 1 ? found : []), usual];
  return candidates.find(isFree) ?? SPARE_FILE;
}

/** Whether another file defines a netdev of the mesh. */
function isMigration(netplanFile: string, wired: readonly HostNetdev[], { files }: Adoption): boolean {
  return [...files].some(([host, some]) =>
    some.some(
      ({ path, netdevs }) =>
        path !== netplanFile && wired.some((one) => one.host === host && netdevs.includes(one.netdev)),
    ),
  );
}

function changesOf(
  { host, netdev, addresses, file, extras, obstacles }: HostNetdev,
  isKept: boolean,
): readonly HostLine[] {
  const note = (what: string) => ({ host, line: `${host}: ${netdev}: ${what}` });
  return [
    ...(isKept && file === undefined && addresses.length > 0
      ? [note(`found ${addresses.join(", ")} live and in no file that was read; up writes it into one`)]
      : []),
    ...(extras.length > 0 ? [note(`found ${extras.join(", ")} in ${file}; up leaves that out`)] : []),
    ...(obstacles.length > 0 ? [note(`found ${obstacles.join(", ")}; up waits until that is gone`)] : []),
  ];
}
