import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { sshSessions } from "../../lab/hosts/sshd-log";
import { Project } from "../../lab/project";
import { everyEngine } from "./engines";
import { expectRing, RING_ADDRESSES, sudoRuns, untilLive } from "./observe";

const HOSTS = Object.keys(RING_ADDRESSES);

describe.each(everyEngine())("a fresh ring on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up({ name: "ring", fresh: true, stackFile: false });
    project = await Project.create(engine, lab);
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down("ring");
  });

  it("is shown by preview without touching a host", async () => {
    const preview = await project.preview();
    expect(preview.code, preview.output).toBe(0);
    expect(preview.output).toContain("spark-mesh:index:NetplanFile");
    for (const host of HOSTS) {
      expect((await lab.exec(host, "ls /var/lib/spark-mesh /etc/netplan/40-cx7.yaml")).code).not.toBe(0);
    }
  });

  it("is made by up in at most nine SSH sessions a host", async () => {
    const before = await Promise.all(HOSTS.map((host) => sshSessions(lab, host)));
    const up = await project.up();
    expect(up.code, up.output).toBe(0);
    const after = await Promise.all(HOSTS.map((host) => sshSessions(lab, host)));
    after.forEach((sessions, index) => {
      expect(sessions - (before[index] ?? 0)).toBeGreaterThan(0);
      expect(sessions - (before[index] ?? 0)).toBeLessThanOrEqual(9);
    });
    await expectRing(lab);
  });

  it("has a file of root's, 0600, with the MTU in it", async () => {
    for (const host of HOSTS) {
      const { stdout } = await lab.exec(
        host,
        "stat -c '%a %U:%G' /etc/netplan/40-cx7.yaml; cat /etc/netplan/40-cx7.yaml",
      );
      expect(stdout).toMatch(/^600 root:root\n/);
      expect(stdout.match(/mtu: 9000/g)).toHaveLength(4);
    }
  });

  it("is quiet afterwards: one session, no sudo, no netplan apply, no lost ping", async () => {
    const look = async () =>
      Promise.all(
        HOSTS.map(async (host) => ({
          file: (await lab.exec(host, "stat -c '%y %i' /etc/netplan/40-cx7.yaml /var/lib/spark-mesh/record.json"))
            .stdout,
          sudo: await sudoRuns(lab, host),
          sessions: await sshSessions(lab, host),
        })),
      );
    const before = await look();
    const flood = lab.exec("spark-1", "ping -q -i 0.01 -c 800 -I enp1s0f0np0 192.168.177.12");
    const preview = await project.preview("--expect-no-changes");
    expect(preview.code, preview.output).toBe(0);
    const up = await project.up("--expect-no-changes");
    expect(up.code, up.output).toBe(0);
    expect((await flood).stdout).toContain(" 0% packet loss");
    const after = await look();
    after.forEach((host, index) => {
      expect(host.file).toBe(before[index]?.file);
      expect(host.sudo).toBe(before[index]?.sudo);
      // One for the preview, two for up, which runs the program for its own preview and for the update.
      expect(host.sessions - (before[index]?.sessions ?? 0)).toBe(3);
    });
  });

  it("is still a ring, with no changes, after every host has rebooted with empty neighbour tables", async () => {
    await Promise.all(HOSTS.map((host) => lab.reboot(host)));
    await untilLive(lab, RING_ADDRESSES);
    for (const host of HOSTS) {
      await lab.exec(host, "ip neigh flush all");
    }
    const preview = await project.preview("--expect-no-changes");
    expect(preview.code, preview.output).toBe(0);
    await expectRing(lab);
    expect(await project.output("topology")).toBe("ring");
  });

  it("is taken over untouched by a new state of the same stack, as after a lost passphrase", async () => {
    const look = () => Promise.all(HOSTS.map((host) => lab.exec(host, "stat -c '%y %z %i' /etc/netplan/40-cx7.yaml")));
    const before = await look();
    const successor = await Project.create(engine, lab);
    try {
      const up = await successor.up();
      expect(up.code, up.output).toBe(0);
      const quiet = await successor.preview("--expect-no-changes");
      expect(quiet.code, quiet.output).toBe(0);
      expect(await look()).toEqual(before);
    } finally {
      successor.remove();
    }
  });
});
