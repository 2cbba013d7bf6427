import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { Lab } from "../../lab/hosts/lab";

/** host -> netdev -> CIDR, as they are to be. */
type Addresses = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The article's address plan for a ring of three, host by host. */
export const RING_ADDRESSES: Addresses = {
  "spark-1": {
    enp1s0f0np0: "192.168.177.11/24",
    enP2p1s0f0np0: "192.168.178.11/24",
    enp1s0f1np1: "192.168.187.11/24",
    enP2p1s0f1np1: "192.168.188.11/24",
  },
  "spark-2": {
    enp1s0f0np0: "192.168.197.12/24",
    enP2p1s0f0np0: "192.168.198.12/24",
    enp1s0f1np1: "192.168.177.12/24",
    enP2p1s0f1np1: "192.168.178.12/24",
  },
  "spark-3": {
    enp1s0f0np0: "192.168.187.13/24",
    enP2p1s0f0np0: "192.168.188.13/24",
    enp1s0f1np1: "192.168.197.13/24",
    enP2p1s0f1np1: "192.168.198.13/24",
  },
};

/** The six links of the ring: from a host to its peer's address, one each way. */
const RING_LINKS = Object.entries(RING_ADDRESSES).flatMap(([host, netdevs]) =>
  Object.entries(netdevs).map(([netdev, address]) => {
    const subnet = address.slice(0, address.lastIndexOf("."));
    const peer = Object.values(RING_ADDRESSES)
      .flatMap((others) => Object.values(others))
      .find((other) => other !== address && other.startsWith(`${subnet}.`));
    return { host, netdev, peer: (peer ?? "").replace(/\/.*/, "") };
  }),
);

interface LiveNetdev {
  readonly ifname: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
}

/** What is live on a host's CX7 netdevs: MTU, addresses in CIDR notation in order, up or not. */
export async function liveNetdevs(
  lab: Lab,
  host: string,
): Promise<Record<string, { mtu: number; up: boolean; addresses: string[] }>> {
  const { stdout } = await lab.exec(host, "ip -j addr");
  const netdevs: LiveNetdev[] = JSON.parse(stdout);
  return Object.fromEntries(
    netdevs
      .filter(({ ifname }) => /np\d$/.test(ifname))
      .sort((one, other) => one.ifname.localeCompare(other.ifname))
      .map(({ ifname, mtu, flags, addr_info }) => [
        ifname,
        {
          mtu,
          up: flags.includes("UP"),
          addresses: addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`).sort(),
        },
      ]),
  );
}

/** Expects the article's ring to be live on every host, and full-size packets on all its links. */
export async function expectRing(lab: Lab): Promise<void> {
  for (const [host, addresses] of Object.entries(RING_ADDRESSES)) {
    const wanted = Object.entries(addresses).map(([netdev, address]) => [
      netdev,
      { mtu: 9000, up: true, addresses: [address] },
    ]);
    expect(await liveNetdevs(lab, host), host).toEqual(Object.fromEntries(wanted));
  }
  for (const { host, netdev, peer } of RING_LINKS) {
    const ping = await lab.exec(host, `ping -c 3 -i 0.2 -W 2 -M do -s 8972 -I ${netdev} ${peer}`);
    expect(ping.code, `${host} ${netdev} to ${peer}: ${ping.stdout}`).toBe(0);
  }
}

/** Everything that a change could leave on a host: netplan's files byte for byte, units, timers, state, live network. */
export async function traces(lab: Lab, host: string): Promise<Record<string, string>> {
  const look = async (command: string): Promise<string> => (await lab.exec(host, command)).stdout;
  return {
    files: await look(
      'cd /etc/netplan && for f in *; do stat -c \'%n %a %U:%G\' "$f"; sha256sum "$f"; done 2>/dev/null; ls -lA --time-style=+ /etc/sysctl.d',
    ),
    units: await look(
      "find /etc/systemd /run/systemd/transient -name '*spark*' | sort; systemctl list-units --all --plain --no-legend '*spark*'",
    ),
    state: await look("find /var/lib/spark-mesh /run -xdev -name '*spark-mesh*' 2>/dev/null | sort"),
    kernel: await look(
      "for n in /proc/sys/net/ipv6/conf/*np[01]; do echo $n $(cat $n/disable_ipv6 $n/addr_gen_mode); done; grep . /proc/sys/net/ipv4/conf/*np[01]/arp_{ignore,announce}; ip route | grep -v enP7s7 | sort",
    ),
    live: JSON.stringify(await liveNetdevs(lab, host)),
  };
}

/** Waits until every address is live: sshd of a host that boots is there before its renderers are done. */
export async function untilLive(lab: Lab, addresses: Addresses): Promise<void> {
  for (const [host, netdevs] of Object.entries(addresses)) {
    const looks = Object.entries(netdevs).map(
      ([netdev, cidr]) => `ip -br -4 address show dev ${netdev} up | grep -qF ' ${cidr}'`,
    );
    await until(lab, [host], looks.join(" && "), 90);
  }
}

/** How many times a command was started through sudo on a host so far. */
export async function sudoRuns(lab: Lab, host: string): Promise<number> {
  const { stdout } = await lab.exec(host, "journalctl --sync; journalctl -q -o cat -t sudo | grep -c COMMAND= || true");
  return Number(stdout.trim());
}

/** Waits until a command succeeds inside every one of the hosts. */
export async function until(lab: Lab, hosts: readonly string[], command: string, seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  for (const host of hosts) {
    while ((await lab.exec(host, command)).code !== 0) {
      if (Date.now() > deadline) {
        throw new Error(`${host}: ${command}: not within ${seconds} s`);
      }
      await sleep(50);
    }
  }
}
