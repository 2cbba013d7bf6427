import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gatherFacts } from "../../facts/gather";
import { SYSCTL_FILE } from "../../facts/record";
import { Lab } from "../../lab/hosts/lab";
import { sshSessions } from "../../lab/hosts/sshd-log";
import { Project } from "../../lab/project";
import { renderDocument } from "../../plan/document";
import { planMesh } from "../../plan/planMesh";
import { clusterOf } from "../facts/ring";
import { inside } from "../inside";
import { must } from "../scripts/operations";
import { scenarioEngines } from "./engines";
import { sudoRuns, traces, until } from "./observe";
import { expectQuiet, rounds, succeeds } from "./steps";

const NAME = "switch-arp";
const SWITCH = [1, 2, 3].flatMap((host) => [`${host}/0-switch-a`, `${host}/1-switch-a`]).join(" ");
const RING = "1/0-2/1 2/0-3/1 3/0-1/1";
const NETDEV = "enp1s0f0np0";
/** Whether all four netdevs have what they are to have on a switch. */
const SETTLED = `[ "$(cat /proc/sys/net/ipv4/conf/*np[01]/arp_{ignore,announce} | sort | xargs)" = "1 1 1 1 2 2 2 2" ]`;

interface Place {
  readonly host: string;
  readonly netdev: string;
  readonly address: string;
  readonly mac: string;
}

/** What somebody changes on a host, and what the preview's warning says after the host's name. */
const DRIFTS = [
  {
    host: "spark-1",
    name: "a live answer",
    breakage: `sysctl -qw net.ipv4.conf.${NETDEV}.arp_ignore=0`,
    says: `${NETDEV}: arp_ignore: found 0, wanted 1`,
  },
  {
    host: "spark-2",
    name: "a live question",
    breakage: `sysctl -qw net.ipv4.conf.${NETDEV}.arp_announce=0`,
    says: `${NETDEV}: arp_announce: found 0, wanted 2`,
  },
  {
    host: "spark-3",
    name: "an edited file",
    breakage: `sed -i 's/= 2/= 0/' ${SYSCTL_FILE}`,
    says: `${SYSCTL_FILE}: line 4: found -net.ipv4.conf.${NETDEV}.arp_announce = 0`,
  },
  {
    host: "spark-2",
    name: "a deleted file",
    breakage: `rm ${SYSCTL_FILE}`,
    says: `${SYSCTL_FILE}: file: found missing, wanted present`,
  },
  {
    host: "spark-1",
    name: "another mode",
    breakage: `chmod 600 ${SYSCTL_FILE}`,
    says: `${SYSCTL_FILE}: mode: found 600, wanted 644`,
  },
];

describe.each(scenarioEngines())("netdevs on a switch on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let before: readonly Record<string, string>[];

  beforeAll(async () => {
    lab = await Lab.up({ name: NAME, fresh: true, stackFile: false, wiring: SWITCH });
    project = await Project.create(engine, lab);
    // Somebody's own file under that name, and what it says.
    const theirs = "net.ipv4.conf.enP2p1s0f0np0.arp_announce = 1";
    await inside(
      lab,
      "spark-2",
      `echo '${theirs}' >${SYSCTL_FILE} && chmod 640 ${SYSCTL_FILE} && sysctl -q -p ${SYSCTL_FILE}`,
    );
    before = await tracesOf();
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down(NAME);
  });

  const names = () => lab.hosts.map(({ name }) => name);
  const tracesOf = () => Promise.all(names().map((host) => traces(lab, host)));

  async function expectUp(): Promise<void> {
    await succeeds(project.up());
    await expectQuiet(project);
  }

  async function places(): Promise<readonly Place[]> {
    const addresses = Object.entries(await project.output<Record<string, Record<string, string>>>("addresses"));
    const found = addresses.flatMap(([host, netdevs]) =>
      Object.entries(netdevs).map(async ([netdev, cidr]) => ({
        host,
        netdev,
        address: cidr.replace(/\/.*/, ""),
        mac: await inside(lab, host, `cat /sys/class/net/${netdev}/address`),
      })),
    );
    return Promise.all(found);
  }

  const subnetOf = (address: string) => address.slice(0, address.lastIndexOf("."));

  /** The MACs that answer on a netdev to a broadcast question for an address. */
  async function answers(asking: Place, address: string): Promise<readonly string[]> {
    const asked = await lab.exec(asking.host, `arping -b -w 1 -I ${asking.netdev} ${address}`);
    const found = [...asked.stdout.matchAll(/reply from \S+ \[([0-9A-Fa-f:]+)\]/g)];
    return [...new Set(found.map(([, mac = ""]) => mac.toLowerCase()))].sort();
  }

  /** Expects each address to be answered for by its own netdev alone, on the wire and in every neighbour table. */
  async function expectOwnAnswers(): Promise<void> {
    const all = await places();
    expect(all).toHaveLength(12);
    await Promise.all(
      all.map(async (asking) => {
        const peers = all.filter(
          ({ host, address }) => host !== asking.host && subnetOf(address) === subnetOf(asking.address),
        );
        expect(peers).toHaveLength(2);
        for (const { address, mac } of peers) {
          const what = `${asking.host} ${asking.netdev}: ${address}`;
          expect(await answers(asking, address), what).toEqual([mac]);
          const ping = `ping -c 3 -i 0.2 -W 2 -M do -s 8972 -I ${asking.netdev} ${address}`;
          const table = `ip neigh show to ${address} dev ${asking.netdev}`;
          expect(await inside(lab, asking.host, `${ping} && ${table}`), what).toContain(` ${mac} `);
        }
      }),
    );
  }

  /** A host's document as `up` would send it now, but for SSH trust. */
  async function documentOf(name: string) {
    const cluster = clusterOf(lab, { more: { trust: false } });
    const { probes } = await gatherFacts(cluster);
    const plan = planMesh(cluster, probes);
    const host = lab.hosts.find((one) => one.name === name);
    const wish = plan.hosts.find((one) => one.name === name);
    if (!host || !wish) throw new Error(`no ${name}`);
    const owner = { stack: "organization/spark-mesh/test", operator: "me@laptop" };
    return { host, wish, document: renderDocument(wish, plan, owner, 600, []) };
  }

  it("are put back at boot where a change was not confirmed", async () => {
    const { host, wish, document } = await documentOf("spark-2");
    await must(lab, host, "stage", document);
    expect(await inside(lab, "spark-2", `${SETTLED} && cat ${SYSCTL_FILE}`)).toBe(wish.sysctlText.trim());
    await lab.kill("spark-2").catch(() => lab.kill("spark-2"));
    await lab.boot("spark-2");
    expect(await inside(lab, "spark-2", "cat /var/lib/spark-mesh/rolled-back.json")).toContain('"boot"');
    await must(lab, host, "release", document);
    await until(lab, ["spark-2"], "! ls /var/lib/spark-mesh 2>/dev/null", 20);
    const { files, kernel } = await traces(lab, "spark-2");
    expect({ files, kernel }).toEqual({ files: before[1]?.files, kernel: before[1]?.kernel });
  });

  it("answer for their own addresses alone, after every host has rebooted too", async () => {
    await expectUp();
    await expectOwnAnswers();
    await Promise.all(names().map((host) => lab.reboot(host)));
    await until(lab, names(), SETTLED, 20);
    await expectQuiet(project);
    await expectOwnAnswers();
  });

  it("need one SSH session and no sudo to be found settled", async () => {
    const count = async () => [await sshSessions(lab, "spark-3"), await sudoRuns(lab, "spark-3")];
    const [sessions = 0, sudo] = await count();
    await expectQuiet(project);
    expect(await count()).toEqual([sessions + 1, sudo]);
  });

  it("have it again when they come back with their cable", async () => {
    await lab.unplug("1/0");
    await lab.replug("1/0");
    await until(lab, ["spark-1"], `${SETTLED} && [ $(ip -4 -o address show | grep -c np[01]) = 4 ]`, 20);
    await expectQuiet(project);
  });

  it.each(rounds(DRIFTS, 3, ({ host, name }) => `${host}: ${name}`))(
    "%s: said, repaired without disturbing a link, and quiet",
    async (_, drifts) => {
      const links = "cat /sys/class/net/*np[01]/carrier_changes; journalctl -q -o cat -u 'spark-mesh-apply-*' | wc -l";
      const linksOf = () => Promise.all(drifts.map(({ host }) => inside(lab, host, links)));
      const was = await linksOf();
      for (const { host, breakage } of drifts) await inside(lab, host, breakage);
      const preview = await succeeds(project.preview());
      for (const { host, says } of drifts) expect(preview).toContain(`warning: ${host}: ${says}`);
      await expectUp();
      for (const { host } of drifts) {
        await inside(lab, host, SETTLED);
        expect(await inside(lab, host, `stat -c '%a %U:%G' ${SYSCTL_FILE}`)).toBe("644 root:root");
      }
      expect(await linksOf()).toEqual(was);
    },
  );

  it("are verified though a neighbour, which is settled itself, still has the other twin's MAC", async () => {
    const all = await places();
    const asking = all.find(({ host, netdev }) => host === "spark-1" && netdev === NETDEV);
    const peer = all.find(({ host, netdev }) => host === "spark-2" && netdev === NETDEV);
    const twin = all.find(({ host, netdev }) => host === "spark-2" && netdev === NETDEV.replace("enp1", "enP2p1"));
    if (!asking || !peer || !twin) throw new Error("no such place");
    await inside(lab, "spark-2", "for n in /proc/sys/net/ipv4/conf/*np[01]; do echo 0 >$n/arp_ignore; done");
    const wrong = await answers(asking, peer.address);
    expect(wrong).toHaveLength(4);
    expect(wrong).toEqual(expect.arrayContaining([peer.mac, twin.mac]));
    const [settled, drifted] = [await documentOf("spark-1"), await documentOf("spark-2")];
    expect([settled.wish.state, drifted.wish.state]).toEqual(["settled", "due"]);
    await inside(lab, "spark-1", `ip neigh replace ${peer.address} lladdr ${twin.mac} dev ${NETDEV} nud reachable`);
    const id = await must(lab, drifted.host, "stage", drifted.document);
    expect(await inside(lab, "spark-1", `ip neigh show to ${peer.address} dev ${NETDEV}`)).toContain(peer.mac);
    await must(lab, settled.host, "verify", settled.document, id);
    await must(lab, drifted.host, "commit", drifted.document, id);
    await expectQuiet(project);
    await expectOwnAnswers();
  });

  it("have their former settings and file, or none, where the cables make a ring, and again on a switch", async () => {
    await lab.rewire(RING);
    await until(lab, names(), "[ $(ip -o link show up | grep -c 'np[01].*LOWER_UP') = 4 ]", 20);
    const cables = RING.split(" ").map((cable) => {
      const [from, to] = cable.split("-").map((end) => `spark-${end}`);
      return { from, to };
    });
    project.reconfigure({ cables });
    await expectUp();
    const left = await Promise.all(names().map((host) => traces(lab, host)));
    const arpOf = (kernel = "") => kernel.split("\n").filter((line) => line.includes("arp_"));
    expect(left.map(({ kernel }) => arpOf(kernel))).toEqual(before.map(({ kernel }) => arpOf(kernel)));
    expect(await inside(lab, "spark-1", "ls /etc/sysctl.d")).toBe("README.sysctl");
    expect(await inside(lab, "spark-2", `cat ${SYSCTL_FILE}`)).toContain("arp_announce = 1");
    await lab.rewire(SWITCH);
    await until(lab, names(), "[ $(ip -o link show up | grep -c 'np[01].*LOWER_UP') = 4 ]", 20);
    // What somebody sets before there is a switch again is what destroy gives back.
    await inside(lab, "spark-3", `sysctl -qw net.ipv4.conf.${NETDEV}.arp_ignore=2`);
    project.reconfigure({
      cables: SWITCH.split(" ").map((cable) => ({ from: `spark-${cable.slice(0, 3)}`, to: "switch-a" })),
    });
    await expectUp();
    await Promise.all(names().map((host) => inside(lab, host, SETTLED)));
    await expectOwnAnswers();
  });

  it("are as they were after destroy, byte for byte", async () => {
    await succeeds(project.destroy());
    const theirs = (text = "") => text.replace(`${NETDEV}/arp_ignore:0`, `${NETDEV}/arp_ignore:2`);
    expect(await tracesOf()).toEqual([...before.slice(0, 2), { ...before[2], kernel: theirs(before[2]?.kernel) }]);
  });
});
