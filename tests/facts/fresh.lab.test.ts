import { describe, expect, it } from "vitest";
import { inside } from "../inside";
import { factsOf } from "./ring";
import { articleRing, RingLab, wiringOf } from "./ringLab";

const ring = new RingLab("facts-fresh");

describe("a fresh ring", () => {
  it("is found out with one session a host", async () => {
    const before = await ring.logins();
    const { probes, logins: found } = await ring.gather();
    expect(await ring.logins()).toEqual(before.map((count) => count + 1));
    expect(await ring.wiring(probes)).toEqual(wiringOf(articleRing));
    const all = ring.lab.hosts.map(({ name }) => factsOf(probes, name));
    expect(all.map(({ sudo }) => sudo)).toEqual(["passwordless", "passwordless", "password"]);
    expect(all.map(({ hotplug }) => hotplug)).toEqual(["", undefined, undefined]);
    expect(new Set(all.map(({ machineId }) => machineId)).size).toBe(3);
    expect(all.map(({ sessionAddress }) => sessionAddress)).toEqual(ring.lab.hosts.map(({ address }) => address));
    expect(all.map(({ networkManagerRunning }) => networkManagerRunning)).toEqual([false, true, false]);
    for (const [i, facts] of all.entries()) {
      expect(facts).toMatchObject({
        hostname: `spark-${i + 1}`,
        managementInterface: "enP7s7",
        netplanInstalled: true,
        netplanRead: true,
        networkdRunning: true,
        discovered: true,
      });
      expect(facts.record).toBeUndefined();
      expect(facts.routes).toContainEqual({ destination: expect.stringMatching(/\.0\/24$/), netdev: "enP7s7" });
      expect(facts.cx7.map(({ name, port, twin, roceDevice }) => [name, port, twin, roceDevice])).toEqual([
        ["enp1s0f0np0", 0, 0, "rocep1s0f0"],
        ["enP2p1s0f0np0", 0, 1, "roceP2p1s0f0"],
        ["enp1s0f1np1", 1, 0, "rocep1s0f1"],
        ["enP2p1s0f1np1", 1, 1, "roceP2p1s0f1"],
      ]);
      for (const netdev of facts.cx7) {
        expect(netdev).toMatchObject({ mtu: 1500, up: true, carrier: true, rdmaState: "4: ACTIVE" });
        expect(netdev.addresses).toMatchObject([{ family: 6, linkLocal: true }]);
      }
    }
    const base = factsOf(probes, "spark-2").netplanFiles.find(({ text }) => text?.includes("renderer: NetworkManager"));
    expect(base).toMatchObject({ mode: "600", owner: "root:root" });
    for (const { name, address, hostKey, user } of ring.lab.hosts) {
      expect(found.get(name)).toMatchObject({ address, hostKey, user, port: 22 });
      expect(found.get(name)?.privateKey).toContain("PRIVATE KEY");
    }
  });

  it("is not looked at by multicast where cables are declared", async () => {
    const { probes } = await ring.gather({ more: { cables: [{ from: "spark-1/0", to: "spark-2/1" }] } });
    expect(factsOf(probes, "spark-1").discovered).toBe(false);
    expect(factsOf(probes, "spark-1").cx7.flatMap(({ neighbours }) => neighbours)).toEqual([]);
  });

  it("says which netdev is down, and that nobody answers there", async () => {
    await inside(ring.lab, "spark-1", "ip link set dev enp1s0f0np0 down");
    const { probes } = await ring.gather();
    expect(factsOf(probes, "spark-1").cx7[0]).toMatchObject({ name: "enp1s0f0np0", up: false, neighbours: [] });
    expect(factsOf(probes, "spark-2").cx7[2]).toMatchObject({ name: "enp1s0f1np1", neighbours: [] });
    await inside(ring.lab, "spark-1", "ip link set dev enp1s0f0np0 up");
  });
});

describe("sudo", () => {
  const attempts = () => ring.journal("spark-3", "incorrect password attempt");

  it("is asked with the password once, and a wrong one is told", async () => {
    const before = await attempts();
    const { probes } = await ring.gather({ sudoPasswords: { "spark-3": "wrong" } });
    expect(factsOf(probes, "spark-3")).toMatchObject({ sudo: "wrongPassword", netplanRead: false });
    expect(await attempts()).toBe(before + 1);
    expect(await ring.journal("spark-3", "pam_unix(sudo:auth): authentication failure")).toBe(before + 1);
  });

  it("without a password is refused", async () => {
    const { probes } = await ring.gather({ sudoPasswords: {} });
    expect(factsOf(probes, "spark-3")).toMatchObject({ sudo: "refused", netplanRead: false });
    expect(factsOf(probes, "spark-1").sudo).toBe("passwordless");
  });
});
