import { appendFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Flag } from "../../lab/commands";
import { Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { inside } from "../inside";
import { scenarioEngines } from "./engines";
import { liveNetdevs } from "./observe";
import { expectWarned, rounds } from "./steps";

interface Drift {
  readonly name: string;
  readonly host: string;
  /** Run as root inside the host. */
  readonly breakage: string;
  /** What the preview's warning must hold: the netdev or file, what was found, what is wanted. */
  readonly says: readonly string[];
}

const FILE = "/etc/netplan/40-cx7.yaml";

/** Each on a host that renders through networkd, one that renders through NetworkManager, one whose sudo asks. */
const DRIFTS: readonly Drift[] = [
  {
    name: "live MTU",
    host: "spark-1",
    breakage: "ip link set enp1s0f0np0 mtu 1500",
    says: ["spark-1", "enp1s0f0np0", "1500", "9000"],
  },
  {
    name: "live MTU through NetworkManager",
    host: "spark-2",
    breakage: "ip link set enp1s0f0np0 mtu 1500",
    says: ["spark-2", "enp1s0f0np0", "1500", "9000"],
  },
  {
    name: "live address removed",
    host: "spark-3",
    breakage: "ip addr del 192.168.187.13/24 dev enp1s0f0np0",
    says: ["spark-3", "enp1s0f0np0", "192.168.187.13/24"],
  },
  {
    name: "live address removed under NetworkManager",
    host: "spark-2",
    breakage: "ip addr del 192.168.177.12/24 dev enp1s0f1np1",
    says: ["spark-2", "enp1s0f1np1", "192.168.177.12/24"],
  },
  {
    name: "address only live and not in the file",
    host: "spark-1",
    breakage: `sed -i '/192.168.177.11/d' ${FILE}`,
    says: ["spark-1", FILE],
  },
  {
    name: "foreign address added",
    host: "spark-1",
    breakage: "ip addr add 10.99.0.1/24 dev enP2p1s0f1np1",
    says: ["spark-1", "enP2p1s0f1np1", "10.99.0.1/24"],
  },
  {
    name: "foreign address added under NetworkManager",
    host: "spark-2",
    breakage: "ip addr add 10.99.0.2/24 dev enP2p1s0f1np1",
    says: ["spark-2", "enP2p1s0f1np1", "10.99.0.2/24"],
  },
  {
    name: "file edited",
    host: "spark-3",
    breakage: `sed -i 's/9000/4200/' ${FILE}`,
    says: ["spark-3", FILE, "4200", "9000"],
  },
  { name: "file deleted", host: "spark-2", breakage: `rm ${FILE}`, says: ["spark-2", FILE, "missing"] },
  { name: "mode changed", host: "spark-1", breakage: `chmod 644 ${FILE}`, says: ["spark-1", FILE, "644", "600"] },
  {
    name: "link set down",
    host: "spark-3",
    breakage: "ip link set enP2p1s0f0np0 down",
    says: ["spark-3", "enP2p1s0f0np0", "down", "up"],
  },
  {
    name: "link set down under NetworkManager",
    host: "spark-2",
    breakage: "ip link set enP2p1s0f0np0 down",
    says: ["spark-2", "enP2p1s0f0np0", "down", "up"],
  },
];

describe.each(scenarioEngines())("drift on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up({ name: "drift", fresh: true, stackFile: false });
    project = await Project.create(engine, lab);
    const up = await project.up();
    expect(up.code, up.output).toBe(0);
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down("drift");
  });

  /** Every host's file with its times, and its live state: what a repair elsewhere must leave alone. */
  async function untouched(except: readonly Drift[]): Promise<string[]> {
    const others = lab.hosts.filter(({ name }) => except.every(({ host }) => host !== name));
    return Promise.all(
      others.map(async ({ name }) => {
        const { stdout } = await lab.exec(name, `stat -c '%n %y %z %i' ${FILE} /var/lib/spark-mesh/record.json`);
        return stdout + JSON.stringify(await liveNetdevs(lab, name));
      }),
    );
  }

  async function expectSaid(drifts: readonly Drift[]): Promise<void> {
    const preview = await project.preview();
    expect(preview.code, preview.output).toBe(0);
    const warnings = preview.output.split("\n").filter((line) => line.includes("warning:"));
    expectWarned(preview.output, drifts);
    // No host is named but those that drifted.
    const named = warnings.map((line) => /warning: (spark-\d):/.exec(line)?.[1]);
    expect([...new Set(named)].sort()).toEqual(drifts.map(({ host }) => host).sort());
  }

  async function expectRepaired(drifts: readonly Drift[], ...flags: Flag<"up">[]): Promise<void> {
    const before = await untouched(drifts);
    const up = await project.up(...flags);
    expect(up.code, up.output).toBe(0);
    const updated = [...up.output.matchAll(/mesh-(spark-\d)-netplan-(stage|commit|verify) updated/g)].map(
      ([, host, operation]) => `${host} ${operation}`,
    );
    expect([...new Set(updated)].sort()).toEqual(
      [
        ...drifts.flatMap(({ host }) => [`${host} commit`, `${host} stage`]),
        ...lab.hosts.map(({ name }) => `${name} verify`),
      ].sort(),
    );
    expect(await untouched(drifts)).toEqual(before);
    const quiet = await project.preview("--expect-no-changes");
    expect(quiet.code, quiet.output).toBe(0);
    expect(quiet.output).not.toContain("warning:");
  }

  // Two of three hosts at once: the third one shows that nobody else is touched.
  it.each(rounds(DRIFTS, 2, ({ name }) => name))("%s: said, repaired and quiet", async (_, drifts) => {
    for (const { host, breakage } of drifts) await inside(lab, host, breakage);
    await expectSaid(drifts);
    await expectRepaired(drifts);
  });

  it("is said again when it comes again", async () => {
    const drifts = DRIFTS.filter(({ name }) => name === "live MTU" || name === "file edited");
    for (let time = 0; time < 2; time += 1) {
      for (const { host, breakage } of drifts) await inside(lab, host, breakage);
      await expectSaid(drifts);
      await expectRepaired(drifts);
    }
  });

  it("is repaired by a saved plan", async () => {
    const [drift] = DRIFTS;
    if (drift === undefined) {
      throw new Error("no drift");
    }
    await lab.exec(drift.host, drift.breakage);
    const saved = await project.preview("--save-plan=drift.plan");
    expect(saved.code, saved.output).toBe(0);
    await expectRepaired([drift], "--plan=drift.plan");
  });

  it("waits for a new release quietly, and the next repair uses its scripts", async () => {
    appendFileSync(`${project.dir}/scripts/stage.sh`, "\nlogger -t later-release staged\n");
    const before = await untouched([]);
    const quiet = await project.preview("--expect-no-changes");
    expect(quiet.code, quiet.output).toBe(0);
    const up = await project.up("--expect-no-changes");
    expect(up.code, up.output).toBe(0);
    expect(await untouched([])).toEqual(before);

    const drifts = DRIFTS.filter(({ name }) => name === "foreign address added" || name === "file edited");
    for (const { host, breakage } of drifts) await inside(lab, host, breakage);
    await expectRepaired(drifts);
    for (const { host } of drifts)
      expect(await inside(lab, host, "journalctl -q -t later-release")).toContain("staged");
  });
});
