import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { inside } from "../inside";
import { scenarioEngines } from "./engines";
import { expectRing, liveNetdevs, RING_ADDRESSES, traces, untilLive } from "./observe";
import { expectQuiet, expectWarned, rounds, succeeds } from "./steps";

const HOSTS = Object.keys(RING_ADDRESSES);
const FILE = "/etc/netplan/40-cx7.yaml";

/** What somebody changes, and what the preview's warning must hold. */
const DRIFTS: readonly { readonly host: string; readonly breakage: string; readonly says: readonly string[] }[] = [
  { host: "spark-1", breakage: "ip link set enp1s0f0np0 mtu 1500", says: ["spark-1", "enp1s0f0np0", "1500", "9000"] },
  {
    host: "spark-3",
    breakage: "ip addr del 192.168.187.13/24 dev enp1s0f0np0",
    says: ["spark-3", "enp1s0f0np0", "192.168.187.13/24"],
  },
  {
    host: "spark-1",
    breakage: "ip addr add 10.99.0.1/24 dev enP2p1s0f1np1",
    says: ["spark-1", "enP2p1s0f1np1", "10.99.0.1/24"],
  },
  { host: "spark-3", breakage: `sed -i 's/9000/4200/' ${FILE}`, says: ["spark-3", FILE, "4200", "9000"] },
  { host: "spark-2", breakage: `rm ${FILE}`, says: ["spark-2", FILE, "missing"] },
  {
    host: "spark-1",
    breakage: "ip link set enP2p1s0f0np0 down",
    says: ["spark-1", "enP2p1s0f0np0", "down", "up"],
  },
];

describe.each(scenarioEngines())(
  "a ring on NetworkManager alone, management included, on the $kind engine",
  (engine) => {
    let lab: Lab;
    let project: Project;
    let before: readonly unknown[];

    beforeAll(async () => {
      lab = await Lab.up({ name: "nm", fresh: true, stackFile: false, renderer: "NetworkManager" });
      before = await tracesOf();
      project = await Project.create(engine, lab);
    });

    afterAll(async () => {
      project?.remove();
      await Lab.down("nm");
    });

    const tracesOf = () => Promise.all(HOSTS.map((host) => traces(lab, host)));

    it("is made by up although management blinks", async () => {
      const watches = HOSTS.map((host) => lab.exec(host, "ip monitor address dev enP7s7", { timeoutSeconds: 600 }));
      await succeeds(project.up());
      await Promise.all(HOSTS.map((host) => lab.exec(host, "pkill -f 'ip monitor'")));
      // Else this shows nothing.
      expect((await Promise.all(watches)).map(({ stdout }) => stdout.includes("Deleted"))).toEqual([true, true, true]);
      await expectRing(lab);
      for (const host of HOSTS) {
        expect(await inside(lab, host, "nmcli -g GENERAL.CONNECTION device show enP7s7"), host).toBe("netplan-enP7s7");
        expect((await lab.exec(host, "ls /var/lib/spark-mesh/rolled-back.json")).code, host).not.toBe(0);
      }
    });

    it("is quiet, before and after every host has rebooted", async () => {
      await expectQuiet(project);
      await Promise.all(HOSTS.map((host) => lab.reboot(host)));
      await untilLive(lab, RING_ADDRESSES);
      await expectQuiet(project);
      await expectRing(lab);
    });

    it.each(rounds(DRIFTS, HOSTS.length, ({ host, breakage }) => `${host}: ${breakage}`))(
      "drift is said and repaired: %s",
      async (_, drifts) => {
        for (const { host, breakage } of drifts) await inside(lab, host, breakage);
        const preview = await project.preview();
        expectWarned(preview.output, drifts);
        await succeeds(project.up());
        await expectQuiet(project);
        await expectRing(lab);
      },
    );

    it("has netplan's own connection changed in NetworkManager: named with what takes it away, then repaired", async () => {
      await inside(
        lab,
        "spark-2",
        "nmcli connection modify netplan-enp1s0f0np0 ipv4.addresses 10.99.0.2/24 && nmcli device reapply enp1s0f0np0",
      );
      const preview = await succeeds(project.preview());
      expect(preview).toContain("warning: spark-2: enp1s0f0np0: address: found 10.99.0.2/24, wanted none");
      const [, remedy = ""] =
        /spark-2: enp1s0f0np0: found netplan's own connection changed in NetworkManager \(\S+\), which has it now; delete it: (sudo nmcli connection delete uuid [0-9a-f-]{36})/.exec(
          preview,
        ) ?? [];
      expect(remedy, preview).not.toBe("");
      const live = await liveNetdevs(lab, "spark-2");
      expect((await project.up()).code).not.toBe(0);
      expect(await liveNetdevs(lab, "spark-2")).toEqual(live);
      await inside(lab, "spark-2", remedy);
      await succeeds(project.up());
      await expectQuiet(project);
      await expectRing(lab);
      expect(await inside(lab, "spark-2", "ls -A /etc/NetworkManager/system-connections")).toBe("");
    });

    it("is taken away by destroy, byte for byte", async () => {
      await succeeds(project.destroy());
      expect(await tracesOf()).toEqual(before);
    });
  },
);
