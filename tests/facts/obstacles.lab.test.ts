import { expect, it } from "vitest";
import { planMesh } from "../../plan/planMesh";
import { inside } from "../inside";
import { clusterOf, factsOf } from "./ring";
import { RingLab } from "./ringLab";

const ring = new RingLab("facts-obstacles");

/** The problems that a preview on a first visit ends with, of those hosts as they are. */
async function problems(): Promise<string> {
  const cluster = clusterOf(ring.lab, { more: { trust: true } });
  const { probes, logins } = await ring.gather();
  try {
    return planMesh(cluster, probes, logins).blockers.join("\n");
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

it("nothing stands in the way on a fresh ring", async () => {
  expect(await problems()).toBe("");
});

it("a connection that somebody made with nmcli is named, active or not", async () => {
  // As NetworkManager is on a Spark: it takes every netdev in hand.
  const manage = `mkdir -p /run/udev/rules.d && echo 'SUBSYSTEM=="net", KERNEL=="en*np*", ENV{NM_UNMANAGED}="0"' >/run/udev/rules.d/86-lab.rules &&
    udevadm control --reload && udevadm trigger --settle --action=change /sys/class/net/enp1s0f0np0 && nmcli device set enp1s0f0np0 managed yes`;
  const add = "nmcli connection add type ethernet ipv4.method manual ipv6.method disabled";
  await inside(
    ring.lab,
    "spark-2",
    `${manage} && ${add} ifname enp1s0f0np0 con-name lan-a ipv4.addresses 172.22.5.2/29 && nmcli connection up lan-a && ${add} ifname enP2p1s0f1np1 con-name 'lan:b' ipv4.addresses 172.22.6.2/29 && ${add} ifname enP7s7 con-name mine ipv4.addresses 172.22.7.2/29`,
  );
  const { probes } = await ring.gather();
  expect(factsOf(probes, "spark-2").profiles).toMatchObject([
    { name: "lan-a", active: "enp1s0f0np0", file: "/etc/NetworkManager/system-connections/lan-a.nmconnection" },
    { name: "lan:b", boundTo: "enP2p1s0f1np1", automatic: true },
    { name: "mine", boundTo: "enP7s7" },
  ]);
  expect(factsOf(probes, "spark-1").profiles).toEqual([]);
  const found = await problems();
  expect(found).toMatch(/^2 /);
  expect(found).toMatch(/spark-2: enp1s0f0np0: .*"lan-a".*has it now.*nmcli connection delete uuid [0-9a-f-]{36}/);
  expect(found).toMatch(/spark-2: enP2p1s0f1np1: .*"lan:b".*takes it at the next boot/);
  await inside(
    ring.lab,
    "spark-2",
    "nmcli connection delete lan-a && nmcli connection delete lan:b && nmcli connection delete mine",
  );
  expect(await problems()).toBe("");
});

it("a file that netplan refuses is named with its line and column, on each kind of host", async () => {
  const write = (text: string) => `printf '${text}' >/etc/netplan/50-x.yaml && chmod 600 /etc/netplan/50-x.yaml`;
  await inside(
    ring.lab,
    "spark-1",
    write("network:\\n  version: 2\\n  ethernets:\\n    enP7s7:\\n      dhcp4: maybe\\n"),
  );
  await inside(
    ring.lab,
    "spark-2",
    write("network:\\n  version: 2\\n  bonds:\\n    b0:\\n      interfaces: [nope]\\n"),
  );
  await inside(ring.lab, "spark-3", write("network:\\n  version: 2\\n  ethernets: {\\n"));
  const found = await problems();
  await Promise.all(
    ["spark-1", "spark-2", "spark-3"].map((host) => inside(ring.lab, host, "rm /etc/netplan/50-x.yaml")),
  );
  expect(found).toMatch(/^3 /);
  expect(found).toMatch(/spark-1: \/etc\/netplan\/50-x\.yaml:5:14: .*'maybe'/);
  expect(found).toMatch(/spark-2: \/etc\/netplan\/50-x\.yaml:5:\d+: .*'nope'/);
  expect(found).toMatch(/spark-3: \/etc\/netplan\/50-x\.yaml:\d+:\d+: .*YAML/);
});

it("what can't be written is named with what to do", async () => {
  await inside(ring.lab, "spark-1", "mount --bind /etc/netplan /etc/netplan && mount -o remount,bind,ro /etc/netplan");
  await inside(ring.lab, "spark-3", "chown root ~nvidia/.ssh && chmod 755 ~nvidia/.ssh");
  const found = await problems();
  await inside(ring.lab, "spark-1", "umount /etc/netplan");
  await inside(ring.lab, "spark-3", "chown nvidia ~nvidia/.ssh && chmod 700 ~nvidia/.ssh");
  expect(found).toMatch(/^2 /);
  expect(found).toMatch(/spark-1: \/etc\/netplan: .*remount,rw/);
  expect(found).toMatch(/spark-3: ~\/\.ssh: found owned by root, wanted nvidia; sudo chown nvidia: ~nvidia\/\.ssh/);
});
