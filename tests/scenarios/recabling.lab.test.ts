import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultHosts, Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { scenarioEngines } from "./engines";
import { expectRing, liveNetdevs, traces, until } from "./observe";
import { expectQuiet, succeeds } from "./steps";

/** The article's ring, and the same three cables the other way round. */
const RING = "1/0-2/1 2/0-3/1 3/0-1/1";
const OPPOSITE = "1/0-3/1 3/0-2/1 2/0-1/1";
const FILE = "/etc/netplan/40-cx7.yaml";
const RECORD = "/var/lib/spark-mesh/record.json";
/** Every cable carries something, and what had to come back with it is there. */
const CABLED = `[ $(ip -4 -o address show up to 192.168.0.0/16 | grep -c 'np[01]') = 4 ] &&
  [ $(ip -o link show up | grep -c 'np[01].*LOWER_UP') = 4 ]`;

const namesOf = (lab: Lab) => lab.hosts.map(({ name }) => name);
const tracesOf = (lab: Lab) => Promise.all(namesOf(lab).map((host) => traces(lab, host)));

async function expectUp(project: Project): Promise<void> {
  await succeeds(project.up());
  await expectQuiet(project);
}

describe.each(scenarioEngines())("cables moved on purpose on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let before: readonly unknown[];

  beforeAll(async () => {
    lab = await Lab.up({ name: "recabling-ring", fresh: true, stackFile: false, wiring: RING });
    project = await Project.create(engine, lab);
    before = await tracesOf(lab);
    await expectUp(project);
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down("recabling-ring");
  });

  async function rewire(wiring: string): Promise<void> {
    await lab.rewire(wiring);
    await until(lab, namesOf(lab), CABLED, 20);
  }

  it("are named by their old and new ports where they make no ring", async () => {
    await rewire("1/1-2/1 2/0-3/1 3/0-1/0");
    const preview = await project.preview();
    expect(preview.code).not.toBe(0);
    for (const line of [
      "spark-1: port 0 is cabled to spark-3/0 now (seen from both ends), was spark-2/1, and spark-3/0 was cabled to spark-1/1",
      "spark-1: port 1 is cabled to spark-2/1 now (seen from both ends), was spark-3/0, and spark-2/1 was cabled to spark-1/0",
      "spark-1: port 0 is cabled to port 0 of spark-3",
      "spark-1: port 1 is cabled to port 1 of spark-2",
    ]) {
      expect(preview.output).toContain(line);
    }
  });

  it("make another ring where they can: named by a preview, made by up, quiet afterwards", async () => {
    await rewire(OPPOSITE);
    const preview = await project.preview();
    expect(preview.code, preview.output).toBe(0);
    for (const line of [
      "spark-1: port 0 is cabled to spark-3/1 now (seen from both ends), was spark-2/1, and spark-3/1 was cabled to spark-2/0",
      "spark-1: port 1 is cabled to spark-2/0 now (seen from both ends), was spark-3/0, and spark-2/0 was cabled to spark-3/1",
      "spark-2: port 1 is cabled to spark-3/0 now (seen from both ends), was spark-1/0, and spark-3/0 was cabled to spark-1/1",
    ]) {
      expect(preview.output).toContain(line);
    }
    expect(preview.output).toMatch(/\+ .*mesh-spark-1-0-spark-3-1\b/);
    expect(preview.output).toMatch(/- .*mesh-spark-1-0-spark-2-1\b/);
    await expectUp(project);
    for (const [host, peer] of [
      ["spark-1", "192.168.177.12"],
      ["spark-2", "192.168.197.13"],
      ["spark-3", "192.168.187.11"],
    ] as const) {
      const ping = await lab.exec(host, `ping -c 3 -i 0.2 -W 2 -M do -s 8972 -I enp1s0f1np1 ${peer}`);
      expect(ping.code, `${host} to ${peer}: ${ping.stdout}`).toBe(0);
    }
  });

  it("are a fault where the cables are declared, and made once they are not", async () => {
    const cables = [
      { from: "spark-1/0", to: "spark-3/1" },
      { from: "spark-3/0", to: "spark-2/1" },
      { from: "spark-2/0", to: "spark-1/1" },
    ];
    project.reconfigure({ cables });
    await expectQuiet(project);
    await rewire(RING);
    const preview = await project.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.output).toContain(
      "spark-1: enp1s0f0np0 sees spark-2/enp1s0f1np1 (spark-2/1), but spark-mesh:cables[0] declares spark-1/0-spark-3/1",
    );
    project.reconfigure({ cables: undefined });
    await expectUp(project);
    await expectRing(lab);
  });

  it("leave nothing to destroy but what was made", async () => {
    await succeeds(project.destroy());
    expect(await tracesOf(lab)).toEqual(before);
  });
});

describe.each(scenarioEngines())("hosts that join a switch and leave it on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let before: readonly Record<string, string>[];

  beforeAll(async () => {
    const hosts = defaultHosts(3).map(({ sudoPassword: _, ...host }) => host);
    lab = await Lab.up({ name: "recabling-switch", fresh: true, stackFile: false, wiring: "switch", hosts });
    project = await Project.create(engine, lab, { config: { hosts: hostsOf(1, 2) } });
    before = await tracesOf(lab);
    await expectUp(project);
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down("recabling-switch");
  });

  const hostsOf = (...numbers: readonly number[]) =>
    lab.hosts
      .filter(({ number }) => numbers.includes(number))
      .map(({ name, address, hostKey, user, number }) => ({ name, address, hostKey, user, number }));

  /** The netplan file to the byte, its stat, the live netdevs, and how often each of them lost its carrier. */
  async function asItIs(host: string): Promise<string> {
    const { code, stdout } = await lab.exec(
      host,
      `stat -c '%a %U:%G %s %i %y %z' ${FILE} && cat ${FILE} /sys/class/net/en*np*/carrier_changes`,
    );
    expect(code, stdout).toBe(0);
    return `${stdout}${JSON.stringify(await liveNetdevs(lab, host))}`;
  }

  const recorded = async (host: string): Promise<readonly string[]> => {
    const { mesh } = JSON.parse((await lab.exec(host, `cat ${RECORD}`)).stdout);
    return mesh.hosts.map(({ name, netdevs }: { name: string; netdevs: { address: string }[] }) =>
      [name, ...netdevs.map(({ address }) => address)].join(" "),
    );
  };
  const MADE = [
    "spark-1 192.168.177.11/24 192.168.178.11/24",
    "spark-2 192.168.177.12/24 192.168.178.12/24",
    "spark-3 192.168.177.13/24 192.168.178.13/24",
  ];

  it("changes nothing but the records of the others when one joins", async () => {
    const others = ["spark-1", "spark-2"];
    const was = await Promise.all(others.map(asItIs));
    expect(await recorded("spark-1")).toEqual(MADE.slice(0, 2));
    project.reconfigure({ hosts: hostsOf(1, 2, 3) });
    await expectUp(project);
    expect(await Promise.all(others.map(asItIs))).toEqual(was);
    for (const host of namesOf(lab)) {
      expect(await recorded(host)).toEqual(MADE);
    }
  });

  it("gives one that leaves back what it had, and changes nothing but the records of the others", async () => {
    const others = ["spark-1", "spark-3"];
    const was = await Promise.all(others.map(asItIs));
    project.reconfigure({ hosts: hostsOf(1, 3) });
    await expectUp(project);
    expect(await traces(lab, "spark-2")).toEqual(before[1]);
    expect(await Promise.all(others.map(asItIs))).toEqual(was);
    for (const host of others) {
      expect(await recorded(host)).toEqual(MADE.filter((line) => !line.startsWith("spark-2")));
    }
  });

  it("is left by all with destroy", async () => {
    await succeeds(project.destroy());
    expect(await tracesOf(lab)).toEqual(before);
  });
});
