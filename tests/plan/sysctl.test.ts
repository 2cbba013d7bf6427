import { expect, it } from "vitest";
import { planMesh } from "../../plan/planMesh";
import { cluster, freshProbes, onSwitch } from "./hosts";

const textOf = (wiring: string, count: number) =>
  planMesh(cluster({}, count), freshProbes(wiring, count)).hosts[0]?.sysctlText;

it("has every planned netdev on a switch answer for itself alone", () => {
  expect(textOf(onSwitch(2, [0, 1]), 2)).toMatchInlineSnapshot(`
    "# Managed by spark-mesh: what is edited here is shown as drift and put back.
    # The minus: a netdev that left with its cable is no error.
    -net.ipv4.conf.enp1s0f0np0.arp_ignore = 1
    -net.ipv4.conf.enp1s0f0np0.arp_announce = 2
    -net.ipv4.conf.enP2p1s0f0np0.arp_ignore = 1
    -net.ipv4.conf.enP2p1s0f0np0.arp_announce = 2
    -net.ipv4.conf.enp1s0f1np1.arp_ignore = 1
    -net.ipv4.conf.enp1s0f1np1.arp_announce = 2
    -net.ipv4.conf.enP2p1s0f1np1.arp_ignore = 1
    -net.ipv4.conf.enP2p1s0f1np1.arp_announce = 2
    "
  `);
  expect(textOf(onSwitch(2, [1]), 2)?.match(/f\dnp\d/g)).toEqual(Array(4).fill("f1np1"));
});

it("is no file where cables lead from host to host", () => {
  expect([textOf("1/0-2/0", 2), textOf("1/0-2/1 2/0-3/1 3/0-1/1", 3)]).toEqual(["", ""]);
});
