import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { scenarioEngines } from "./engines";
import { liveNetdevs, traces } from "./observe";

const NAME = "addresses";
const FILE = "/etc/netplan/40-cx7.yaml";

/** Subnets of two sizes with one host's addresses; addresses that imply their subnets; and one that the pool gives. */
const cablesWith = (subnets: readonly [string, string], addresses: readonly [string, string]) => [
  { from: "spark-1/0", to: "spark-2/1", subnets, addresses: { "spark-1": addresses } },
  {
    from: "spark-2/0",
    to: "spark-3/1",
    addresses: { "spark-2": ["10.9.8.14", "10.9.8.17"], "spark-3": ["10.9.8.1", "10.9.8.30"] },
  },
  { from: "spark-3/0", to: "spark-1/1" },
];

const CONFIG = {
  network: { pool: "10.77.0.0/20", prefixLength: 28 },
  cables: cablesWith(["172.20.5.64/26", "172.20.6.0/23"], ["172.20.5.70", "172.20.7.1"]),
};

/** What another subnet of the first cable changes: its own value, and one address at each end. */
const CHANGED = [
  ["172.20.5.64/26", "172.20.5.128/26"],
  ["172.20.5.70/26", "172.20.5.190/26"],
  ["172.20.5.66/26", "172.20.5.130/26"],
] as const;

type Addresses = Readonly<Record<string, Readonly<Record<string, string>>>>;

const ADDRESSES: Addresses = {
  "spark-1": {
    enp1s0f0np0: "172.20.5.70/26",
    enP2p1s0f0np0: "172.20.7.1/23",
    enp1s0f1np1: "10.77.0.33/28",
    enP2p1s0f1np1: "10.77.0.49/28",
  },
  "spark-2": {
    enp1s0f0np0: "10.9.8.14/28",
    enP2p1s0f0np0: "10.9.8.17/28",
    enp1s0f1np1: "172.20.5.66/26",
    enP2p1s0f1np1: "172.20.6.12/23",
  },
  "spark-3": {
    enp1s0f0np0: "10.77.0.34/28",
    enP2p1s0f0np0: "10.77.0.50/28",
    enp1s0f1np1: "10.9.8.1/28",
    enP2p1s0f1np1: "10.9.8.30/28",
  },
};

describe.each(scenarioEngines())("addresses of one's own on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let before: readonly unknown[];

  beforeAll(async () => {
    lab = await Lab.up({ name: NAME, fresh: true, stackFile: false });
    project = await Project.create(engine, lab, { config: CONFIG });
    before = await tracesOf();
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down(NAME);
  });

  const tracesOf = () => Promise.all(lab.hosts.map(({ name }) => traces(lab, name)));

  async function expectUp(): Promise<void> {
    const up = await project.up();
    expect(up.code, up.output).toBe(0);
    const preview = await project.preview("--expect-no-changes");
    expect(preview.code, preview.output).toBe(0);
    expect(preview.output).not.toContain("warning:");
  }

  async function expectLive(addresses: Addresses): Promise<void> {
    for (const [host, netdevs] of Object.entries(addresses)) {
      const wanted = Object.entries(netdevs).map(([netdev, address]) => [
        netdev,
        { mtu: 9000, up: true, addresses: [address] },
      ]);
      expect(await liveNetdevs(lab, host), host).toEqual(Object.fromEntries(wanted));
    }
  }

  async function expectPing(host: string, netdev: string, peer: string): Promise<void> {
    const { code, stdout } = await lab.exec(host, `ping -c 3 -i 0.2 -W 2 -M do -s 8972 -I ${netdev} ${peer}`);
    expect(code, `${host} ${netdev} to ${peer}: ${stdout}`).toBe(0);
  }

  it("are live on every netdev as they were declared, implied or taken from the pool", async () => {
    await expectUp();
    await expectLive(ADDRESSES);
    await expectPing("spark-1", "enP2p1s0f0np0", "172.20.6.12");
    await expectPing("spark-2", "enP2p1s0f0np0", "10.9.8.30");
    await expectPing("spark-3", "enP2p1s0f0np0", "10.77.0.49");
  });

  it("show a subnet that is changed with both its values, and change nothing else", async () => {
    const look = `stat -c '%i %y' ${FILE} && sha256sum ${FILE}`;
    const other = (await lab.exec("spark-3", look)).stdout;
    project.reconfigure({
      cables: cablesWith(["172.20.5.128/26", "172.20.6.0/23"], ["172.20.5.190", "172.20.7.1"]),
    });
    const preview = await project.preview("--diff");
    expect(preview.code, preview.output).toBe(0);
    for (const [was, is] of CHANGED) {
      // The lab engine names properties without their values.
      expect(preview.output).toContain(engine.kind === "cli" ? `"${was}" => "${is}"` : "[diff: ~subnets");
    }
    // The wish changed, and nothing drifted.
    expect(preview.output).not.toContain("warning:");
    await expectUp();
    await expectLive({
      ...ADDRESSES,
      "spark-1": { ...ADDRESSES["spark-1"], enp1s0f0np0: "172.20.5.190/26" },
      "spark-2": { ...ADDRESSES["spark-2"], enp1s0f1np1: "172.20.5.130/26" },
    });
    expect((await lab.exec("spark-3", look)).stdout).toBe(other);
    await expectPing("spark-2", "enp1s0f1np1", "172.20.5.190");
  });

  it("are gone with destroy", async () => {
    const destroy = await project.destroy();
    expect(destroy.code, destroy.output).toBe(0);
    expect(await tracesOf()).toEqual(before);
  });
});
