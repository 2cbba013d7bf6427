import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defaultHosts, Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { scenarioEngines } from "./engines";
import { liveNetdevs, traces, until } from "./observe";

interface Replugging {
  readonly name: string;
  readonly hosts: number;
  readonly wiring: string;
  /** The wiring after the move. */
  readonly moved: string;
  readonly says: string;
}

const CASES: readonly Replugging[] = [
  {
    name: "a pair",
    hosts: 2,
    wiring: "1/0-2/0",
    moved: "1/1-2/1",
    says: "spark-1: port 1 is cabled to spark-2/1 now (seen from both ends), and nothing is left of the recorded cable spark-1/0-spark-2/0; the cable spark-1/1-spark-2/1 is planned instead",
  },
  {
    name: "three on a switch",
    hosts: 3,
    wiring: "1/0-switch-a 2/0-switch-a 3/0-switch-a",
    moved: "1/1-switch-a 2/0-switch-a 3/0-switch-a",
    says: "spark-1: port 1 is cabled to switch-a now, and nothing is left of the recorded cable spark-1/0-switch-a; the cable spark-1/1-switch-a is planned instead",
  },
];

const NAME = "replugging";

describe.each(scenarioEngines())("plugs moved to other ports of a host on the $kind engine", (engine) => {
  describe.each(CASES)("of $name", ({ hosts, wiring, moved, says }) => {
    let lab: Lab;
    let project: Project;
    let before: readonly unknown[];

    beforeAll(async () => {
      lab = await Lab.up({ name: NAME, fresh: true, stackFile: false, wiring, hosts: defaultHosts(hosts) });
      project = await Project.create(engine, lab);
      before = await tracesOf();
      await expectUp();
    });

    afterAll(async () => {
      project?.remove();
      await Lab.down(NAME);
    });

    const names = () => lab.hosts.map(({ name }) => name);
    const tracesOf = () => Promise.all(names().map((host) => traces(lab, host)));

    async function rewire(cables: string): Promise<void> {
      await lab.rewire(cables);
      await until(lab, names(), "[ $(ip -o link show up | grep -c 'np[01].*LOWER_UP') = 2 ]", 20);
    }

    async function expectUp(): Promise<void> {
      const up = await project.up();
      expect(up.code, up.output).toBe(0);
      const preview = await project.preview("--expect-no-changes");
      expect(preview.code, preview.output).toBe(0);
      expect(preview.output).not.toContain("warning:");
    }

    async function expectAddresses(at: 0 | 1): Promise<void> {
      const live = await liveNetdevs(lab, "spark-1");
      const addresses = Object.entries(live).map(([netdev, { addresses }]) => [netdev, ...addresses]);
      expect(addresses.sort()).toEqual([
        [`enP2p1s0f${at}np${at}`, "192.168.178.11/24"],
        [`enp1s0f${at}np${at}`, "192.168.177.11/24"],
      ]);
    }

    it("are a change that names both, made by up, quiet afterwards", async () => {
      await expectAddresses(0);
      await rewire(moved);
      const preview = await project.preview();
      expect(preview.code, preview.output).toBe(0);
      expect(preview.output).toContain(says);
      await expectUp();
      await expectAddresses(1);
    });

    it("and back", async () => {
      await rewire(wiring);
      await expectUp();
      await expectAddresses(0);
    });

    if (hosts === 2) {
      it("are named, and nothing else, where one end alone can see it", async () => {
        await rewire("1/1-2/0");
        const preview = await project.preview("--expect-no-changes");
        expect(preview.code, preview.output).toBe(0);
        expect(preview.output).toContain(
          "spark-1: port 0 to spark-2: enp1s0f0np0 absent, enP2p1s0f0np0 absent: the cable carries nothing; port 1, where no cable is planned, has carrier and sees spark-2/0; move the plug back, or declare spark-mesh:cables as they are now",
        );
        await rewire(wiring);
        await until(lab, ["spark-1"], "ping -c 1 -W 1 -I enp1s0f0np0 192.168.177.12", 20);
        const quiet = await project.preview("--expect-no-changes");
        expect(quiet.code, quiet.output).toBe(0);
        expect(quiet.output).not.toContain("warning:");
      });
    }

    it("leave nothing to destroy but what was made", async () => {
      const destroy = await project.destroy();
      expect(destroy.code, destroy.output).toBe(0);
      expect(await tracesOf()).toEqual(before);
    });
  });
});
