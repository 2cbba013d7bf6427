import { beforeAll, describe, expect, it } from "vitest";
import { inside } from "../inside";
import { until } from "../scenarios/observe";
import { configure, factsOf, ringMesh, settle } from "./ring";
import { articleRing, RingLab, wiringOf } from "./ringLab";

const ring = new RingLab("facts-configured");
const names = () => ring.lab.hosts.map(({ name }) => name);

/** Waits until every cable carries something, and what the file says is live, and nothing else. */
const asConfigured = () =>
  until(
    ring.lab,
    names(),
    `[ $(ip -o link show up | grep -c 'np[01].*LOWER_UP') = 4 ] &&
     [ $(ip -4 -o address show to 192.168.0.0/16 | wc -l) = 4 ] && ! ip -6 -o address | grep -q np`,
    60,
  );

const forgetNeighbours = () => Promise.all(names().map((name) => inside(ring.lab, name, "ip neigh flush all")));

describe("a ring that somebody configured", () => {
  beforeAll(async () => {
    await configure(ring.lab);
    await asConfigured();
  });

  it("is found out by its addresses, though nobody hears a multicast there any more", async () => {
    await forgetNeighbours();
    const { probes } = await ring.gather();
    expect(await ring.wiring(probes)).toEqual(wiringOf(articleRing));
    for (const name of names()) {
      const found = factsOf(probes, name).cx7.flatMap(({ neighbours }) => neighbours);
      expect(found.map(({ address }) => address.startsWith("192.168."))).toEqual(Array(4).fill(true));
    }
  });

  it("is still found out between the hosts that answer", async () => {
    await ring.lab.kill("spark-3");
    const { probes } = await ring.gather();
    await ring.lab.boot("spark-3");
    await asConfigured();
    expect(probes.get("spark-3")).toMatchObject({ kind: "unreachable" });
    const wires = Object.entries(await ring.wiring(probes, ["spark-1", "spark-2"]));
    expect(Object.fromEntries(wires.filter(([, peer]) => peer !== ""))).toEqual(wiringOf("1/0-2/1"));
  });
});

describe("a settled ring", () => {
  const sudoes = () => Promise.all(names().map((name) => ring.journal(name, "nvidia : ")));
  beforeAll(async () => settle(ring.lab));

  it("is asked without sudo and by one session, and its neighbours are confirmed", async () => {
    await forgetNeighbours();
    const before = [await ring.logins(), await sudoes()];
    const { probes } = await ring.gather();
    expect([await ring.logins(), await sudoes()]).toEqual([before[0]?.map((count) => count + 1), before[1]]);
    expect(await ring.wiring(probes)).toEqual(wiringOf(articleRing));
    for (const name of names()) {
      const facts = factsOf(probes, name);
      expect(facts).toMatchObject({ sudo: "notAsked", netplanRead: false, discovered: false, record: { host: name } });
      expect(facts.record?.mesh).toEqual(ringMesh(ring.lab));
      expect(facts.cx7.flatMap(({ addresses }) => addresses).filter(({ linkLocal }) => linkLocal)).toEqual([]);
    }
  });

  it("is read with sudo where a file or a netdev differs", async () => {
    await inside(ring.lab, "spark-1", "touch /etc/netplan/40-cx7.yaml");
    await inside(ring.lab, "spark-3", "ip link set dev enp1s0f0np0 mtu 8000");
    const { probes } = await ring.gather();
    expect(factsOf(probes, "spark-1")).toMatchObject({ sudo: "passwordless", netplanRead: true });
    const file = factsOf(probes, "spark-1").netplanFiles.find(({ path }) => path === "/etc/netplan/40-cx7.yaml");
    expect(file?.text).toContain("192.168.177.11/24");
    expect(factsOf(probes, "spark-2").sudo).toBe("notAsked");
    expect(factsOf(probes, "spark-3").sudo).toBe("password");
    expect(factsOf(probes, "spark-3").cx7[0]).toMatchObject({ mtu: 8000 });
  });

  it("takes no answer for no neighbour", async () => {
    await ring.lab.unplug("1/0", { carrier: true });
    const { probes } = await ring.gather();
    await ring.lab.replug("1/0");
    expect(factsOf(probes, "spark-2").cx7[2]?.neighbours).toEqual([]);
    expect(factsOf(probes, "spark-2").cx7[0]?.neighbours).toHaveLength(1);
  });

  it("is found out again where its cables were moved, and as often as it is asked", async () => {
    const opposite = "1/0-3/1 2/0-1/1 3/0-2/1";
    await ring.lab.rewire(opposite);
    await asConfigured();
    expect(await ring.wiring((await ring.gather()).probes)).toEqual(wiringOf(opposite));
    // As half a minute makes of them.
    const age = `ip -4 neigh | while read -r address _ netdev _ mac _; do
      [[ $netdev != *np[01] || -z $mac ]] || ip neigh replace "$address" lladdr "$mac" dev "$netdev" nud stale; done`;
    await Promise.all(names().map((name) => inside(ring.lab, name, age)));
    expect(await ring.wiring((await ring.gather()).probes)).toEqual(wiringOf(opposite));
    await ring.lab.rewire(articleRing);
    await asConfigured();
    expect(await ring.wiring((await ring.gather()).probes)).toEqual(wiringOf(articleRing));
  });

  it("with a damaged record, or one of a newer release, is a fault that names the host", async () => {
    await inside(ring.lab, "spark-1", "printf '{\"a\\tb\\001' >/var/lib/spark-mesh/record.json");
    await inside(ring.lab, "spark-2", "cat >/var/lib/spark-mesh/armed.json", { stdin: '{"version":2}' });
    expect(await ring.faults()).toBe(
      [
        "2 faults in the hosts:",
        "  spark-1: /var/lib/spark-mesh/record.json is damaged (no JSON); move it away " +
          "(sudo mv /var/lib/spark-mesh/record.json /var/lib/spark-mesh/record.json.damaged) and run again",
        "  spark-2: /var/lib/spark-mesh/armed.json has version 2, and this release knows version 1; use the release that wrote it",
      ].join("\n"),
    );
  });
});
