import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { planMesh } from "../../../plan/planMesh";
import { baseFile, change, cluster, freshProbes } from "../hosts";

const probes = change(freshProbes(), "spark-2", (facts) => ({ ...facts, netplanFiles: [baseFile("NetworkManager")] }));
const plan = planMesh(cluster(), probes);
const textOf = (host: string, from = plan) => from.hosts.find(({ name }) => name === host)?.netplanText ?? "";

describe("renderNetplan", () => {
  it("gives the article's file for Spark 1, and waits for none of it at boot", () => {
    const stanza = (address: string) => ({
      dhcp4: "no",
      dhcp6: "no",
      "link-local": [],
      mtu: 9000,
      addresses: [address],
      optional: true,
    });
    expect(parse(textOf("spark-1"))).toEqual({
      network: {
        version: 2,
        ethernets: {
          enp1s0f0np0: stanza("192.168.177.11/24"),
          enP2p1s0f0np0: stanza("192.168.178.11/24"),
          enp1s0f1np1: stanza("192.168.187.11/24"),
          enP2p1s0f1np1: stanza("192.168.188.11/24"),
        },
      },
    });
  });

  it("renders for networkd", () => {
    expect(textOf("spark-1")).toMatchInlineSnapshot(`
      "# Managed by spark-mesh: what is edited here is shown as drift and put back.
      network:
        version: 2
        ethernets:
          enp1s0f0np0:
            dhcp4: no
            dhcp6: no
            link-local: [ ]
            mtu: 9000
            addresses: [ 192.168.177.11/24 ]
            optional: true
          enP2p1s0f0np0:
            dhcp4: no
            dhcp6: no
            link-local: [ ]
            mtu: 9000
            addresses: [ 192.168.178.11/24 ]
            optional: true
          enp1s0f1np1:
            dhcp4: no
            dhcp6: no
            link-local: [ ]
            mtu: 9000
            addresses: [ 192.168.187.11/24 ]
            optional: true
          enP2p1s0f1np1:
            dhcp4: no
            dhcp6: no
            link-local: [ ]
            mtu: 9000
            addresses: [ 192.168.188.11/24 ]
            optional: true
      "
    `);
  });

  it("renders for NetworkManager, which is to leave IPv6 alone besides", () => {
    const onNetworkd = textOf("spark-2", planMesh(cluster(), freshProbes()));
    const besides = ["", "networkmanager:", "  passthrough:", "    ipv6.method: disabled"].join("\n      ");
    expect(textOf("spark-2")).toBe(onNetworkd.replaceAll("optional: true", `optional: true${besides}`));
  });
});
