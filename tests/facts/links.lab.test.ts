import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gatherFacts } from "../../facts/gather";
import { Lab } from "../../lab/hosts/lab";
import { inside } from "../inside";
import { clusterOf, factsOf } from "./ring";

const labName = "links";
let lab: Lab;

beforeAll(async () => {
  lab = await Lab.up({
    name: labName,
    stackFile: false,
    fresh: true,
    wiring: "pair",
    hosts: [
      { name: "spark-1", renderer: "networkd" },
      { name: "spark-2", renderer: "networkd" },
    ],
  });
});
afterAll(() => Lab.down(labName));

describe("links that have just come up", () => {
  it("hear each other although both ends still look whether their address is taken", async () => {
    const bounce = `for n in /sys/class/net/en*np*; do n=\${n##*/}
      echo 2 >/proc/sys/net/ipv6/conf/$n/dad_transmits; ip link set $n down; ip link set $n up; done
      ip -6 -o address show tentative | grep -c np`;
    const tentative = await Promise.all(lab.hosts.map(({ name }) => inside(lab, name, bounce)));
    expect(tentative.map(Number).every((count) => count > 0)).toBe(true);

    const { probes } = await gatherFacts(clusterOf(lab));
    for (const { name } of lab.hosts) {
      const silent = factsOf(probes, name).cx7.filter(({ carrier, neighbours }) => carrier && neighbours.length === 0);
      expect(silent, name).toEqual([]);
    }
  });
});
