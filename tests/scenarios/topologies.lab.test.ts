import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultHosts, Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { scenarioEngines } from "./engines";
import { liveNetdevs, traces, untilLive } from "./observe";
import { succeeds } from "./steps";

interface TopologyCase {
  readonly name: string;
  readonly hosts: number;
  readonly wiring: string;
  readonly topology: string;
  /** Names of the cables as discovery gives them. */
  readonly cables: readonly string[];
  /** Whether the cables have to be declared. */
  readonly declared?: boolean;
  /** The port whose cable is pulled, and what the preview's warning must name. */
  readonly pulled: string;
  readonly named: RegExp;
}

const CASES: readonly TopologyCase[] = [
  {
    name: "a pair with one straight cable",
    hosts: 2,
    wiring: "1/0-2/0",
    topology: "direct",
    cables: ["spark-1/0-spark-2/0"],
    pulled: "1/0",
    named: /spark-1: port 0 to spark-2/,
  },
  {
    name: "a pair with two crossed cables",
    hosts: 2,
    wiring: "1/0-2/1 1/1-2/0",
    topology: "direct",
    cables: ["spark-1/0-spark-2/1", "spark-1/1-spark-2/0"],
    pulled: "1/1",
    named: /spark-1: port 1 to spark-2/,
  },
  {
    name: "two hosts on a switch",
    hosts: 2,
    wiring: "switch",
    topology: "switch",
    cables: ["spark-1/0-switch-a", "spark-2/0-switch-a"],
    pulled: "2/0",
    named: /spark-2: port 0 to switch-a/,
  },
  {
    name: "four hosts on a switch, both ports",
    hosts: 4,
    wiring: [1, 2, 3, 4].map((host) => `${host}/0-switch-a ${host}/1-switch-a`).join(" "),
    topology: "switch",
    cables: [1, 2, 3, 4].flatMap((host) => [`spark-${host}/0-switch-a`, `spark-${host}/1-switch-a`]).sort(),
    pulled: "3/1",
    named: /spark-3: port 1 to switch-a/,
  },
  {
    name: "eight hosts on a switch",
    hosts: 8,
    wiring: "switch",
    topology: "switch",
    cables: [1, 2, 3, 4, 5, 6, 7, 8].map((host) => `spark-${host}/0-switch-a`),
    pulled: "8/0",
    named: /spark-8: port 0 to switch-a/,
  },
  {
    name: "a ring of four, declared",
    hosts: 4,
    wiring: "1/0-2/1 2/0-3/1 3/0-4/1 4/0-1/1",
    topology: "ring",
    cables: ["spark-1/0-spark-2/1", "spark-1/1-spark-4/0", "spark-2/0-spark-3/1", "spark-3/0-spark-4/1"],
    declared: true,
    pulled: "2/0",
    named: /spark-2: port 0 to spark-3/,
  },
];

const NAME = "topologies";

describe.each(scenarioEngines())("topologies on the $kind engine", (engine) => {
  describe.each(CASES)("$name", ({ hosts, wiring, topology, cables, declared, pulled, named }) => {
    let lab: Lab;
    let project: Project;
    let before: readonly unknown[];

    beforeAll(async () => {
      lab = await Lab.up({ name: NAME, fresh: true, stackFile: false, wiring, hosts: defaultHosts(hosts) });
      project = await Project.create(engine, lab, declared ? { config: { cables: declaredCables(cables) } } : {});
      before = await tracesOf();
    });

    afterAll(async () => {
      project?.remove();
      await Lab.down(NAME);
    });

    const names = () => lab.hosts.map(({ name }) => name);
    const tracesOf = () => Promise.all(names().map((host) => traces(lab, host)));

    it("is discovered", async () => {
      const { stdout, output } = await project.sparkMesh(["discover", "--json"]);
      const survey = JSON.parse(stdout || "{}");
      expect(survey.problems, output).toEqual([]);
      expect(survey.topology).toBe(topology);
      expect(survey.cables.map((cable: { name: string }) => cable.name).sort()).toEqual([...cables].sort());
    });

    it("is made, quiet, and still there after every host has rebooted", async () => {
      await succeeds(project.up());
      expect(await project.output("topology")).toBe(topology);
      await expectMesh(lab, project);
      await succeeds(project.preview("--expect-no-changes"));
      await Promise.all(names().map((host) => lab.reboot(host)));
      await untilLive(lab, await addressesOf(project));
      await succeeds(project.preview("--expect-no-changes"));
      await expectMesh(lab, project);
    });

    it("has a pulled cable named, and is quiet once it is back", async () => {
      await lab.unplug(pulled);
      expect(await succeeds(project.preview())).toMatch(named);
      await lab.replug(pulled);
      await untilLive(lab, await addressesOf(project));
      await expectMesh(lab, project);
      await succeeds(project.preview("--expect-no-changes"));
    });

    it("is taken away by destroy, byte for byte", async () => {
      await succeeds(project.destroy());
      expect(await tracesOf()).toEqual(before);
    });
  });
});

function declaredCables(names: readonly string[]): unknown[] {
  return names.map((name) => {
    const [, from, to] = /^(spark-\d+\/\d)-(spark-\d+\/\d)$/.exec(name) ?? [];
    return { from, to };
  });
}

const bare = (cidr: string) => cidr.replace(/\/.*/, "");

/** host -> netdev -> CIDR, as the stack says. */
const addressesOf = (project: Project) => project.output<Record<string, Record<string, string>>>("addresses");

/** Expects the stack's addresses to be live, and full-size packets from each to every other one in its subnet. */
async function expectMesh(lab: Lab, project: Project): Promise<void> {
  const addresses = Object.entries(await addressesOf(project));
  const all = addresses.flatMap(([host, netdevs]) =>
    Object.entries(netdevs).map(([netdev, address]) => ({ host, netdev, address })),
  );
  const subnetOf = (address: string) => address.slice(0, address.lastIndexOf("."));
  for (const [host, netdevs] of addresses) {
    const live = await liveNetdevs(lab, host);
    for (const [netdev, address] of Object.entries(netdevs)) {
      expect(live[netdev], `${host} ${netdev}`).toEqual({ mtu: 9000, up: true, addresses: [address] });
    }
    const pings = all
      .filter((own) => own.host === host)
      .flatMap(({ address }) =>
        all
          .filter((other) => other.host !== host && subnetOf(other.address) === subnetOf(address))
          .map((other) => `ping -c 3 -i 0.2 -W 2 -M do -s 8972 -I ${bare(address)} ${bare(other.address)}`),
      );
    expect(pings.length).toBeGreaterThanOrEqual(Object.keys(netdevs).length);
    const answers = await lab.exec(host, pings.join(" && "));
    expect(answers.code, `${host}: ${answers.stdout}`).toBe(0);
  }
}
