import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { SeenFile } from "../../facts/record";
import { Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { inside } from "../inside";
import { nvidiaPlaybook, nvidiaSync, sparkrun, sparkVllmDocker } from "../plan/foreignFiles";
import { netplanFile } from "../plan/hosts";
import { scenarioEngines } from "./engines";
import { liveNetdevs, RING_ADDRESSES, traces, until, untilLive } from "./observe";
import { expectQuiet, succeeds } from "./steps";

type Addresses = Readonly<Record<string, string>>;
type Foreign = (addresses: Addresses) => SeenFile;

interface AdoptionCase {
  readonly name: string;
  /** Who wrote the hosts' files. */
  readonly files: Readonly<Record<string, Foreign>>;
  /** What the stack config must say. */
  readonly network: Readonly<Record<string, unknown>>;
}

/** Somebody's own file: a definition without a NIC, and comments, are to stay. */
function byHand(addresses: Addresses): SeenFile {
  const lines = Object.entries(addresses).flatMap(([netdev, address]) => [
    `    ${netdev}: # measured last spring`,
    "      addresses:",
    `        - ${address}`,
    "      mtu: 9000",
    "      link-local: []",
  ]);
  return netplanFile("/etc/netplan/40-cx7.yaml", `${["# Ours.", ...HEAD, ...lines, ...SPARE].join("\n")}\n`);
}

const HEAD = ["network:", "  version: 2", "  ethernets:"];
const SPARE = ["    # The spare NIC.", "    enp9s9:", "      optional: true", "      dhcp4: yes"];

const CASES: readonly AdoptionCase[] = [
  {
    name: "sparkrun's file",
    files: { "spark-1": sparkrun, "spark-2": sparkrun, "spark-3": sparkrun },
    network: { mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml" },
  },
  {
    name: "NVIDIA's playbook",
    files: { "spark-1": nvidiaPlaybook, "spark-2": nvidiaPlaybook, "spark-3": nvidiaPlaybook },
    network: { mtu: 9000, netplanFile: "/etc/netplan/40-cx7.yaml" },
  },
  {
    name: "spark-vllm-docker, NVIDIA Sync and somebody",
    files: { "spark-1": sparkVllmDocker, "spark-2": nvidiaSync, "spark-3": byHand },
    network: { mtu: 9000, netplanFile: "/etc/netplan/45-spark-mesh.yaml", migrate: true },
  },
];

const NAME = "adoption";
const HOSTS = Object.keys(RING_ADDRESSES);

/** The ring's addresses as another plan than ours would have them. */
const FOREIGN: Readonly<Record<string, Addresses>> = Object.fromEntries(
  Object.entries(RING_ADDRESSES).map(([host, netdevs]) => [
    host,
    Object.fromEntries(
      Object.entries(netdevs).map(([netdev, address]) => [netdev, address.replace("192.168.", "10.42.")]),
    ),
  ]),
);

/** One link of each cable: from networkd to NetworkManager, back to networkd, and between two of networkd. */
const FLOODS: readonly { readonly host: string; readonly netdev: string; readonly peer: string }[] = [
  { host: "spark-1", netdev: "enp1s0f0np0", peer: "10.42.177.12" },
  { host: "spark-2", netdev: "enP2p1s0f0np0", peer: "10.42.198.13" },
  { host: "spark-3", netdev: "enp1s0f0np0", peer: "10.42.187.11" },
];

const FLOODING = "/run/flooding";

describe.each(scenarioEngines())("adoption on the $kind engine", (engine) => {
  describe.each(CASES)("of $name", ({ files, network }) => {
    let lab: Lab;
    let project: Project;
    let before: readonly unknown[];

    beforeAll(async () => {
      lab = await Lab.up({ name: NAME, fresh: true, stackFile: false });
      await Promise.all(HOSTS.map((host) => write(host)));
      await until(lab, HOSTS, "netplan apply", 30);
      for (const host of HOSTS) {
        await until(
          lab,
          [host],
          `${Object.values(FOREIGN[host] ?? {})
            .map(isLive)
            .join(" && ")}`,
          30,
        );
      }
      before = await tracesOf();
      project = await Project.create(engine, lab);
    });

    afterAll(async () => {
      project?.remove();
      await Lab.down(NAME);
    });

    const tracesOf = () => Promise.all(HOSTS.map((host) => traces(lab, host)));

    function fileOf(host: string): SeenFile {
      const file = files[host]?.(FOREIGN[host] ?? {});
      if (!file) throw new Error(`${host}: no file`);
      return file;
    }

    async function write(host: string): Promise<void> {
      const { path, text } = fileOf(host);
      await inside(lab, host, `cat >${path} && chmod 0640 ${path}`, { stdin: text ?? "" });
    }

    async function expectAdopted(): Promise<void> {
      for (const host of HOSTS) {
        const wanted = Object.entries(FOREIGN[host] ?? {}).map(([netdev, address]) => [
          netdev,
          { mtu: 9000, up: true, addresses: [address] },
        ]);
        expect(await liveNetdevs(lab, host), host).toEqual(Object.fromEntries(wanted));
      }
    }

    it("is written down by discover", async () => {
      const password = lab.hosts.find(({ sudoPassword }) => sudoPassword !== undefined)?.sudoPassword;
      const { code, output } = await project.sparkMesh(["discover", "--adopt", "--write", "--ask-sudo"], {
        stdin: `${password}\n`,
      });
      expect(code, output).toBe(0);
      expect(output).toContain(`wrote ${project.stackFile}`);
      const { config } = parse(readFileSync(project.stackFile, "utf8"));
      expect(config["spark-mesh:network"]).toEqual(network);
    });

    it("loses no packet in up, and keeps every address", async () => {
      const floods = FLOODS.map((link) => flood(lab, link));
      const up = await project.up();
      await Promise.all(HOSTS.map((host) => lab.exec(host, `rm -f ${FLOODING}`)));
      expect(up.code, up.output).toBe(0);
      for (const { link, output } of await Promise.all(floods)) {
        const said = output.match(/\d+ received.*packet loss/g) ?? [];
        expect(said.length, `${link.host}: ${output}`).toBeGreaterThan(1);
        expect(new Set(said), `${link.host} ${link.netdev}: ${output}`).toEqual(
          new Set(["100 received, 0% packet loss"]),
        );
      }
      await expectAdopted();
    });

    it("is quiet and stays so: a profile that is activated again, a reboot of every host", async () => {
      await expectQuiet(project);
      await inside(lab, "spark-2", "nmcli connection up netplan-enp1s0f1np1");
      await expectAdopted();
      await Promise.all(HOSTS.map((host) => lab.reboot(host)));
      await untilLive(lab, FOREIGN);
      await expectQuiet(project);
      await expectAdopted();
    });

    if (network.migrate) {
      it("is shown as drift where definitions come back, and moved out again", async () => {
        const look = () =>
          Promise.all(HOSTS.map(async (host) => (await lab.exec(host, `cat ${fileOf(host).path}`)).stdout));
        const left = await look();
        expect(left).toEqual([
          "",
          "network:\n  version: 2\n  renderer: NetworkManager\n",
          `${["# Ours.", ...HEAD, ...SPARE].join("\n")}\n`,
        ]);
        await Promise.all(HOSTS.map(write));
        const preview = await project.preview();
        for (const host of HOSTS) {
          expect(preview.output).toMatch(new RegExp(`warning: ${host}: ${fileOf(host).path}: .*some again`));
        }
        await succeeds(project.up());
        expect(await look()).toEqual(left);
        await expectQuiet(project);
        await expectAdopted();
      });
    }

    it("is given back by destroy, byte for byte", async () => {
      await succeeds(project.destroy());
      expect(await tracesOf()).toEqual(before);
    });
  });
});

function isLive(address: string): string {
  return `ip -4 -br address | grep -qF ' ${address}'`;
}

/** Pings without a pause until the flood's mark is removed, in rounds whose every packet is accounted for. */
async function flood(lab: Lab, link: (typeof FLOODS)[number]) {
  const { host, netdev, peer } = link;
  const round = `ping -q -c 100 -i 0.01 -W 2 -I ${netdev} ${peer} 2>&1`;
  const { stdout: output } = await lab.exec(host, `touch ${FLOODING}; while [ -e ${FLOODING} ]; do ${round}; done`, {
    timeoutSeconds: 600,
  });
  return { link, output };
}
