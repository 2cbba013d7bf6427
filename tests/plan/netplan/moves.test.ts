import { describe, expect, it } from "vitest";
import type { Probe } from "../../../facts/hostFacts";
import { sha256 } from "../../../plan/digest";
import { renderDocument } from "../../../plan/document";
import { planMesh } from "../../../plan/planMesh";
import { sparkVllmDocker } from "../foreignFiles";
import { change, cluster, freshProbes, netplanFile, settledProbes } from "../hosts";

const foreign = sparkVllmDocker({ enp1s0f0np0: "192.168.177.11/24" });
const house = netplanFile("/etc/netplan/50-house.yaml", "network: { ethernets: { enP7s7: { dhcp4: true } } }\n");
const migrating = cluster({ network: { ...cluster().network, migrate: true } });

const withFiles = (probes: Map<string, Probe>, ...files: readonly (typeof foreign)[]) =>
  change(probes, "spark-1", (facts) => ({
    ...facts,
    netplanRead: true,
    netplanFiles: [...facts.netplanFiles.filter(({ path }) => files.every((file) => file.path !== path)), ...files],
  }));

const fresh = withFiles(freshProbes(), foreign, house);
const owner = { stack: "organization/spark-mesh/home", operator: "me@laptop" };
const moveLines = (plan: ReturnType<typeof planMesh>) =>
  plan.hosts.map((host) => renderDocument(host, plan, owner, 180, []).match(/^move .*$/gm) ?? []);

describe("definitions in another file", () => {
  const plan = planMesh(migrating, fresh);

  it("are moved out of exactly the text that was read, on that host alone", () => {
    expect(moveLines(plan)).toEqual([[`move 98-spark-vllm-docker.yaml ${sha256(foreign.text ?? "")} -`], [], []]);
    expect(plan.warnings).toContain(
      "spark-1: /etc/netplan/98-spark-vllm-docker.yaml: ethernets.enp1s0f0np0 moves to /etc/netplan/40-cx7.yaml, the file is removed; destroy puts it back",
    );
  });

  it("leave the rest of their file as it is", () => {
    const text = `network:\n  ethernets:\n    enp1s0f0np0: { mtu: 9000 }\n    enP7s7: { dhcp4: true }\n`;
    const mixed = planMesh(migrating, withFiles(freshProbes(), netplanFile(house.path, text)));
    const [[line = ""] = []] = moveLines(mixed);
    const [, name, before, after = ""] = line.split(" ");
    expect([name, before]).toEqual(["50-house.yaml", sha256(text)]);
    expect(Buffer.from(after, "base64").toString()).toBe(text.replace(/ {4}enp1s0f0np0.*\n/, ""));
  });

  it("are remembered once they are moved: nothing is due, and the original stays to be put back", () => {
    const settled = settledProbes(plan, withFiles(freshProbes(), house));
    for (const config of [migrating, cluster()]) {
      const again = planMesh(config, settled);
      expect(again.hosts.map(({ state }) => state)).toEqual(["settled", "settled", "settled"]);
      expect(moveLines(again)).toEqual([["move 98-spark-vllm-docker.yaml = ="], [], []]);
      expect(again.warnings).toEqual([]);
    }
  });

  it("are drift where somebody puts them back", () => {
    const again = planMesh(migrating, withFiles(settledProbes(plan, withFiles(freshProbes(), house)), foreign));
    expect(again.hosts[0]?.differences).toEqual([
      {
        host: "spark-1",
        object: "/etc/netplan/98-spark-vllm-docker.yaml",
        property: "CX7 definitions",
        found: "some again",
        wanted: "none",
      },
    ]);
    expect(moveLines(again)[0]).toEqual([`move 98-spark-vllm-docker.yaml ${sha256(foreign.text ?? "")} -`]);
  });
});
