import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { inside } from "../inside";
import { scenarioEngines } from "./engines";
import { traces } from "./observe";
import { expectQuiet, expectSystemRepaired, rounds, succeeds } from "./steps";

const HOSTS = ["spark-1", "spark-2"] as const;
const FOLDER = "/etc/systemd/system/earlyoom.service.d";
const DROP_IN = `${FOLDER}/90-spark-mesh-earlyoom.conf`;
const LATER = `${FOLDER}/99-later.conf`;
/** What the unit runs, its arguments one a line. */
const COMMAND = `tr '\\0' '\\n' </proc/$(systemctl show -P MainPID earlyoom)/cmdline`;
const DECLARED_COMMAND = [
  "/usr/bin/earlyoom",
  ..."-m 4,2 -s 100,100 -r 3600 --prefer ^(vllm|VLLM::|ray::)".split(" "),
  "--avoid",
  "^(sshd|systemd|dockerd|containerd|dbus-daemon|NetworkManager)",
];

const DRIFTS = [
  { host: "spark-1", breakage: `rm ${DROP_IN}`, says: `${DROP_IN}: file: found missing, wanted present` },
  {
    host: "spark-2",
    breakage: `sed -i s/4,2/3,1/ ${DROP_IN}`,
    says: `${DROP_IN}: text: found changed since the last run, wanted as it was written`,
  },
  {
    host: "spark-1",
    breakage: "systemctl stop earlyoom",
    says: "earlyoom.service: state: found inactive, wanted active",
  },
  {
    host: "spark-2",
    breakage: "SYSTEMCTL_SKIP_SYSV=1 systemctl disable earlyoom",
    says: "earlyoom.service: at boot: found disabled, wanted enabled",
  },
] as const;

/** The package is the control machine's own: the file that apt has, installed as it is on a Spark. */
describe.each(scenarioEngines())("earlyoom on the $kind engine", (engine) => {
  const packages = mkdtempSync(join(tmpdir(), "earlyoom-"));
  let lab: Lab;
  let project: Project;
  let before: Awaited<ReturnType<typeof look>>;

  beforeAll(async () => {
    download("earlyoom");
    lab = await Lab.up({
      name: "earlyoom",
      fresh: true,
      stackFile: false,
      wiring: "pair",
      hosts: HOSTS.map((name) => ({ name, renderer: "networkd" })),
      shares: [{ from: packages, to: "/packages" }],
    });
    // As the package leaves it, with a person's own arguments: enabled, and running.
    await inside(lab, "spark-1", "dpkg -i /packages/*.deb");
    await inside(
      lab,
      "spark-1",
      `echo 'EARLYOOM_ARGS="-r 60 -m 1"' >/etc/default/earlyoom; systemctl restart earlyoom`,
    );
    project = await Project.create(engine, lab, { config: { system: { earlyoom: true } } });
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down("earlyoom");
    rmSync(packages, { recursive: true });
  });

  /** A machine that has all packages may have no list of them. */
  function download(name: string): void {
    const apt = (...words: readonly string[]) =>
      execFileSync("apt-get", ["-qq", "-o", "APT::Sandbox::User=root", ...words], { cwd: packages });
    try {
      apt("download", name);
    } catch {
      apt("update");
      apt("download", name);
    }
  }

  /** Everything that a run could leave on a host, byte for byte. */
  function look() {
    return Promise.all(
      HOSTS.map(async (host) => ({
        ...(await traces(lab, host)),
        etc: await inside(
          lab,
          host,
          "find /etc -path '*earlyoom*' | sort | while read -r f; do stat -c '%N %a %U:%G' $f; [ -d $f ] || { stat -c %Y $f; sha256sum $f; }; done",
        ),
        unit: await inside(lab, host, "systemctl show -p LoadState,ActiveState,UnitFileState earlyoom"),
        command: (await lab.exec(host, COMMAND)).stdout,
        state: await inside(lab, host, "find /var/lib /run -xdev -name '*spark-mesh*' 2>/dev/null | sort"),
      })),
    );
  }

  async function expectGuarded(): Promise<void> {
    for (const host of HOSTS) {
      expect((await inside(lab, host, COMMAND)).split("\n"), host).toEqual(DECLARED_COMMAND);
      expect(await inside(lab, host, "systemctl is-enabled earlyoom")).toBe("enabled");
    }
  }

  it("that is not installed is said before anything is touched", async () => {
    const found = await look();
    for (const step of [project.preview(), project.up()]) {
      const { code, output } = await step;
      expect(code, output).not.toBe(0);
      expect(output).toContain(
        "spark-2: earlyoom: found not installed, wanted installed; sudo apt install earlyoom, or take earlyoom out of spark-mesh:system",
      );
    }
    expect(await look()).toEqual(found);
    // Switched off by a person, and with a drop-in of that name from elsewhere.
    await inside(lab, "spark-2", "dpkg -i /packages/*.deb && systemctl disable --now earlyoom");
    await inside(lab, "spark-2", `mkdir ${FOLDER} && printf '[Service]\\nNice=5' >${DROP_IN} && chmod 600 ${DROP_IN}`);
    await inside(lab, "spark-2", "systemctl daemon-reload");
    before = await look();
  });

  it("that doesn't take our arguments fails, and a first run leaves nothing but the program", async () => {
    await inside(lab, "spark-2", `printf '[Service]\\nEnvironment=EARLYOOM_ARGS=-r60\\n' >${LATER}`);
    const up = await project.up();
    expect(up.code, up.output).not.toBe(0);
    expect(up.output).toContain(
      "spark-2: earlyoom.service: found active with other arguments or none 5 s after its start",
    );
    await inside(lab, "spark-2", `rm ${LATER}; systemctl daemon-reload`);
    const left = "/run/spark-mesh\n/var/lib/spark-mesh";
    expect((await look())[1]).toEqual({ ...before[1], state: left });
    expect(await inside(lab, "spark-2", "ls /var/lib/spark-mesh")).toMatch(/^program-[0-9a-f]{64}$/);
  });

  it("runs with our arguments, and would kill vLLM's processes first", async () => {
    await succeeds(project.up());
    await expectGuarded();
    await expectQuiet(project);
    const victim = await inside(
      lab,
      "spark-1",
      `bash -c 'echo VLLM::EngineCore >/proc/$$/comm; sleep 20; :' >/dev/null 2>&1 & pid=$!; sleep 1; mapfile -t words < <(${COMMAND}); timeout 2 "\${words[@]}" -m 99 --dryrun 2>&1 | grep -m 1 'sending SIG.* to process'; kill $pid`,
    );
    expect(victim).toContain('"VLLM::EngineCor"');
  });

  it.each(rounds(DRIFTS, HOSTS.length, ({ host, says }) => `${host}: ${says}`))(
    "%s: said, repaired and quiet",
    async (_, drifts) => {
      await expectSystemRepaired(lab, project, drifts);
      await expectGuarded();
      await expectQuiet(project);
    },
  );

  it("is as it was where the option is taken out, and after destroy", async () => {
    const unitsOf = (all: typeof before) => all.map(({ etc, unit, command }) => [etc, unit, command]);
    project.reconfigure({ system: undefined });
    await succeeds(project.up());
    expect(unitsOf(await look())).toEqual(unitsOf(before));
    project.reconfigure({ system: { earlyoom: true } });
    await succeeds(project.up());
    await expectGuarded();
    await succeeds(project.destroy());
    expect(await look()).toEqual(before);
  });
});
