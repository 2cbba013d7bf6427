import type { PortNumber } from "../../config/cluster";
import type { Login } from "../../facts/hostFacts";
import type { ExportedMesh } from "../../interchange/exported";
import type { NetdevPlan, Plan, Topology } from "../../plan/plan";
import { cluster, netdevName, type Twin } from "../plan/hosts";

interface Port {
  readonly number: number;
  readonly port: PortNumber;
}

/**
 * A planned mesh, with what an export reads of it. `1/0-2/1 1/1-switch-a`; the cable with index k has the subnets
 * 10.20.2k and 10.20.2k+1, a switch those of its first cable.
 */
export function meshOf(topology: Topology, wiring: string, count: number): ExportedMesh {
  const links = linksOf(wiring);
  const netdevsOf = (number: number): readonly NetdevPlan[] =>
    PORTS.flatMap((port) =>
      links.flatMap(({ ports, index }) =>
        ports.some((own) => own.number === number && own.port === port)
          ? TWINS.map((twin) => netdev({ number, port }, twin, ports, index))
          : [],
      ),
    );
  const { hosts } = cluster({}, count);
  const planned = hosts.map(({ name, number }) => ({
    name,
    number,
    netdevs: netdevsOf(number),
    managementInterface: "enP7s7",
    managementAddress: `10.0.0.${10 + number}`,
    state: "settled",
  }));
  return {
    plan: { topology, hosts: planned } as unknown as Plan,
    hosts,
    logins: new Map(hosts.map(({ name }) => [name, login("nvidia")])),
  };
}

export function login(user: string): Login {
  return { address: "10.0.0.11", port: 22, user, hostKey: "ssh-ed25519 AAAA" };
}

const PORTS: readonly PortNumber[] = [0, 1];
const TWINS: readonly Twin[] = [0, 1];

function linksOf(wiring: string): readonly { readonly ports: readonly Port[]; readonly index: number }[] {
  const links = new Map<string, { ports: Port[]; index: number }>();
  wiring.split(" ").forEach((wire, index) => {
    const [from = "", ...rest] = wire.split("-");
    const far = rest.join("-");
    const isSwitch = far.startsWith("switch");
    const link = links.get(isSwitch ? far : wire) ?? { ports: [], index };
    link.ports.push(portOf(from), ...(isSwitch ? [] : [portOf(far)]));
    links.set(isSwitch ? far : wire, link);
  });
  return [...links.values()];
}

function portOf(text: string): Port {
  return { number: Number(text.charAt(0)), port: text.endsWith("0") ? 0 : 1 };
}

function netdev(own: Port, twin: Twin, ports: readonly Port[], index: number): NetdevPlan {
  const name = netdevName(own.port, twin);
  const address = (number: number) => `10.20.${2 * index + twin}.${10 + number}`;
  return {
    netdev: name,
    port: own.port,
    twin,
    address: `${address(own.number)}/24`,
    mtu: 9000,
    roceDevice: `roce${name.slice(2).replace(/np\d$/, "")}`,
    peers: ports
      .filter(({ number }) => number !== own.number)
      .map(({ number, port }) => ({
        host: `spark-${number}`,
        netdev: netdevName(port, twin),
        address: address(number),
      })),
  };
}
