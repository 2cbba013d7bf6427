/** What a lab is made of, worked out from its description alone: names, addresses, MACs, cables. */

/** How one virtual Spark differs from the others. */
export interface HostSpec {
  readonly name: string;
  /** Who configures the network, as the host's base netplan file selects it. */
  readonly renderer: "networkd" | "NetworkManager";
  /**
   * NetworkManager makes a `Wired connection` of its own for each ConnectX-7 netdev without one, as it does for real
   * NICs: no DHCP server answers, and three minutes after a boot the netdevs are up without any address, fe80 included.
   * Without it they keep the kernel's link-local addresses. Only with `renderer: "NetworkManager"`. @default false
   */
  readonly wiredConnections?: boolean;
  /**
   * NetworkManager has the management netdev too, from netplan, and networkd does not run: what `netplan apply` does to
   * management is seen here. Only with `renderer: "NetworkManager"`. @default false
   */
  readonly networkManagerAlone?: boolean;
  /** The password that sudo asks for; without one sudo asks nothing. */
  readonly sudoPassword?: string;
  /** The text of /etc/nvidia/cx7-hotplug-enabled. @default no such file */
  readonly hotplug?: string;
}

export interface PortEnd {
  readonly kind: "port";
  /** Host number, from 1. */
  readonly host: number;
  /** ConnectX-7 port: 0 is the one next to the RJ-45 jack. */
  readonly port: 0 | 1;
}

type CableEnd = PortEnd | { readonly kind: "switch"; readonly name: string };

export interface Cable {
  readonly from: PortEnd;
  readonly to: CableEnd;
}

/** A netdev inside a host and the cable it ends; `far` as cables.sh reads it. */
export interface Netdev {
  readonly space: string;
  readonly netdev: string;
  readonly mac: string;
  readonly outer: string;
  readonly bridge: string;
  readonly far: string;
}

const twinLetters = ["a", "b"] as const;
const netdevNames = [
  ["enp1s0f0np0", "enP2p1s0f0np0"],
  ["enp1s0f1np1", "enP2p1s0f1np1"],
] as const;
const roceDeviceNames = [
  ["rocep1s0f0", "roceP2p1s0f0"],
  ["rocep1s0f1", "roceP2p1s0f1"],
] as const;

/** The management netdev of every Spark. */
export const managementNetdev = "enP7s7";

/** The names that a lab with network number `network` (1 to 254) gives to what it makes on the machine. */
export function namesOf(network: number): { panel: string; management: string; cidr: string } {
  return {
    panel: `sml${network}-panel`,
    management: `sml${network}`,
    cidr: `10.200.${network}.1/24`,
  };
}

/** The management address of host `number` (from 1). */
export function addressOf(network: number, number: number): string {
  return `10.200.${network}.${10 + number}`;
}

/** The network number that a lab's name asks for first; another is taken when it is in use. */
export function preferredNetwork(name: string): number {
  let sum = 0;
  for (const character of name) {
    sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 254;
  }
  return sum + 1;
}

/** The cables that `wiring` means among `hostCount` hosts. Throws one error with every fault. */
export function parseWiring(wiring: string, hostCount: number): Cable[] {
  const cables = cablesOf(wiring.trim(), hostCount);
  const faults: string[] = [];
  const taken = new Map<string, number>();
  cables.forEach((cable, index) => {
    for (const end of [cable.from, cable.to]) {
      if (end.kind === "switch") {
        continue;
      }
      if (end.host < 1 || end.host > hostCount) {
        faults.push(`wiring[${index}]: found host ${end.host}, wanted 1 to ${hostCount}`);
      }
      const key = endName(end);
      const earlier = taken.get(key);
      if (earlier !== undefined) {
        faults.push(`wiring[${index}]: ${key} is already used by wiring[${earlier}]; a port takes one cable`);
      }
      taken.set(key, index);
    }
  });
  if (faults.length > 0) {
    throw new Error(faults.join("\n"));
  }
  return cables;
}

function cablesOf(wiring: string, hostCount: number): Cable[] {
  const numbers = Array.from({ length: hostCount }, (_, index) => index + 1);
  switch (wiring) {
    case "ring":
      if (hostCount < 2) {
        throw new Error(`wiring: found a ring of ${hostCount}, wanted 2 hosts or more`);
      }
      return numbers.map((host) => cable(host, 0, { kind: "port", host: (host % hostCount) + 1, port: 1 }));
    case "pair":
      if (hostCount !== 2) {
        throw new Error(`wiring: found a pair of ${hostCount}, wanted --hosts 2`);
      }
      return [cable(1, 0, { kind: "port", host: 2, port: 1 })];
    case "switch":
      return numbers.map((host) => cable(host, 0, { kind: "switch", name: "switch-a" }));
    default:
      return wiring
        .split(/[\s,]+/)
        .filter((word) => word !== "")
        .map(parseCable);
  }
}

function cable(host: number, port: 0 | 1, to: CableEnd): Cable {
  return { from: { kind: "port", host, port }, to };
}

function parseCable(word: string, index: number): Cable {
  const match = /^(\d+)\/([01])-(?:(\d+)\/([01])|([a-z][a-z0-9-]{0,12}))$/.exec(word);
  if (match === null) {
    throw new Error(
      `wiring[${index}]: found ${JSON.stringify(word)}, wanted ring, pair, switch, or cables like 1/0-2/1 or 1/0-switch-a`,
    );
  }
  const [, host, port, farHost, farPort, name] = match;
  const to: CableEnd =
    name === undefined
      ? { kind: "port", host: Number(farHost), port: farPort === "0" ? 0 : 1 }
      : { kind: "switch", name };
  return cable(Number(host), port === "0" ? 0 : 1, to);
}

/** `1/0` for a host's port, or the switch's name. */
export function endName(end: CableEnd): string {
  return end.kind === "switch" ? end.name : `${end.host}/${end.port}`;
}

/** Parses `1/0`. */
export function parsePort(text: string): PortEnd {
  const match = /^(\d+)\/([01])$/.exec(text);
  if (match === null) {
    throw new Error(`found port ${JSON.stringify(text)}, wanted HOST/PORT, like 1/0 for port 0 of spark-1`);
  }
  return { kind: "port", host: Number(match[1]), port: match[2] === "0" ? 0 : 1 };
}

/** The cable that ends at `port`. */
export function cableAt(cables: readonly Cable[], port: PortEnd): Cable | undefined {
  const name = endName(port);
  return cables.find((cable) => endName(cable.from) === name || endName(cable.to) === name);
}

/** The bridges that a lab's cables and switches are, in the panel. */
export function bridgesOf(cables: readonly Cable[]): string[] {
  return [...new Set(cables.flatMap((cable) => twinLetters.map((_, twin) => bridgeOf(cable, twin))))];
}

/** A cable between hosts keeps the twins apart; on a switch they hear each other, as they hear everybody. */
function bridgeOf({ from, to }: Cable, twin: number): string {
  return to.kind === "switch" ? to.name : `c${from.host}p${from.port}-${to.host}p${to.port}${twinLetters[twin] ?? ""}`;
}

function outerOf(end: PortEnd, twin: number): string {
  return `s${end.host}p${end.port}${twinLetters[twin] ?? ""}`;
}

/** The two netdevs at `end` of `cable`. `carrier` false is a cable that carries nothing. */
export function twinsOf(network: number, cable: Cable, end: PortEnd, carrier: boolean): Netdev[] {
  const other = endName(cable.from) === endName(end) ? cable.to : cable.from;
  return netdevNames[end.port].map((netdev, twin) => ({
    space: namesOf(network).panel,
    netdev,
    mac: mac(network, end.host, end.port * 2 + twin),
    outer: outerOf(end, twin),
    bridge: bridgeOf(cable, twin),
    far: carrier ? (other.kind === "switch" ? "-" : outerOf(other, twin)) : "!",
  }));
}

/** The management netdev of host `number`. */
export function managementOf(network: number, number: number): Netdev {
  return {
    space: "-",
    netdev: managementNetdev,
    mac: mac(network, number, 7),
    outer: `sml${network}-${number}`,
    bridge: namesOf(network).management,
    far: "-",
  };
}

/** The RoCE devices of a port, with the netdev of each. */
export function roceDevicesOf(port: 0 | 1): { device: string; netdev: string }[] {
  return roceDeviceNames[port].map((device, twin) => ({ device, netdev: netdevNames[port][twin] ?? "" }));
}

function mac(network: number, host: number, position: number): string {
  return [2, 0x5b, 0, network, host, position].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

/** The lines that cables.sh reads. */
export function netdevLines(netdevs: readonly Netdev[]): string {
  return netdevs
    .map(({ space, netdev, mac, outer, bridge, far }) => `${[space, netdev, mac, outer, bridge, far].join("\t")}\n`)
    .join("");
}
