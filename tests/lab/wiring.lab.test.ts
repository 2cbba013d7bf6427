import { afterAll, describe, expect, test } from "vitest";
import { defaultHosts, Lab } from "../../lab/hosts/lab";

const name = "wiring-lab";

/** Who answers a multicast ping out of each netdev: `HOST/PORT TWIN`, sorted, by the same name of the netdev itself. */
async function heard(lab: Lab): Promise<Record<string, string[]>> {
  const hosts = lab.hosts.map((host) => host.name);
  await lab.linksReady();
  const netdevs = await Promise.all(
    hosts.map(async (host, index) => {
      const ask = `shopt -s nullglob; cd /sys/class/net; for netdev in en*np*; do
        ping -6 -c 2 -w 3 ff02::1%$netdev >/dev/null 2>&1
        echo $netdev $(cat $netdev/address) $(ip -6 neigh show dev $netdev | sed -n 's/.*lladdr \\([0-9a-f:]*\\) .*/\\1/p')
      done`;
      const lines = (await lab.exec(host, ask)).stdout.trim().split("\n");
      return lines.filter(Boolean).map((line) => {
        const [netdev = "", mac = "", ...macs] = line.split(" ");
        return { place: `${index + 1}/${netdev.slice(-1)} ${netdev.startsWith("enP2") ? "b" : "a"}`, mac, macs };
      });
    }),
  );
  const all = netdevs.flat();
  const owner = new Map(all.map(({ place, mac }) => [mac, place]));
  return Object.fromEntries(all.map(({ place, macs }) => [place, macs.map((mac) => owner.get(mac) ?? mac).sort()]));
}

/** What is heard where `ports` are behind one switch: everybody there but oneself. */
function behindOneSwitch(...ports: readonly string[]): Record<string, string[]> {
  const places = ports.flatMap((port) => [`${port} a`, `${port} b`]);
  return Object.fromEntries(places.map((place) => [place, places.filter((other) => other !== place)]));
}

const twins = (one: string, other: string) =>
  ["a", "b"].flatMap((twin) => [
    [`${one} ${twin}`, [`${other} ${twin}`]],
    [`${other} ${twin}`, [`${one} ${twin}`]],
  ]);

describe.skipIf(process.getuid?.() !== 0)("a lab's wiring", () => {
  afterAll(async () => {
    await Lab.down(name);
  });

  test.each([
    ["pair", 2, Object.fromEntries(twins("1/0", "2/1"))],
    ["1/0-2/0 1/1-2/1", 2, Object.fromEntries([...twins("1/0", "2/0"), ...twins("1/1", "2/1")])],
    ["switch", 2, behindOneSwitch("1/0", "2/0")],
    [
      "1/0-switch-a 1/1-switch-b 2/0-switch-a 2/1-switch-b",
      2,
      { ...behindOneSwitch("1/0", "2/0"), ...behindOneSwitch("1/1", "2/1") },
    ],
    ["1/0-switch-a 1/1-switch-a 2/0-switch-a 2/1-switch-a", 2, behindOneSwitch("1/0", "1/1", "2/0", "2/1")],
    ["switch", 8, behindOneSwitch(...Array.from({ length: 8 }, (_, index) => `${index + 1}/0`))],
  ])("%s of %i hosts is heard as it is", async (wiring, count, expected) => {
    const lab = await Lab.up({ name, fresh: true, stackFile: false, wiring, hosts: defaultHosts(count) });
    expect(await heard(lab)).toEqual(expected);
  });

  test("a cable of a switch can be pulled and put back", async () => {
    const lab = await Lab.up({ name, fresh: true, stackFile: false, wiring: "switch" });
    await lab.unplug("2/0");
    expect(await heard(lab)).toEqual(behindOneSwitch("1/0", "3/0"));
    await lab.replug("2/0");
    expect(await heard(lab)).toEqual(behindOneSwitch("1/0", "2/0", "3/0"));
  });
});
