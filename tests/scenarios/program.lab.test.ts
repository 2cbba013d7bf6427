import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { inside } from "../inside";
import { scenarioEngines } from "./engines";
import { traces, until } from "./observe";
import { expectQuiet, succeeds } from "./steps";

const HOSTS = ["spark-1", "spark-2"] as const;
const NAME = "program";
const PROGRAM = "/var/lib/spark-mesh/program-*";
const SSH = "/home/nvidia/.ssh";
const LOGIND = "/etc/systemd/logind.conf.d/90-spark-mesh.conf";

describe.each(scenarioEngines())("the program on the hosts on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let before: string[];

  beforeAll(async () => {
    lab = await Lab.up({
      name: NAME,
      fresh: true,
      stackFile: false,
      wiring: "pair",
      hosts: HOSTS.map((name) => ({ name, renderer: "networkd" })),
    });
    project = await Project.create(engine, lab, { config: { system: { sudoers: true, removeIpc: false } } });
    before = await look();
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down(NAME);
  });

  /** Everything that a run could leave on a host. */
  const look = () =>
    Promise.all(
      HOSTS.map(async (host) => {
        const etc = "find /etc/sudoers.d /etc/systemd /var/lib /run/spark-mesh -xdev -name '*spark-mesh*' | sort";
        const home =
          "cd /home/nvidia/.ssh && find . -printf '%p %y %m %u:%g\\n' | sort && sha256sum $(find . -type f | sort)";
        return JSON.stringify([
          await traces(lab, host),
          (await lab.exec(host, etc)).stdout,
          await inside(lab, host, home),
        ]);
      }),
    );

  it.each([
    ["as the program comes", "test -e /var/lib/spark-mesh"],
    ["as a host's system is made", "test -e /var/lib/spark-mesh/system/original"],
    ["before its record is written", `test -e ${LOGIND}`],
    ["as a key is made", `test -e ${SSH}/spark-mesh/lock`],
    ["once a key is made", `test -e ${SSH}/spark-mesh/id_ed25519.pub`],
    ["once the network is staged", "test -e /var/lib/spark-mesh/armed.json"],
    ["as blocks are written", `grep -q '^# BEGIN spark-mesh' ${SSH}/authorized_keys`],
  ])("a destroy right after an up that was killed %s leaves nothing", async (_, reached) => {
    const up = project.start("up", { flags: ["--yes", "--skip-preview"] });
    await until(lab, ["spark-2"], reached, 60);
    up.kill();
    await up.done;
    await project.run("cancel", { flags: ["--yes"] });
    // What was under way on the host goes on to its end there.
    await until(lab, HOSTS, "! pgrep -f 'program-[0-9a-f]{64} (system|key|trust)|bash -s (install|stage)'", 90);
    await succeeds(project.destroy("--skip-preview"));
    expect(await look()).toEqual(before);
  });

  it("is there once, root's and for all to read, and no operation brings it again", async () => {
    await succeeds(project.up("--skip-preview"));
    for (const host of HOSTS) {
      expect(await inside(lab, host, `stat -c '%a %U:%G' ${PROGRAM}`)).toBe("755 root:root");
      expect(await inside(lab, host, `sha256sum ${PROGRAM}`)).toMatch(/^([0-9a-f]{64}) {2}\S*\/program-\1$/);
    }
    await expectQuiet(project);
  });

  it.each([
    ["gone", `rm ${PROGRAM}`, "missing"],
    ["altered", `echo >>$(echo ${PROGRAM})`, "altered"],
    ["another user's", `chown nvidia ${PROGRAM}`, "altered"],
  ])("is out of sync where it is %s, said once, and comes again", async (_what, breakage, found) => {
    const [digest] = (await inside(lab, "spark-2", `basename ${PROGRAM}`)).match(/[0-9a-f]{64}/) ?? [];
    await inside(lab, "spark-2", breakage);
    const preview = await succeeds(project.preview());
    expect([...new Set(preview.match(/warning: .*/g))]).toEqual([
      `warning: spark-2: /var/lib/spark-mesh/program-${digest}: file: found ${found}, wanted as it was installed`,
    ]);
    const up = await succeeds(project.up("--skip-preview"));
    expect([...new Set(up.match(/mesh-\S+ updated/g))].sort()).toEqual(["mesh-spark-2-program-install updated"]);
    await expectQuiet(project);
  });

  it("is not run by sudo where it was altered", async () => {
    const program = await inside(lab, "spark-1", `ls ${PROGRAM}`);
    const tried = () => lab.exec("spark-1", `runuser -u nvidia -- sudo -k -n ${program} system </dev/null`);
    await inside(
      lab,
      "spark-1",
      "rm -f /etc/sudoers.d/*nvidia* /etc/sudoers.d/nvidia; cp -a $(echo /var/lib/spark-mesh/program-*) /root/kept",
    );
    const allowed = await lab.exec("spark-1", "runuser -u nvidia -- sudo -k -n id </dev/null");
    expect(allowed.code, "the lab's own rule is away").not.toBe(0);
    expect((await tried()).code).toBe(0);
    await inside(lab, "spark-1", `echo >>${program}`);
    expect((await tried()).code).not.toBe(0);
    await inside(lab, "spark-1", `mv /root/kept ${program}`);
    expect((await tried()).code).toBe(0);
  });

  it("keeps what somebody wrote in a file of ours since, beside it, at a destroy", async () => {
    await inside(lab, "spark-2", `echo 'KillUserProcesses=yes' >>${LOGIND}`);
    await succeeds(project.destroy("--skip-preview"));
    expect(await inside(lab, "spark-2", `tail -n 1 ${LOGIND}; ls ${LOGIND}.spark-mesh`)).toBe(
      `KillUserProcesses=yes\n${LOGIND}.spark-mesh`,
    );
    await inside(lab, "spark-2", `rm ${LOGIND} ${LOGIND}.spark-mesh && rmdir $(dirname ${LOGIND})`);
    expect(await look()).toEqual(before);
  });
});
