import type { CableEnd, PortNumber, PortRef } from "../../../config/cluster";
import { parseClusterConfig } from "../../../config/load";
import type { SeenFile } from "../../../facts/record";
import { plannedSubnets } from "../../../plan/addresses/cables";
import { adoptHosts } from "../../../plan/adopt/adopt";
import { adoptCables } from "../../../plan/adopt/adoptCables";
import { adoptNetwork } from "../../../plan/adopt/adoptNetwork";
import type { Wire } from "../../../plan/cabling/wires";
import { cabledNetdevs } from "../../../plan/netdevs";
import { planMesh } from "../../../plan/planMesh";
import type { ReachedHost } from "../../../plan/views";
import { baseFile, cluster, type Facts, freshFacts, netdevName, v4 } from "../hosts";

export type Addresses = Readonly<Record<string, string>>;

/** `1/0-2/1 1/1-switch-a` as wires. */
function wires(text: string): readonly Wire[] {
  return text.split(" ").map((wire) => {
    const [from, ...far] = wire.split("-");
    return { ends: [endOf(from ?? ""), farEnd(far.join("-"))], evidence: "discovered" } as Wire;
  });
}
export const endOf = (text: string): PortRef => ({ host: `spark-${text.charAt(0)}`, port: text.endsWith("0") ? 0 : 1 });
const farEnd = (text: string): CableEnd => (text.startsWith("switch") ? { switch: text } : endOf(text));

/** A host with these files, and what `netplan apply` made live of them. */
export function host(number: number, files: readonly SeenFile[], live: Addresses = {}, mtu = 9000): ReachedHost {
  const config = cluster({}, 9).hosts[number - 1];
  if (!config) throw new Error("no such host");
  const fresh = freshFacts(number);
  const cx7 = fresh.cx7.map((netdev) => {
    const [address, length] = live[netdev.name]?.split("/") ?? [];
    const addresses = address === undefined ? [] : [v4(address, Number(length))];
    // Nobody hears anybody: the cables are declared here.
    return { ...netdev, mtu, addresses, carrier: true, neighbours: [] };
  });
  return { kind: "reached", config, recorded: undefined, facts: { ...fresh, cx7, netplanFiles: files } };
}

export const changed = (reached: ReachedHost, change: Partial<Facts>): ReachedHost => ({
  ...reached,
  facts: { ...reached.facts, ...change },
});

/** A netdev's addresses by port, twin after twin: `at(0, "192.168.177.11/24", "192.168.178.11/24")`. */
export function at(port: PortNumber, first: string, second: string): Addresses {
  return { [netdevName(port, 0)]: first, [netdevName(port, 1)]: second };
}

export function adopt(text: string, hosts: readonly ReachedHost[]) {
  const all = wires(text);
  const adoption = adoptHosts(hosts, new Map(hosts.map((one) => [one, cabledNetdevs(one, all)])));
  // Of hosts that were not asked the config tells the numbers.
  const views = cluster({}, 9).hosts.map((config) => ({ config, recorded: undefined, kind: "refused" }) as const);
  const { cables, faults, kept } = adoptCables(all, adoption, {
    numbers: new Map(views.map(({ config }) => [config.name, config.number])),
    subnets: plannedSubnets(views, all, cluster().network),
  });
  const { network, notes } = adoptNetwork(all, adoption, kept);
  const lines = (some: readonly { readonly line: string }[]) => some.map(({ line }) => line);
  return { cables, network, faults: [...lines(adoption.faults), ...lines(faults)], notes: lines(notes), adoption };
}

/** The stack config that was adopted, as its own judge reads it. */
export function judged({ cables, network }: Pick<ReturnType<typeof adopt>, "cables" | "network">, count: number) {
  const end = (one: CableEnd) => ("switch" in one ? one.switch : `${one.host}/${one.port}`);
  const hosts = cluster({}, count).hosts.map(({ name, address }) => ({ name, address }));
  return parseClusterConfig(
    {
      "spark-mesh:hosts": JSON.stringify(hosts),
      "spark-mesh:cables": JSON.stringify(
        cables.map((cable) => ({ ...cable, from: end(cable.from), to: end(cable.to) })),
      ),
      "spark-mesh:network": JSON.stringify(network),
    },
    "/home/nobody",
    [],
  );
}

export const PAIR = [at(0, "192.168.177.11/24", "192.168.178.11/24"), at(0, "192.168.177.12/24", "192.168.178.12/24")];
export const [FIRST = {}, SECOND = {}] = PAIR;
export const PAIR_CABLE = {
  from: { host: "spark-1", port: 0 },
  to: { host: "spark-2", port: 0 },
  subnets: ["192.168.177.0/24", "192.168.178.0/24"],
  addresses: {
    "spark-1": ["192.168.177.11", "192.168.178.11"],
    "spark-2": ["192.168.177.12", "192.168.178.12"],
  },
};
export const BARE_PAIR = { from: PAIR_CABLE.from, to: PAIR_CABLE.to };
export const base = baseFile("networkd");

/** host -> netdev -> CIDR, as a plan with the adopted config would have them. */
export function planned(found: ReturnType<typeof adopt>): Readonly<Record<string, Addresses>> {
  const hosts = Math.max(
    ...found.cables.flatMap(({ from, to }) => [from, to]).map((end) => ("host" in end ? Number(end.host.at(-1)) : 0)),
  );
  const plan = planMesh({ ...judged(found, hosts), trust: false }, new Map());
  return Object.fromEntries(
    plan.hosts.map(({ name, netdevs }) => [
      name,
      Object.fromEntries(netdevs.map(({ netdev, address }) => [netdev, address])),
    ]),
  );
}
