import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { sshSessions } from "../../lab/hosts/sshd-log";
import { Project } from "../../lab/project";
import { inside } from "../inside";
import { scenarioEngines } from "./engines";
import { traces } from "./observe";
import { expectQuiet, expectSystemRepaired, rounds, type SystemDrift, succeeds } from "./steps";

const HOSTS = ["spark-1", "spark-2"] as const;
const SUDOERS = "/etc/sudoers.d/spark-mesh";
const LOGIND = "/etc/systemd/logind.conf.d/90-spark-mesh.conf";
const PASSWORD = "spark-2 asks";
const DECLARED = { dockerGroup: true, sudoers: true, removeIpc: false };
const REMOVE_IPC =
  "busctl get-property org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager RemoveIPC";

/** spark-1 lets its user see the sudoers file; on spark-2 the folder is closed, and root has to be asked. */
const DRIFTS: readonly SystemDrift[] = [
  {
    host: "spark-2",
    breakage: "gpasswd -d nvidia docker",
    says: "group docker: nvidia: found no member, wanted member",
  },
  { host: "spark-1", breakage: `rm ${SUDOERS}`, says: `${SUDOERS}: file: found missing, wanted present` },
  { host: "spark-1", breakage: `chmod 640 ${SUDOERS}`, says: `${SUDOERS}: mode: found 640, wanted 440` },
  {
    host: "spark-1",
    breakage: `sed -i 's/ -s facts,//' ${SUDOERS}`,
    says: `${SUDOERS}: text: found changed since the last run, wanted as it was written`,
  },
  {
    host: "spark-2",
    breakage: `echo 'nvidia ALL=(ALL) NOPASSWD: /usr/bin/id' >>${SUDOERS}`,
    says: `${SUDOERS}: text: found changed since the last run, wanted as it was written`,
  },
  {
    host: "spark-2",
    breakage: `chown nvidia ${LOGIND}`,
    says: `${LOGIND}: owner: found nvidia:root, wanted root:root`,
  },
  { host: "spark-2", breakage: `rm ${LOGIND}`, says: `${LOGIND}: file: found missing, wanted present` },
  {
    host: "spark-1",
    breakage: `sed -i s/=no/=yes/ ${LOGIND}`,
    says: `${LOGIND}: text: found changed since the last run, wanted as it was written`,
  },
  {
    host: "spark-1",
    breakage: `cp -a ${LOGIND} /root/kept; rm ${LOGIND}; systemctl kill -s HUP systemd-logind; until ${REMOVE_IPC} | grep -q true; do sleep 0.1; done; cp -a /root/kept ${LOGIND}; rm /root/kept`,
    says: "logind: RemoveIPC: found yes, wanted no",
  },
];

describe.each(scenarioEngines())("the hosts' systems on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let before: Awaited<ReturnType<typeof look>>;

  beforeAll(async () => {
    lab = await Lab.up({
      name: "system",
      fresh: true,
      stackFile: false,
      wiring: "pair",
      hosts: [
        { name: "spark-1", renderer: "networkd" },
        { name: "spark-2", renderer: "networkd", sudoPassword: PASSWORD },
      ],
    });
    await inside(lab, "spark-1", "groupadd -r docker && gpasswd -a nvidia docker");
    await inside(lab, "spark-1", `printf '# From last spring.' >${SUDOERS} && chmod 400 ${SUDOERS}`);
    await inside(lab, "spark-1", `mkdir -p ${LOGIND.replace(/\/[^/]*$/, "")} && printf '[Login]\\n' >${LOGIND}`);
    await inside(lab, "spark-2", "groupadd -r docker && chmod 750 /etc/sudoers.d");
    project = await Project.create(engine, lab, { config: { system: DECLARED } });
    before = await look();
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down("system");
  });

  /** Everything that a run could leave on a host, byte for byte. */
  function look() {
    return Promise.all(
      HOSTS.map(async (host) => ({
        ...(await traces(lab, host)),
        etc: await inside(
          lab,
          host,
          "cd /etc; sha256sum group gshadow; stat -c '%n %a %U:%G' group gshadow; for f in sudoers.d/* systemd/logind.conf.d/*; do stat -c '%n %a %U:%G %Y' $f && sha256sum <$f; done 2>/dev/null; ls -d systemd/logind.conf.d 2>/dev/null; true",
        ),
        removeIpc: await inside(lab, host, REMOVE_IPC),
        state: await inside(lab, host, "find /var/lib /run -xdev -name '*spark-mesh*' 2>/dev/null | sort"),
      })),
    );
  }

  /** What sudo says to the login user about a command line, without a password. */
  async function sudoCode(host: string, command: string): Promise<number> {
    return (await lab.exec(host, `runuser -u nvidia -- sudo -k -n ${command} </dev/null`)).code;
  }

  async function expectAllMade(): Promise<void> {
    for (const host of HOSTS) {
      expect(await inside(lab, host, "id -nG nvidia")).toMatch(/\bdocker\b/);
      expect(await inside(lab, host, REMOVE_IPC)).toBe("b false");
      expect(await inside(lab, host, `stat -c '%a %U:%G' ${SUDOERS}; visudo -c -f ${SUDOERS}`)).toMatch(
        /^440 root:root\n/,
      );
    }
    const program = await inside(lab, "spark-2", "ls /var/lib/spark-mesh/program-*");
    const allowed = ["facts", "install", "stage", "commit", "undo", "release", "deploy", "undeploy"].map(
      (operation) => `bash -s ${operation}`,
    );
    for (const command of [...allowed, `${program} system`, `${program} unsystem`, `${program} leave`]) {
      expect(await sudoCode("spark-2", command), command).toBe(0);
    }
    for (const other of [
      "bash -s",
      "bash -s other",
      "bash -s system",
      program,
      `${program} other`,
      `${program} system more`,
      "bash -s stage -c id",
      "bash -c id",
      "bash",
      "id",
      "-u nobody id",
    ]) {
      expect(await sudoCode("spark-2", other), other).not.toBe(0);
    }
  }

  it.each([
    [
      "visudo refuses the file",
      "printf '#!/bin/sh\\necho its words >&2\\nexit 1\\n' >/usr/local/sbin/visudo; chmod 755 /usr/local/sbin/visudo",
      `${SUDOERS}: visudo refuses it (its words); it was not put in place`,
      "rm /usr/local/sbin/visudo",
    ],
    [
      "sudo asks all the same",
      "printf 'nvidia ALL=(ALL) PASSWD: ALL\\n' >/etc/sudoers.d/zz; chmod 440 /etc/sudoers.d/zz",
      `${SUDOERS}: sudo asks nvidia all the same (sudo: a password is required); it was taken away again`,
      "rm /etc/sudoers.d/zz",
    ],
  ])("a first run that fails leaves nothing but the program: %s", async (_what, breakage, says, repair) => {
    await inside(lab, "spark-2", breakage);
    const up = await project.up();
    expect(up.code, up.output).not.toBe(0);
    expect(up.output).toContain(`spark-2: ${says}`);
    await inside(lab, "spark-2", repair);
    const left = "/run/spark-mesh\n/var/lib/spark-mesh";
    expect((await look())[1]).toEqual({ ...before[1], state: left });
    expect(await inside(lab, "spark-2", "ls /var/lib/spark-mesh")).toMatch(/^program-[0-9a-f]{64}$/);
  });

  it("says that there is no group docker before anything is touched", async () => {
    await inside(lab, "spark-2", "groupdel docker");
    const preview = await project.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.output).toContain("spark-2: there is no group docker; install Docker");
    await inside(lab, "spark-2", "groupadd -r docker");
    await succeeds(project.destroy());
    expect(await look()).toEqual(before);
  });

  it("are made by up in one session more a host, and logind is not restarted", async () => {
    const counts = () => Promise.all(HOSTS.map((host) => sshSessions(lab, host)));
    const logind = () => inside(lab, "spark-1", "systemctl show -P MainPID systemd-logind");
    const [sessions, pid] = [await counts(), await logind()];
    const up = await succeeds(project.up());
    expect((await counts()).map((count, index) => count - (sessions[index] ?? 0))).toEqual([10, 10]);
    // The lab engine shows no words of a command that succeeds.
    if (engine.kind === "cli") {
      expect(up).toContain("spark-2: nvidia is a member of docker from the next login on");
    }
    expect(up).not.toContain("spark-1: nvidia is a member");
    expect(await logind()).toBe(pid);
    await expectAllMade();
    await expectQuiet(project);
  });

  it("needs no password any more where sudo asks", async () => {
    project.reconfigure({ sudoPasswords: undefined });
    await expectQuiet(project);
    await inside(lab, "spark-2", "ip link set enp1s0f1np1 mtu 1500");
    await succeeds(project.up());
    await expectQuiet(project);
  });

  async function expectSaidAndRepaired(drifts: readonly SystemDrift[]): Promise<void> {
    await expectSystemRepaired(lab, project, drifts);
    await expectAllMade();
    await expectQuiet(project);
  }

  it.each(rounds(DRIFTS, HOSTS.length, ({ host, says }) => `${host}: ${says}`))(
    "%s: said, repaired and quiet",
    (_, drifts) => expectSaidAndRepaired(drifts),
  );

  it("is said again when it comes again, and no host but the drifted one is touched", () =>
    expectSaidAndRepaired(DRIFTS.slice(0, 1)));

  it("asks for the password again where the file is gone, and is repaired with it", async () => {
    await inside(lab, "spark-2", `rm ${SUDOERS}`);
    const preview = await project.preview();
    expect(preview.code).not.toBe(0);
    expect(preview.output).toContain("spark-2: passwordless sudo not available; set spark-mesh:sudoPassword");
    await project.setSecret('spark-mesh:sudoPasswords["spark-2"]', PASSWORD);
    const seen = await succeeds(project.preview());
    expect(seen).toContain(`warning: spark-2: ${SUDOERS}: file: found missing, wanted present`);
    await succeeds(project.up());
    await expectAllMade();
    await expectQuiet(project);
    project.reconfigure({ sudoPasswords: undefined });
    await expectQuiet(project);
  });

  it("gives back an option that is taken out, and all of them", async () => {
    project.reconfigure({ system: { sudoers: true } });
    await succeeds(project.up());
    await expectQuiet(project);
    const part = await look();
    expect(part.map(({ removeIpc }) => removeIpc)).toEqual(before.map(({ removeIpc }) => removeIpc));
    expect(await inside(lab, "spark-2", "id -nG nvidia")).not.toMatch(/\bdocker\b/);
    expect(await inside(lab, "spark-1", "id -nG nvidia")).toMatch(/\bdocker\b/);
    expect(await inside(lab, "spark-2", `ls ${SUDOERS}`)).toBe(SUDOERS);

    project.reconfigure({ system: undefined });
    await succeeds(project.up());
    await expectQuiet(project);
    expect((await look()).map(({ etc, removeIpc }) => [etc, removeIpc])).toEqual(
      before.map(({ etc, removeIpc }) => [etc, removeIpc]),
    );
  });

  it("is all put back by destroy, without a password, on hosts that were settled when it was declared", async () => {
    project.reconfigure({ system: DECLARED });
    await project.setSecret('spark-mesh:sudoPasswords["spark-2"]', PASSWORD);
    const up = await succeeds(project.up());
    expect([...new Set(up.match(/mesh-\S+-run created/g))].sort()).toEqual(
      HOSTS.map((host) => `mesh-${host}-system-run created`),
    );
    project.reconfigure({ sudoPasswords: undefined });
    await inside(lab, "spark-2", "ip link set enp1s0f1np1 mtu 1500");
    await succeeds(project.up());
    expect(await project.exported()).not.toContain(PASSWORD);
    await expectAllMade();
    await succeeds(project.destroy());
    expect(await look()).toEqual(before);
  });
});
