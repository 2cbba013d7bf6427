import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Engine, installedCli, labEngine } from "../../lab/cli";
import { type Outcome, Sample } from "./engine/run";

/**
 * The same commands over the same program on the real CLI and on the lab engine. What the CLI did is recorded in
 * golden/engine.json (`vitest -u` where a CLI is); the lab engine is held to that everywhere.
 */
const golden = join(__dirname, "golden/engine.json");
const real = installedCli();
const engines: [string, Engine | undefined][] = [
  ["the real CLI", real],
  ["the lab engine", labEngine()],
];

describe.concurrent.each(engines)("%s", (_name, engine) => {
  // Never downloads: a check of the pair belongs where the CLI is.
  it("takes the recorded steps", { timeout: 900_000 }, async ({ skip, expect }) => {
    if (engine === undefined) return skip("no Pulumi CLI with the command plugin on this machine");
    const sample = new Sample(engine);
    await sample.start();
    try {
      await lifecycle(sample);
    } finally {
      await sample.stop();
    }
    if (engine === real) await expect(`${JSON.stringify(sample.outcomes, undefined, 2)}\n`).toMatchFileSnapshot(golden);
    else expect(sample.outcomes).toEqual(JSON.parse(readFileSync(golden, "utf8")) as Outcome[]);
  });
});

const up = ["up", "--yes", "--skip-preview"];
const destroy = ["destroy", "--yes", "--skip-preview"];

async function lifecycle(sample: Sample): Promise<void> {
  const h1 = { name: "h1", mtu: 9000 };
  const h2 = { name: "h2", mtu: 9000 };
  // Its connection is that of h1.
  const h3 = { name: "h3", mtu: 9000 };
  sample.wish({ hosts: [h1] });
  await sample.step("create", ...up);
  await sample.step("nothing to do", ...up, "--expect-no-changes");
  sample.wish({ hosts: [h1, h2] });
  await sample.host("h2").down();
  await sample.step("a dead host", ...up);
  await sample.host("h2").up();
  sample.wish({ hosts: [h1, h2, h3] });
  await sample.step("back again, and one more on h1", ...up);

  sample.wish({ hosts: [{ ...h1, mtu: 1500 }, h2, h3], warn: "h1: enp1s0f0np0: found 1500" });
  const plan = join(sample.folder, "plan.json");
  const drift = await sample.step("a drift", "preview", "--save-plan", plan);
  expect(drift.output).toMatch(/~ +sample:index:Host h1 update \[diff: ~links,mtu\]/);
  expect(drift.output).toMatch(/~ +command:remote:Command h1-stage update\s*$/m);
  expect(readFileSync(plan, "utf8")).not.toContain("hunter2-secret");
  await sample.step("as planned", ...up, "--plan", plan);
  sample.wish({ hosts: [{ ...h1, mtu: 3000 }, h2, h3] });
  await sample.step("not as planned", ...up, "--plan", plan);
  await sample.step("no changes expected", "preview", "--expect-no-changes");

  sample.wish({ hosts: [{ ...h1, mtu: 1500, args: { create: "echo badness >&2; exit 3" } }, h2, h3] });
  const failed = await sample.step("a failing command", ...up);
  expect(failed.output).toContain('Process exited with status 3: running "echo badness >&2; exit 3":\n    badness');
  const updated = { ...h1, args: { update: "echo updated" } };
  const release = { create: "new release", update: "new release" };
  const settled = { ignoreChanges: ["create", "update", "delete", "stdin"] };
  sample.wish({ hosts: [updated, { ...h2, mtu: 4000, args: release, options: settled }, h3] });
  await sample.step("update text, and ignored changes", ...up);
  sample.wish({ fault: "RunError" });
  await sample.step("a fault of the program", "preview");
  sample.wish({ hosts: [{ ...updated, mtu: 5000 }, h2, h3], fault: "ResourceError" });
  await sample.step("a fault of a component", "preview");
  sample.wish({ hosts: [updated, h2], connections: { h1: { ...sample.connection("h1"), perDialTimeout: 30 } } });
  await sample.step("another connection, and a host fewer", ...up);
  await sample.step("refresh", "refresh", "--yes", "--skip-preview");

  await sample.host("h2").down();
  await sample.step("destroy with a dead host", ...destroy);
  await sample.step("destroy the others", ...destroy, "--continue-on-error");
  sample.wish({ hosts: [h2], retain: true });
  await sample.step("destroy but for the dead host", ...destroy, "--run-program");
}
