import { describe, expect, it } from "vitest";
import { planMesh } from "../../../plan/planMesh";
import type { ReachedHost } from "../../../plan/views";
import { networkManagerConnection, nvidiaSync, sparkrun, sparkVllmDocker, UUID } from "../foreignFiles";
import { baseFile, netplanFile } from "../hosts";
import { type Addresses, adopt, at, base, FIRST, host, judged, PAIR, PAIR_CABLE, SECOND } from "./adoptions";

/** A host's netdevs with their addresses, as a plan with the adopted config would have them. */
function planned(found: ReturnType<typeof adopt>, hosts: readonly ReachedHost[]): readonly Addresses[] {
  const probes = new Map(hosts.map(({ config, facts }) => [config.name, { kind: "facts", facts } as const]));
  const plan = planMesh({ ...judged(found, hosts.length), trust: false }, probes);
  return plan.hosts.map(({ netdevs }) => Object.fromEntries(netdevs.map(({ netdev, address }) => [netdev, address])));
}

describe("a plan with what was adopted", () => {
  it("keeps every address of a pair, of a ring of three and of a switch", () => {
    const pair = PAIR.map((addresses, index) => host(index + 1, [base, sparkrun(addresses)], addresses));
    expect(planned(adopt("1/0-2/0", pair), pair)).toEqual(PAIR);

    const ring = [
      { ...at(0, "10.1.0.7/28", "10.1.0.23/28"), ...at(1, "172.16.0.1/30", "172.16.0.5/30") },
      { ...at(0, "100.64.2.9/24", "100.64.3.9/24"), ...at(1, "10.1.0.3/28", "10.1.0.19/28") },
      { ...at(0, "172.16.0.2/30", "172.16.0.6/30"), ...at(1, "100.64.2.8/24", "100.64.3.8/24") },
    ];
    const ringHosts = ring.map((addresses, index) => host(index + 1, [base, sparkVllmDocker(addresses)], addresses));
    const wiring = "1/0-2/1 2/0-3/1 3/0-1/1";
    expect(planned(adopt(wiring, ringHosts), ringHosts)).toEqual(ring);

    const four = [1, 2, 3, 4].map((number) => at(1, `10.100.32.${number}/24`, `10.100.33.${number}/24`));
    const fourHosts = four.map((addresses, index) =>
      host(index + 1, [baseFile("NetworkManager"), nvidiaSync(addresses)], addresses),
    );
    const star = [1, 2, 3, 4].map((number) => `${number}/1-switch-a`).join(" ");
    expect(planned(adopt(star, fourHosts), fourHosts)).toEqual(four);
  });
});

describe("what up changes all the same", () => {
  it("is every setting that our file has not", () => {
    const { text = "", path } = sparkrun(FIRST);
    const more = text.replace(
      "      link-local: []\n",
      "      link-local: []\n      dhcp6: true\n      optional: true\n      routes: [{ to: 10.9.0.0/16, via: 192.168.177.12 }]\n",
    );
    const found = adopt("1/0-2/0", [
      host(1, [base, netplanFile(path, more.replace("      dhcp6: no\n", ""))], FIRST),
      host(2, [base, sparkrun(SECOND)], SECOND),
    ]);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [] });
    expect(found.notes).toEqual([
      "spark-1: enp1s0f0np0: found dhcp6, routes in /etc/netplan/40-cx7.yaml; up leaves that out",
    ]);
  });

  it("is nothing of what a netdev without a cable has, and waits for what no file of ours can stand in for", () => {
    const spare = { ...FIRST, ...at(1, "172.20.0.1/24", "172.21.0.1/24") };
    const connection = networkManagerConnection("enp1s0f0np0", "192.168.177.12/24");
    const twin = { enP2p1s0f0np0: "192.168.178.12/24" };
    const found = adopt("1/0-2/0", [
      host(1, [base, sparkrun(spare)], spare),
      host(2, [base, connection, sparkrun(twin)], SECOND),
    ]);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [] });
    expect(found.notes).toEqual([
      expect.stringMatching(/^spark-2: enp1s0f0np0: found 192.168.177.12\/24 live/),
      `spark-2: enp1s0f0np0: found /etc/netplan/90-NM-${UUID}.yaml: ethernets.NM-${UUID}; up waits until that is gone`,
    ]);
    expect(found.network).toMatchObject({ netplanFile: "/etc/netplan/45-spark-mesh.yaml", migrate: true });
  });
});
