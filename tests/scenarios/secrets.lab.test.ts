import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { Project, type Step } from "../../lab/project";
import { scenarioEngines } from "./engines";

const CANARY = "canary of the sudo password";

describe.each(scenarioEngines())("secrets on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    const asking = { renderer: "networkd", sudoPassword: CANARY } as const;
    lab = await Lab.up({
      name: "secrets",
      fresh: true,
      stackFile: false,
      hosts: [
        { name: "spark-1", ...asking },
        { name: "spark-2", ...asking },
        { name: "spark-3", ...asking },
      ],
    });
    project = await Project.create(engine, lab);
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down("secrets");
  });

  /** Every command line on this machine, the virtual Sparks' among them, sampled while a command runs. */
  async function sampled(step: Promise<Step>): Promise<{ step: Step; commandLines: string }> {
    let running = true;
    const ended = step.finally(() => {
      running = false;
    });
    const lines: string[] = [];
    while (running) {
      lines.push(execFileSync("ps", ["axww", "-o", "args="], { encoding: "utf8", maxBuffer: 1 << 26 }));
      await sleep(20);
    }
    return { step: await ended, commandLines: lines.join("") };
  }

  /** Lines of the private keys: the control machine's, and those that the Sparks have made by now. */
  async function keyLines(): Promise<string[]> {
    const own = "cat /home/nvidia/.ssh/spark-mesh/id_ed25519 2>/dev/null; true";
    const made = await Promise.all(lab.hosts.map(({ name }) => lab.exec(name, own)));
    const texts = [readFileSync(lab.hosts[0]?.identityFile ?? "", "utf8"), ...made.map(({ stdout }) => stdout)];
    return texts.flatMap((text) => text.split("\n")).filter((line) => line.length > 30 && !isCommon(line));
  }

  /** What begins every key of the kind. */
  const isCommon = (line: string) => line.startsWith("-----") || line.startsWith("b3BlbnNzaC1rZXktdjE");

  function expectNone(text: string, what: string, keys: readonly string[]): void {
    const encoded = Buffer.from(CANARY).toString("base64").slice(0, -4);
    for (const secret of [CANARY, encoded, ...keys]) {
      expect(text.includes(secret), `${what} shows ${secret.slice(0, 12)}...`).toBe(false);
    }
  }

  it.each([
    ["up", () => project.up()],
    [
      "a failing up",
      async () => {
        await lab.exec(
          "spark-2",
          "rm /etc/netplan/40-cx7.yaml; chattr +i /etc/netplan 2>/dev/null || mount --bind -o ro /etc/netplan /etc/netplan",
        );
        return project.up("--diff");
      },
    ],
    [
      "preview --diff",
      async () => {
        await lab.exec("spark-2", "chattr -i /etc/netplan 2>/dev/null; umount /etc/netplan 2>/dev/null; true");
        return project.preview("--diff");
      },
    ],
    ["repair", () => project.up("--diff")],
    ["destroy", () => project.destroy("--diff")],
  ] as const)(
    "%s shows none in its output, in any command line, in the state or in a host's journal",
    async (name, run) => {
      const { step, commandLines } = await sampled(run());
      if (name !== "a failing up") {
        expect(step.code, step.output).toBe(0);
      } else {
        expect(step.code, step.output).not.toBe(0);
      }
      expect(commandLines).toContain("sshd");
      const keys = await keyLines();
      expectNone(step.output, "output", keys);
      expectNone(commandLines, "a command line", keys);
      expectNone(await project.exported(), "state", keys);
      for (const { name: host } of lab.hosts) {
        expectNone((await lab.exec(host, "journalctl -q --no-pager")).stdout, `${host}'s journal`, keys);
        const files = await lab.exec(
          host,
          `grep -rl '${CANARY}' /var/lib /var/log /tmp /run /etc /home 2>/dev/null; true`,
        );
        expect(files.stdout).toBe("");
      }
    },
  );
});
