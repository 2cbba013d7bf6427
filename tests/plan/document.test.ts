import { describe, expect, it } from "vitest";
import { Faults } from "../../config/faults";
import { renderDocument } from "../../plan/document";
import type { HostPlan, Plan } from "../../plan/plan";
import { planMesh } from "../../plan/planMesh";
import { cluster, freshProbes, onSwitch, settledProbes } from "./hosts";
import { planOf, trustedProbes, trusting } from "./trust/trusted";

const plan = planMesh(cluster(), freshProbes());
const owner = { stack: "organization/spark-mesh/home", operator: "me@laptop file:///home/me" };
const probes = [
  { address: "10.0.0.12", host: "spark-2" },
  { address: "10.0.0.13", host: "spark-3" },
];
const host = (from: Plan): HostPlan => {
  const [found] = from.hosts;
  if (!found) throw new Error("no host");
  return found;
};
const decoded = (document: string, key: string) =>
  Buffer.from(document.match(new RegExp(`^${key} (.+)$`, "m"))?.[1] ?? "", "base64").toString("utf8");

describe("renderDocument", () => {
  const document = renderDocument(host(plan), plan, owner, 180, probes);

  it("renders one line a fact", () => {
    const readable = document
      .replace(/^netplan .*$/m, "netplan BASE64")
      .replace(/^mesh .*$/m, "mesh BASE64")
      .replace(/^digest [0-9a-f]{64}$/m, "digest HEX");
    expect(readable).toMatchInlineSnapshot(`
      "spark-mesh 1
      host spark-1
      stack organization/spark-mesh/home
      operator me@laptop file:///home/me
      confirmSeconds 180
      digest HEX
      netplanFile /etc/netplan/40-cx7.yaml
      netplan BASE64
      netdev enp1s0f0np0 9000 192.168.177.11/24 -
      netdev enP2p1s0f0np0 9000 192.168.178.11/24 -
      netdev enp1s0f1np1 9000 192.168.187.11/24 -
      netdev enP2p1s0f1np1 9000 192.168.188.11/24 -
      link enp1s0f0np0 192.168.177.11 192.168.177.12 02:00:00:00:02:10 spark-2/enp1s0f1np1
      link enP2p1s0f0np0 192.168.178.11 192.168.178.12 02:00:00:00:02:11 spark-2/enP2p1s0f1np1
      link enp1s0f1np1 192.168.187.11 192.168.187.13 02:00:00:00:03:00 spark-3/enp1s0f0np0
      link enP2p1s0f1np1 192.168.188.11 192.168.188.13 02:00:00:00:03:01 spark-3/enP2p1s0f0np0
      probe 10.0.0.12 spark-2
      probe 10.0.0.13 spark-3
      mesh BASE64
      "
    `);
  });

  it("carries the file and the mesh whole", () => {
    expect(decoded(document, "netplan")).toBe(host(plan).netplanText);
    expect(JSON.parse(decoded(document, "mesh"))).toEqual(plan.mesh);
  });

  it("does not make verify wait for an abandoned peer", () => {
    const abandoned = planMesh(cluster({ abandon: ["spark-3"] }), settledProbes(plan, freshProbes()));
    const links = renderDocument(host(abandoned), abandoned, owner, 180, probes).match(/^link .*$/gm);
    expect(links?.map((line) => line.split(" ").at(-1))).toEqual(["spark-2/enp1s0f1np1", "spark-2/enP2p1s0f1np1"]);
  });

  it("has a link to every other host on a switch, and how its netdevs answer there", () => {
    const mesh = planMesh(cluster({}, 4), freshProbes(onSwitch(4), 4));
    const switched = renderDocument(host(mesh), mesh, owner, 180, probes);
    expect(decoded(switched, "sysctl")).toBe(host(mesh).sysctlText);
    expect(switched.match(/^netdev .*$/gm)).toEqual([
      "netdev enp1s0f0np0 9000 192.168.177.11/24 1/2",
      "netdev enP2p1s0f0np0 9000 192.168.178.11/24 1/2",
    ]);
    expect(switched.match(/^link .*$/gm)).toEqual([
      "link enp1s0f0np0 192.168.177.11 192.168.177.12 02:00:00:00:02:00 spark-2/enp1s0f0np0",
      "link enp1s0f0np0 192.168.177.11 192.168.177.13 02:00:00:00:03:00 spark-3/enp1s0f0np0",
      "link enp1s0f0np0 192.168.177.11 192.168.177.14 02:00:00:00:04:00 spark-4/enp1s0f0np0",
      "link enP2p1s0f0np0 192.168.178.11 192.168.178.12 02:00:00:00:02:01 spark-2/enP2p1s0f0np0",
      "link enP2p1s0f0np0 192.168.178.11 192.168.178.13 02:00:00:00:03:01 spark-3/enP2p1s0f0np0",
      "link enP2p1s0f0np0 192.168.178.11 192.168.178.14 02:00:00:00:04:01 spark-4/enP2p1s0f0np0",
    ]);
    const gone = planMesh(cluster({ abandon: ["spark-3"] }, 4), settledProbes(mesh, freshProbes(onSwitch(4), 4)));
    expect(renderDocument(host(gone), gone, owner, 180, probes)).not.toMatch(/^link .* spark-3/m);
  });

  it("asks for a login at every address of a trusted peer that can be asked", () => {
    const config = trusting();
    const logins = (mesh: Plan) => renderDocument(host(mesh), mesh, owner, 180, probes).match(/^login .*$/gm);
    const trusted = trustedProbes(config);
    expect(logins(planOf(trusted))).toEqual([
      "login spark-2 10.0.0.12",
      "login spark-2 192.168.177.12",
      "login spark-2 192.168.178.12",
      "login spark-3 10.0.0.13",
      "login spark-3 192.168.187.13",
      "login spark-3 192.168.188.13",
    ]);
    expect(logins(plan)).toBeNull();
    const silent = planOf(new Map(trusted).set("spark-3", { kind: "unreachable", reason: "no route to host" }));
    expect(logins(silent)?.filter((line) => line.includes("spark-3"))).toEqual([]);
  });

  it("refuses values that would break out of their line", () => {
    const hostile = {
      ...host(plan),
      netdevs: host(plan).netdevs.map((netdev) => ({ ...netdev, netdev: "a\nhost x" })),
    };
    for (const render of [
      () => renderDocument(host(plan), plan, { ...owner, operator: "me\nstack other" }, 180, probes),
      () => renderDocument(host(plan), plan, { ...owner, stack: "$(reboot)" }, 180, probes),
      () => renderDocument(hostile, plan, owner, 180, probes),
      () => renderDocument(host(plan), plan, owner, 0.5, probes),
      () => renderDocument(host(plan), plan, owner, 180, [{ address: "10.0.0.12 x", host: "spark-2" }]),
      () => renderDocument({ ...host(plan), netplanFile: "/etc/netplan/a b.yaml" }, plan, owner, 180, probes),
    ]) {
      expect(render).toThrow(Faults);
    }
  });
});
