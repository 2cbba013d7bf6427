import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { defaultHosts, Lab } from "../../lab/hosts/lab";
import { run } from "../../lab/hosts/process";
import { until } from "../scenarios/observe";

const name = "nm-lab";

describe.skipIf(process.getuid?.() !== 0)("a lab on NetworkManager alone", () => {
  let lab: Lab;

  beforeAll(async () => {
    const hosts = defaultHosts(2).map((host) => ({ ...host, hotplug: "1\n" }));
    lab = await Lab.up({ name, fresh: true, stackFile: false, wiring: "pair", renderer: "NetworkManager", hosts });
  });

  afterAll(async () => {
    await Lab.down(name);
  });

  const output = async (host: string, command: string) => (await lab.exec(host, command)).stdout.trim();

  /** Within a minute: a host is up, and netplan done, before NetworkManager is. */
  const expectManaged = () => vi.waitFor(expectManagedNow, { timeout: 60_000, interval: 250 });

  async function expectManagedNow(): Promise<void> {
    for (const { name: host, address } of lab.hosts) {
      expect(await output(host, "systemctl is-active NetworkManager systemd-networkd"), host).toBe("active\ninactive");
      expect(await output(host, "nmcli -g GENERAL.CONNECTION device show enP7s7"), host).toBe("netplan-enP7s7");
      expect(await output(host, "ip -4 -o address show dev enP7s7"), host).toContain(`inet ${address}/24 `);
      expect(await output(host, "ip route show default"), host).toContain("via 10.200.");
      expect(await output(host, "systemctl --failed --quiet --plain"), host).toBe("");
      const login = await run(lab.sshCommand(host, ["hostname"]));
      expect(login.stdout, login.stderr).toBe(`${host}\n`);
    }
  }

  test("has management from a profile of netplan's, after a reboot too", async () => {
    await expectManaged();
    await Promise.all(lab.hosts.map((host) => lab.reboot(host.name)));
    await expectManaged();
  });

  test("loses it for a moment at `netplan apply`, and an open session outlives that", async () => {
    const watch = lab.exec("spark-1", "timeout 100 ip monitor address dev enP7s7");
    await until(lab, ["spark-1"], "pgrep -x ip", 60);
    const session = await run(lab.sshCommand("spark-1", ["sudo netplan apply; echo over"]), { timeoutSeconds: 60 });
    expect(session.stdout, session.stderr).toBe("over\n");
    await expectManaged();
    await output("spark-1", "pkill -x ip");
    expect((await watch).stdout).toContain("Deleted ");
  });

  test("has what a host's own files are to hold", async () => {
    expect(
      await output("spark-2", "stat -c %a /etc/nvidia/cx7-hotplug-enabled; cat /etc/nvidia/cx7-hotplug-enabled"),
    ).toBe("644\n1");
  });
});
