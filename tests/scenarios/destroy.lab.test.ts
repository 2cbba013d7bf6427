import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { inside } from "../inside";
import { everyEngine } from "./engines";
import { traces, until } from "./observe";

const FORMER = `# Ours from last spring.
network:
  version: 2
  ethernets:
    enp1s0f0np0: { optional: yes }
`;

describe.each(everyEngine())("destroy on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;

  beforeAll(async () => {
    lab = await Lab.up({ name: "destroy", fresh: true, stackFile: false });
    project = await Project.create(engine, lab);
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down("destroy");
  });

  async function made(): Promise<void> {
    const up = await project.up();
    expect(up.code, up.output).toBe(0);
    expect((await project.preview("--expect-no-changes")).code).toBe(0);
  }

  async function tracesOf(...hosts: readonly string[]) {
    return Promise.all(hosts.map((host) => traces(lab, host)));
  }

  it("gives back what was there: no file, or the former file byte for byte", async () => {
    const former = "/etc/netplan/40-cx7.yaml";
    const { code } = await lab.exec("spark-3", `cat >${former} && chmod 0640 ${former}`, { stdin: FORMER });
    expect(code).toBe(0);
    const before = await tracesOf("spark-1", "spark-2", "spark-3");
    await made();
    const destroy = await project.destroy();
    expect(destroy.code, destroy.output).toBe(0);
    expect(await tracesOf("spark-1", "spark-2", "spark-3")).toEqual(before);
    await inside(lab, "spark-3", `rm ${former}; netplan apply`);
  });

  it("cleans the others when one host is dead; abandon and --run-program end it", async () => {
    const before = await tracesOf("spark-1", "spark-2");
    await made();
    await lab.kill("spark-3");
    const stuck = await project.destroy();
    expect(stuck.code).not.toBe(0);
    expect(stuck.output).toContain("mesh-spark-3-netplan");
    // The engine stops at the dead host. The network that it would have released releases itself; the last thing of ours,
    // the program, goes with the next destroy.
    const gone =
      "! ls -A /var/lib/spark-mesh | grep -v ^program- && ! systemctl list-units --all --plain --no-legend 'spark-mesh*' | grep -q .";
    await until(lab, ["spark-1", "spark-2"], gone, 120);
    const network = (all: Awaited<ReturnType<typeof tracesOf>>) => all.map(({ state: _, ...rest }) => rest);
    expect(network(await tracesOf("spark-1", "spark-2"))).toEqual(network(before));

    project.reconfigure({ abandon: ["spark-3"] });
    const destroy = await project.destroy("--run-program");
    expect(destroy.code, destroy.output).toBe(0);
    expect(await project.exported()).not.toContain("mesh-spark-1");
    expect(await tracesOf("spark-1", "spark-2")).toEqual(before);
    await lab.boot("spark-3");
    project.reconfigure({ abandon: undefined });
  });

  it("abandon, up, then without the host: nobody dials it any more", async () => {
    await lab.down();
    lab = await Lab.up({ name: "destroy", fresh: true, stackFile: false });
    project.remove();
    project = await Project.create(engine, lab);
    await made();
    await lab.kill("spark-3");

    const preview = await project.preview("--expect-no-changes");
    expect(preview.output).toMatch(/warning: spark-3: unreachable/);
    expect(preview.code, preview.output).toBe(0);
    project.reconfigure({ abandon: ["spark-3"] });
    const up = await project.up();
    expect(up.code, up.output).toBe(0);
    const destroy = await project.destroy();
    expect(destroy.code, destroy.output).toBe(0);
    for (const host of ["spark-1", "spark-2"]) {
      expect((await traces(lab, host)).state).toBe("");
    }
  });
});
