import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Lab } from "../../lab/hosts/lab";

const names = ["test-lab-one", "test-lab-two"] as const;

describe.skipIf(process.getuid?.() !== 0)("two labs of other hosts", () => {
  afterAll(async () => {
    await Promise.all(names.map((name) => Lab.down(name)));
  });

  test("stand side by side, with NetworkManager's own profiles and a shared folder", async () => {
    const renderer = "NetworkManager";
    const hosts = ["spark-1", "spark-2"].map((host) => ({ name: host, renderer, wiredConnections: true }) as const);
    const shares = [{ from: join(__dirname, "..", "..", "lab"), to: "/srv/colon:lab" }];
    const alone = [{ name: "spark-1", renderer: "networkd" }] as const;
    const [one, two] = await Promise.all([
      Lab.up({ name: names[0], stackFile: false, wiring: "1/0-switch-a", hosts: alone }),
      Lab.up({ name: names[1], stackFile: false, wiring: "pair", hosts, shares }),
    ]);
    expect(one.hosts[0]?.address).not.toBe(two.hosts[0]?.address);

    const output = async (command: string) => (await two.exec("spark-1", command)).stdout.trim();
    expect(await output("cd /srv/colon:lab && ls lab.ts && touch x 2>&1")).toContain("Read-only");

    const connection = "nmcli -g GENERAL.CONNECTION device show enp1s0f0np0";
    await expect.poll(() => output(connection), { timeout: 60_000 }).toMatch(/^Wired connection \d$/);
    // What three minutes without a DHCP server come to.
    await output("nmcli device disconnect enp1s0f0np0");
    await expect.poll(() => output("ip -6 -o address show dev enp1s0f0np0"), { timeout: 60_000 }).toBe("");
    expect(await output("cat /sys/class/net/enp1s0f0np0/carrier")).toBe("1");
  });
});
