import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { until } from "../../lab/hosts/process";
import { inside } from "../inside";
import { commitRing, cx7 } from "./operations";

/** Waits for the network as Docker does. */
const dockerLike = `[Unit]
After=network-online.target
Wants=network-online.target
[Service]
Type=oneshot
ExecStart=/bin/true
RemainAfterExit=yes
[Install]
WantedBy=multi-user.target
`;

/**
 * By how much one boot may be slower than another, in seconds: what else the machine does, and the 6 s that NetworkManager
 * gives each netdev to find a carrier, whatever a file says. Whoever waits for a cable waits for a minute or two.
 */
const noise = 40;

let lab: Lab;
const usual = new Map<string, { ssh: number; online: number }>();

beforeAll(async () => {
  lab = await Lab.up({ name: "test-boot", stackFile: false, fresh: true });
  for (const { name } of lab.hosts) {
    await lab.exec(
      name,
      "cat >/etc/systemd/system/docker-like.service; systemctl enable docker-like; systemctl enable NetworkManager-wait-online; true",
      {
        stdin: dockerLike,
      },
    );
  }
  await commitRing(lab);
  for (const host of ["spark-1", "spark-2"]) usual.set(host, await reboot(host));
});

afterEach(async () => {
  for (const cable of ["1/0", "1/1", "2/0"]) await lab.replug(cable);
});

afterAll(() => lab?.down());

/** Reboots a host, and returns after how many seconds it answered SSH and had reached network-online.target. */
async function reboot(host: string): Promise<{ ssh: number; online: number }> {
  const began = performance.now();
  await lab.reboot(host);
  const ssh = (performance.now() - began) / 1000;
  await until(async () => (await lab.exec(host, "systemctl is-active docker-like")).code === 0, 240, `${host} online`);
  const [start, online] = (
    await inside(
      lab,
      host,
      "systemctl show --value -p UserspaceTimestampMonotonic; systemctl show --value -p ActiveEnterTimestampMonotonic network-online.target",
    )
  )
    .split("\n")
    .map((microseconds) => Number(microseconds) / 1e6);
  return { ssh, online: (online ?? Number.NaN) - (start ?? 0) };
}

test.each([
  ["absent, without a cable", {}],
  ["there, and without carrier", { carrier: true }],
])("a host that boots with netdevs %s is as soon up, and as soon online", async (_, how) => {
  for (const cable of ["1/0", "1/1", "2/0"]) await lab.unplug(cable, how);
  for (const [host, { ssh, online }] of usual) {
    const found = await reboot(host);
    console.info(`${host}: ${JSON.stringify({ usual: { ssh, online }, found })}`);
    expect(found.ssh, `${host} SSH`).toBeLessThan(ssh + noise);
    expect(found.online, `${host} network-online.target`).toBeLessThan(online + noise);
  }
});

test("what was absent at boot is as planned once its cable is in", async () => {
  await lab.unplug("1/0");
  for (const host of ["spark-1", "spark-2"]) await reboot(host);
  await lab.replug("1/0");
  for (const host of ["spark-1", "spark-2"]) {
    for (const netdev of cx7) {
      const look = `ip -br address show dev ${netdev}; cat /sys/class/net/${netdev}/mtu`;
      const right = /^\S+ +UP +192\.168\.\d+\.1[12]\/24 *\n9000$/;
      await until(async () => right.test(await inside(lab, host, look)), 60, `${host} ${netdev}`);
    }
  }
});
