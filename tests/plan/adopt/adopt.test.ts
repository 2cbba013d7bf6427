import { describe, expect, it } from "vitest";
import type { ReachedHost } from "../../../plan/views";
import { nvidiaPlaybook, nvidiaScript, nvidiaSync, sparkrun, sparkVllmDocker } from "../foreignFiles";
import { baseFile, type Facts, netplanFile } from "../hosts";
import { adopt, at, base, changed, FIRST, host, judged, PAIR, PAIR_CABLE, SECOND } from "./adoptions";

describe("what is there", () => {
  it("is sparkrun's, on a pair", () => {
    const found = adopt(
      "1/0-2/0",
      PAIR.map((addresses, index) => host(index + 1, [base, sparkrun(addresses)], addresses)),
    );
    expect(found).toMatchObject({
      cables: [PAIR_CABLE],
      network: { mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml" },
      faults: [],
      notes: [],
    });
    expect(found.network).not.toHaveProperty("migrate");
    expect(judged(found, 2).cables).toEqual([PAIR_CABLE]);
    expect(found.adoption.files.get("spark-1")).toContainEqual({
      path: "/etc/netplan/40-cx7.yaml",
      origin: "sparkrun",
      netdevs: ["enp1s0f0np0", "enP2p1s0f0np0"],
      replaceable: true,
    });
  });

  it("is spark-vllm-docker's, on a ring of three", () => {
    const ring = [
      { ...at(0, "10.20.0.11/24", "10.20.1.11/24"), ...at(1, "10.20.4.11/24", "10.20.5.11/24") },
      { ...at(0, "10.20.2.12/24", "10.20.3.12/24"), ...at(1, "10.20.0.12/24", "10.20.1.12/24") },
      { ...at(0, "10.20.4.13/24", "10.20.5.13/24"), ...at(1, "10.20.2.13/24", "10.20.3.13/24") },
    ];
    const found = adopt(
      "1/0-2/1 2/0-3/1 3/0-1/1",
      ring.map((addresses, index) => host(index + 1, [base, sparkVllmDocker(addresses, 4200)], addresses, 4200)),
    );
    expect(found.faults).toEqual([]);
    expect(found.network).toEqual({ mtu: 4200, netplanFile: "/etc/netplan/98-spark-vllm-docker.yaml" });
    expect(found.cables.map(({ subnets }) => subnets)).toEqual([
      ["10.20.0.0/24", "10.20.1.0/24"],
      ["10.20.2.0/24", "10.20.3.0/24"],
      ["10.20.4.0/24", "10.20.5.0/24"],
    ]);
    expect(found.cables[2]?.addresses).toEqual({
      "spark-3": ["10.20.4.13", "10.20.5.13"],
      "spark-1": ["10.20.4.11", "10.20.5.11"],
    });
    expect(judged(found, 3).cables).toEqual(found.cables);
    expect(found.adoption.files.get("spark-2")?.[1]?.origin).toBe("spark-vllm-docker");
  });

  it("is NVIDIA's playbook's, on a switch of four, whose MTU is no good for RoCE", () => {
    const hosts = [1, 2, 3, 4].map((number) => {
      const addresses = at(1, `192.168.100.${number}/24`, `192.168.101.${number}/24`);
      return host(number, [base, nvidiaPlaybook(addresses)], addresses, 1500);
    });
    const found = adopt("1/1-switch-a 2/1-switch-a 3/1-switch-a 4/1-switch-a", hosts);
    expect(found.faults).toEqual([]);
    expect(found.cables[3]).toEqual({
      from: { host: "spark-4", port: 1 },
      to: { switch: "switch-a" },
      subnets: ["192.168.100.0/24", "192.168.101.0/24"],
      addresses: { "spark-4": ["192.168.100.4", "192.168.101.4"] },
    });
    expect(found.network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml" });
    expect(found.notes).toEqual(
      [1, 2, 3, 4].map(
        (number) => `spark-${number}: mtu: found 1500, wanted one for all that RoCE can use; up sets 9000`,
      ),
    );
    expect(judged(found, 4).cables).toEqual(found.cables);
  });

  it("is NVIDIA's script's, which stays for the netdevs that it names besides", () => {
    const hosts = PAIR.map((addresses, index) => {
      const reached = host(index + 1, [base, nvidiaScript(addresses)], addresses);
      return changed(reached, { cx7: reached.facts.cx7.filter(({ port }) => port === 0) });
    });
    const found = adopt("1/0-2/0", hosts);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [], notes: [] });
    expect(found.network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/45-spark-mesh.yaml", migrate: true });
  });

  it("is NVIDIA Sync's: replaced where the renderer stays, else moved out of a file that goes on choosing it", () => {
    const pair = (renderer: "networkd" | "NetworkManager") =>
      adopt(
        "1/0-2/0",
        PAIR.map((addresses, index) => host(index + 1, [baseFile(renderer), nvidiaSync(addresses)], addresses)),
      );
    expect(pair("NetworkManager")).toMatchObject({ cables: [PAIR_CABLE], faults: [], notes: [] });
    expect(pair("NetworkManager").network).toEqual({
      mtu: 9000,
      netplanFile: "/etc/netplan/99-nvidia-sync-cluster.yaml",
    });
    expect(pair("networkd").cables).toEqual([PAIR_CABLE]);
    expect(pair("networkd").network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml", migrate: true });
  });

  it("is somebody's own file, with management in it, at the path that would be ours", () => {
    const files = PAIR.map((addresses, index) => {
      const { text = "", path } = sparkrun(addresses);
      const own = index === 0 ? `${text.replace(/^#.*\n/gm, "")}    enP7s7: { dhcp4: true }\n` : text;
      return host(index + 1, [base, netplanFile(path, own)], addresses);
    });
    const found = adopt("1/0-2/0", files);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [], notes: [] });
    expect(found.network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/45-spark-mesh.yaml", migrate: true });
    expect(found.adoption.files.get("spark-1")?.[1]).toMatchObject({ origin: "another hand", replaceable: false });
    expect(judged(found, 2).network).toMatchObject(found.network);
  });

  it("is different tools' on different hosts", () => {
    const found = adopt("1/0-2/0", [
      host(1, [base, sparkrun(FIRST)], FIRST),
      host(2, [base, sparkVllmDocker(SECOND)], SECOND),
    ]);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [], notes: [] });
    expect(found.network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml", migrate: true });
  });

  it("is live only, as `ip addr add` made it", () => {
    const found = adopt("1/0-2/0", [host(1, [base], FIRST), host(2, [base, sparkrun(SECOND)], SECOND)]);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [] });
    expect(found.notes).toEqual([
      "spark-1: enp1s0f0np0: found 192.168.177.11/24 live and in no file that was read; up writes it into one",
      "spark-1: enP2p1s0f0np0: found 192.168.178.11/24 live and in no file that was read; up writes it into one",
    ]);
  });

  it("is said twice, in two files that netplan adds up", () => {
    const later = netplanFile(
      "/etc/netplan/50-more.yaml",
      "network: { ethernets: { enp1s0f0np0: { addresses: [{ 192.168.177.11/24: { label: x } }], mtu: 4200 } } }\n",
    );
    const found = adopt("1/0-2/0", [host(1, [base, sparkrun(FIRST), later], FIRST), host(2, [sparkrun(SECOND)])]);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [] });
    expect(found.network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml", migrate: true });
    expect(found.notes).toEqual(["spark-1: mtu: found 4200, 9000, wanted one for all that RoCE can use; up sets 9000"]);
  });

  it("is an address with a label, in a file that netdevs which aren't there have too", () => {
    const labelled = netplanFile(
      "/etc/netplan/40-cx7.yaml",
      (sparkrun(FIRST).text ?? "").replace("[192.168.177.11/24]", "[{ 192.168.177.11/24: { label: fast } }]"),
    );
    const absent = netplanFile(
      "/etc/netplan/60-spare.yaml",
      "network: { ethernets: { enp9s0f0np0: { mtu: 9000 } } }\n",
    );
    const found = adopt("1/0-2/0", [
      host(1, [base, labelled, absent], FIRST),
      host(2, [base, sparkrun(SECOND)], SECOND),
    ]);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [], notes: [] });
    expect(found.network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml" });
  });

  it("is our own, on a settled host whose files were not read", () => {
    const unread = (reached: ReachedHost): ReachedHost =>
      changed(reached, {
        netplanRead: false,
        record: {
          host: "before",
          mesh: {
            hosts: [
              {
                name: "before",
                netplanFile: "/etc/netplan/77-ours.yaml",
                netdevs: reached.facts.cx7.map(({ name }) => ({ netdev: name })),
              },
            ],
          },
        } as unknown as NonNullable<Facts["record"]>,
      });
    const found = adopt("1/0-2/0", [unread(host(1, [], FIRST)), unread(host(2, [], SECOND))]);
    expect(found).toMatchObject({ cables: [PAIR_CABLE], faults: [], notes: [] });
    expect(found.network).toEqual({ mtu: 9000, netplanFile: "/etc/netplan/77-ours.yaml" });
  });
});
