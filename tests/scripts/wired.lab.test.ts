import { afterAll, beforeAll, expect, test } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { inside } from "../inside";
import { commitRing, cx7, destroyRing, eventually } from "./operations";

// DGX OS as it comes: NetworkManager makes profiles of its own for the CX7 netdevs and asks for DHCP in vain.
const host = "spark-2";

let lab: Lab;

beforeAll(async () => {
  lab = await Lab.up({
    name: "test-wired",
    stackFile: false,
    fresh: true,
    hosts: [
      { name: "spark-1", renderer: "networkd" },
      { name: host, renderer: "NetworkManager", wiredConnections: true },
      { name: "spark-3", renderer: "networkd" },
    ],
  });
});

afterAll(() => lab?.down());

/** What stays while attempts at DHCP come and go: profiles, MTU, the kernel's settings, and nothing of us. */
const lasting = () =>
  inside(
    lab,
    host,
    `ls -A /etc/netplan /etc/NetworkManager/system-connections
     find /run/udev/rules.d -type f 2>/dev/null
     nmcli -t -f NAME,TYPE,AUTOCONNECT connection | sed 's/^lo-[^:]*/lo/' | sort
     nmcli -t -f DEVICE,STATE device | sed 's/:connecting .*/:disconnected/' | sort
     cd /proc/sys/net/ipv6/conf; for netdev in ${cx7.join(" ")}; do
       echo $netdev $(cat /sys/class/net/$netdev/{mtu,flags} $netdev/{addr_gen_mode,disable_ipv6})
       ip -br -4 address show dev $netdev | sed 's/@[^ ]*//'
     done
     find /var/lib/spark-mesh /run /etc/systemd -xdev -name '*spark-mesh*'; systemctl list-units --all --no-legend 'spark-mesh*'`,
  );

async function expectMesh(): Promise<void> {
  for (const netdev of cx7) {
    const look = `ip -br address show dev ${netdev}; cat /sys/class/net/${netdev}/mtu; nmcli -g GENERAL.STATE,GENERAL.CONNECTION device show ${netdev}`;
    const right = new RegExp(`^\\S+ +UP +192\\.168\\.\\d+\\.12/24 *\\n9000\\n100 \\(connected\\)\\nnetplan-${netdev}$`);
    await eventually(async () => expect(await inside(lab, host, look)).toMatch(right));
  }
}

test.each([
  ["while it asks for DHCP", async () => {}],
  [
    "after it gave up",
    async () => {
      for (const netdev of cx7) await inside(lab, host, `nmcli device disconnect ${netdev}`);
    },
  ],
  [
    "and one netdev has an address by hand",
    async () => {
      await inside(lab, host, "nmcli device disconnect enp1s0f0np0; ip address add 10.9.8.7/24 dev enp1s0f0np0");
      const state = "nmcli -g GENERAL.STATE device show enp1s0f0np0";
      await eventually(async () => expect(await inside(lab, host, state)).toBe("100 (connected (externally))"));
    },
  ],
])("NetworkManager's own profiles, %s: the mesh takes over, survives a reboot, and gives back", async (_, prepare) => {
  await eventually(async () =>
    expect(await inside(lab, host, "nmcli -g NAME connection")).toContain("Wired connection 4"),
  );
  await prepare();
  const before = await lasting();
  await commitRing(lab);
  await expectMesh();
  await lab.reboot(host);
  await expectMesh();
  await destroyRing(lab);
  await eventually(async () => expect(await lasting()).toBe(before));
});
