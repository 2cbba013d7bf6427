import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultHosts, Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { inside } from "../inside";
import { scenarioEngines } from "./engines";
import { liveNetdevs, traces, untilLive } from "./observe";
import { expectQuiet, succeeds } from "./steps";

const NAME = "half-addressed";
const SPARKS = ["spark-1", "spark-2"];
const FILE = "/etc/netplan/40-cx7.yaml";

/** The first netdev of each port; the second ones are brought up and have nothing. */
const HALVES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "spark-1": { enp1s0f0np0: "172.27.3.51/24", enp1s0f1np1: "172.27.4.51/24" },
  "spark-2": { enp1s0f0np0: "172.27.3.52/24", enp1s0f1np1: "172.27.4.52/24" },
};

function fileOf(host: string): string {
  const netdevs = [...Object.entries(HALVES[host] ?? {}), ["enP2p1s0f0np0", ""], ["enP2p1s0f1np1", ""]];
  const lines = netdevs.flatMap(([netdev, address]) => [
    `    ${netdev}:`,
    "      dhcp4: false",
    "      link-local: []",
    ...(address ? [`      addresses: [${address}]`] : []),
  ]);
  return `${["network:", "  version: 2", "  ethernets:", ...lines].join("\n")}\n`;
}

describe.each(scenarioEngines())("ports of which somebody addressed one netdev, on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let before: readonly unknown[];

  beforeAll(async () => {
    lab = await Lab.up({
      name: NAME,
      fresh: true,
      stackFile: false,
      wiring: "1/0-2/0 1/1-2/1",
      hosts: defaultHosts(2),
      renderer: "NetworkManager",
    });
    for (const host of SPARKS) {
      await inside(lab, host, `cat >${FILE} && chmod 0600 ${FILE} && netplan apply`, { stdin: fileOf(host) });
    }
    await untilLive(lab, HALVES);
    project = await Project.create(engine, lab);
    before = await tracesOf();
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down(NAME);
  });

  const tracesOf = () => Promise.all(SPARKS.map((host) => traces(lab, host)));

  it("have each address, MTU and definition that goes named by the first preview", async () => {
    const output = await succeeds(project.preview());
    // The CLI shows a message beside its resource too.
    const lines = [...new Set(output.match(/warning: .*/g))];
    for (const host of SPARKS) {
      for (const [netdev, address] of Object.entries(HALVES[host] ?? {})) {
        expect(lines.filter((line) => line.includes(`${host}: ${netdev}: address ${address} goes`))).toHaveLength(1);
        expect(lines.filter((line) => line.includes(`${host}: ${netdev}: MTU 1500 becomes 9000`))).toHaveLength(1);
        expect(lines.filter((line) => line.includes(`${host}: ${FILE}: ethernets.${netdev} `))).toHaveLength(1);
      }
    }
    expect(output).toContain("npx spark-mesh discover --stack test --adopt --write");
  });

  it("keep their addresses with discover --adopt, and have the others planned", async () => {
    const { code, output } = await project.sparkMesh(["discover", "--adopt", "--write"]);
    expect(code, output).toBe(0);
    for (const host of SPARKS) {
      expect(output).toMatch(new RegExp(`${host}: enP2p1s0f0np0: found no static address; up gives it \\S+`));
      expect(output).not.toMatch(new RegExp(`note: ${host}: enp1s0f0np0: found`));
    }
    const preview = await succeeds(project.preview());
    expect(preview).not.toMatch(/address 172\S+ goes/);
    await succeeds(project.up());
    await expectQuiet(project);
    for (const host of SPARKS) {
      const live = await liveNetdevs(lab, host);
      for (const [netdev, address] of Object.entries(HALVES[host] ?? {})) {
        expect(live[netdev], `${host} ${netdev}`).toEqual({ mtu: 9000, up: true, addresses: [address] });
      }
      expect(live.enP2p1s0f0np0?.addresses).toHaveLength(1);
    }
  });

  it("are as they were after a reboot of all hosts and destroy", async () => {
    await Promise.all(SPARKS.map((host) => lab.reboot(host)));
    await untilLive(lab, HALVES);
    await expectQuiet(project);
    await succeeds(project.destroy());
    expect(await tracesOf()).toEqual(before);
  });
});
