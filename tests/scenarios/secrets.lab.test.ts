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

  function keyLines(): string[] {
    const text = readFileSync(lab.hosts[0]?.identityFile ?? "", "utf8");
    return text.split("\n").filter((line) => line.length > 30 && !line.startsWith("-----"));
  }

  function expectNone(text: string, what: string): void {
    const encoded = Buffer.from(CANARY).toString("base64").slice(0, -4);
    for (const secret of [CANARY, encoded, ...keyLines()]) {
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
      expectNone(step.output, "output");
      expectNone(commandLines, "a command line");
      expectNone(await project.exported(), "state");
      for (const { name: host } of lab.hosts) {
        expectNone((await lab.exec(host, "journalctl -q --no-pager")).stdout, `${host}'s journal`);
        const files = await lab.exec(
          host,
          `grep -rl '${CANARY}' /var/lib /var/log /tmp /run /etc /home 2>/dev/null; true`,
        );
        expect(files.stdout).toBe("");
      }
    },
  );
});
