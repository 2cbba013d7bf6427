import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { scenarioEngines } from "./engines";
import { liveNetdevs, RING_ADDRESSES, traces, until } from "./observe";

const HOSTS = Object.keys(RING_ADDRESSES);
const ARMED = "test -e /var/lib/spark-mesh/armed.json";
/** The shortest that the stack config allows. */
const CONFIRM_SECONDS = 30;
const SHORT = { network: { confirmSeconds: CONFIRM_SECONDS } };

describe.each(scenarioEngines())("an interrupted change on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up({ name: "interruption", fresh: true, stackFile: false });
  });

  beforeEach(async () => {
    project?.remove();
    lab = await Lab.up({ name: "interruption", fresh: true, stackFile: false });
    project = await Project.create(engine, lab, { config: SHORT });
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down("interruption");
  });

  async function filesAndLive(): Promise<string[]> {
    const all = await Promise.all(HOSTS.map((host) => traces(lab, host)));
    return all.map(({ files, kernel, live }) => `${files}${kernel}${live}`);
  }

  async function expectMesh(): Promise<void> {
    const quiet = await project.preview("--expect-no-changes");
    expect(quiet.code, quiet.output).toBe(0);
    for (const host of HOSTS) {
      const addresses = Object.values(await liveNetdevs(lab, host)).flatMap((netdev) => netdev.addresses);
      expect(addresses.sort()).toEqual(Object.values(RING_ADDRESSES[host] ?? {}).sort());
      expect((await lab.exec(host, ARMED)).code).not.toBe(0);
    }
  }

  it("goes back on every host when SSH is cut between stage and verify", async () => {
    const before = await filesAndLive();
    const up = project.up();
    await until(lab, ["spark-2"], ARMED, 60);
    // New connections only: stage's own goes on to its end.
    await lab.exec(
      "spark-2",
      "nft add table inet cut && nft add chain inet cut input '{ type filter hook input priority 0; }' && nft add rule inet cut input tcp dport 22 ct state new drop",
    );
    const failed = await up;
    expect(failed.code, failed.output).not.toBe(0);
    await until(lab, HOSTS, `! ${ARMED}`, CONFIRM_SECONDS + 45);
    expect(await filesAndLive()).toEqual(before);

    await lab.exec("spark-2", "nft delete table inet cut");
    const preview = await project.preview("--expect-no-changes");
    expect(preview.code, "the work is still to do").not.toBe(0);
    const again = await project.up();
    expect(again.code, again.output).toBe(0);
    await expectMesh();
  });

  it("is undone on a host that loses its power and boots again", async () => {
    const [, , before] = await filesAndLive();
    const up = project.up();
    await until(lab, ["spark-3"], `${ARMED} && test -e /etc/netplan/40-cx7.yaml`, 60);
    await lab.kill("spark-3");
    const failed = await up;
    expect(failed.code, failed.output).not.toBe(0);
    await lab.boot("spark-3");
    const [, , after] = await filesAndLive();
    expect(after).toEqual(before);
    await until(lab, HOSTS, `! ${ARMED}`, CONFIRM_SECONDS + 45);
    const again = await project.up();
    expect(again.code, again.output).toBe(0);
    await expectMesh();
  });

  it.each([
    ["as soon as a host is armed", ARMED],
    ["while netplan applies", "test -e /etc/netplan/40-cx7.yaml"],
    ["when the first host has committed", "test -e /var/lib/spark-mesh/record.json"],
  ])("killed %s, then run again, ends in the mesh", async (_, reached) => {
    const up = project.start("up", { flags: ["--yes", "--skip-preview"] });
    await until(lab, ["spark-1"], reached, 60);
    up.kill();
    await up.done;
    await project.run("cancel", { flags: ["--yes"] });
    const again = await project.up();
    expect(again.code, again.output).toBe(0);
    await expectMesh();
  });

  it("two stacks on two backends: one makes the mesh, the other is refused by name", async () => {
    const rival = await Project.create(engine, lab, { stack: "rival", config: SHORT });
    try {
      const both = await Promise.all([project.up(), rival.up()]);
      const winners = both.filter(({ code }) => code === 0);
      const losers = both.filter(({ code }) => code !== 0);
      expect(winners.length, both.map(({ output }) => output).join("\n")).toBeLessThanOrEqual(1);
      for (const { output } of losers) {
        expect(output).toMatch(/spark-\d: .*(spark-mesh\/test|spark-mesh\/rival)/);
      }
      if (winners.length === 0) {
        // Each was refused on a host that the other had first: both go back, nothing is half done.
        await until(lab, HOSTS, `! ${ARMED}`, CONFIRM_SECONDS + 45);
        expect((await project.up()).code).toBe(0);
      }
      const records = await Promise.all(
        HOSTS.map(async (host) => {
          const { stdout } = await lab.exec(host, "cat /var/lib/spark-mesh/record.json");
          return JSON.parse(stdout).stack as string;
        }),
      );
      expect(new Set(records).size).toBe(1);
    } finally {
      rival.remove();
    }
  });
});
