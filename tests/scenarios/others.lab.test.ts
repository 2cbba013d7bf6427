import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { defaultHosts, Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { inside } from "../inside";
import { scenarioEngines } from "./engines";
import { liveNetdevs, traces, until, untilLive } from "./observe";
import { expectQuiet, succeeds } from "./steps";

const NAME = "others";
const SPARKS = ["spark-1", "spark-2"];
const FILE = "/etc/netplan/40-cx7.yaml";
const ALONE = "/etc/netplan/70-desk.yaml";

/** What the other machine's port is given: spark-1's renders through networkd, spark-2's through NetworkManager. */
const DESK = { "spark-1": "172.29.7.1/24", "spark-2": "172.29.8.1/24" };
const desk = (address: string) =>
  `network:\n  version: 2\n  ethernets:\n    enp1s0f1np1:\n      addresses: [${address}]\n      mtu: 1400\n`;

/** The two Sparks are cabled on port 0; the port 1 of each leads to machines that are none of the mesh's. */
describe.each(scenarioEngines())("netdevs that aren't of the mesh's cables, on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let before: readonly unknown[];

  beforeAll(async () => {
    const hosts = defaultHosts(4).map(({ sudoPassword: _, ...host }) => host);
    lab = await Lab.up({ name: NAME, fresh: true, stackFile: false, wiring: "1/0-2/0 1/1-3/1 2/1-4/1", hosts });
    await Promise.all(
      Object.entries(DESK).map(([host, address]) =>
        inside(lab, host, `cat >${ALONE} && chmod 0600 ${ALONE} && netplan apply`, { stdin: desk(address) }),
      ),
    );
    await untilLive(lab, addresses);
    project = await Project.create(engine, { hosts: lab.hosts.filter(({ name }) => SPARKS.includes(name)) });
    before = await tracesOf();
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down(NAME);
  });

  const addresses = Object.fromEntries(Object.entries(DESK).map(([host, address]) => [host, { enp1s0f1np1: address }]));
  const tracesOf = () => Promise.all(SPARKS.map((host) => traces(lab, host)));
  const desks = async () =>
    Promise.all(
      SPARKS.map(async (host) => [
        (await lab.exec(host, `stat -c '%a %i' ${ALONE}; cat ${ALONE}`)).stdout,
        (await liveNetdevs(lab, host)).enp1s0f1np1,
      ]),
    );

  it("have the preview offer the cables that settle it", async () => {
    const { code, output } = await project.preview();
    expect(code).not.toBe(0);
    const [, cables = ""] = /(spark-mesh:cables: \[ .+? \])/.exec(output) ?? [];
    expect(cables, output).not.toBe("");
    project.reconfigure({ cables: parse(cables)["spark-mesh:cables"] });
    expect(parse(readFileSync(project.stackFile, "utf8")).config["spark-mesh:cables"]).toEqual([
      { from: "spark-1/0", to: "spark-2/0" },
    ]);
  });

  it("keep their definitions and their addresses through up and a reboot", async () => {
    const kept = await desks();
    await succeeds(project.up());
    expect(await desks()).toEqual(kept);
    await expectQuiet(project);
    await Promise.all(SPARKS.map((host) => lab.reboot(host)));
    await untilLive(lab, addresses);
    await expectQuiet(project);
    expect(await desks()).toEqual(kept);
  });

  it("are refused to be replaced where they are in our own file", async () => {
    const found = (await lab.exec("spark-2", `cat ${FILE}`)).stdout;
    await inside(lab, "spark-2", `printf '    enp9s9:\\n      optional: true\\n' >>${FILE}`);
    const preview = await project.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.output).toContain(`spark-2: ${FILE}: has ethernets.enp9s9, which is not of the mesh's cables`);
    await inside(lab, "spark-2", `cat >${FILE}`, { stdin: found });
    await until(lab, ["spark-2"], `test -s ${FILE}`, 5);
    await succeeds(project.up());
  });

  it("are as they were after destroy", async () => {
    await succeeds(project.destroy());
    await untilLive(lab, addresses);
    expect(await tracesOf()).toEqual(before);
  });
});
