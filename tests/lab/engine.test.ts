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

describe.each(engines)("%s", (_name, engine) => {
  // Never downloads: a check of the pair belongs where the CLI is.
  it("takes the recorded steps", { timeout: 600_000 }, async ({ skip }) => {
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
const urn = (name: string) => `urn:pulumi:dev::sample::sample:index:Host$command:remote:Command::${name}`;

async function lifecycle(sample: Sample): Promise<void> {
  const h1 = (wish: object) => ({
    hosts: [
      { name: "h1", mtu: 9000, ...wish },
      { name: "h2", mtu: 9000 },
    ],
  });
  sample.wish();
  await sample.step("first preview", "preview");
  const created = await sample.step("create", ...up);
  expect(created.output).toContain('"mtu 9000\\ncreate h1"');
  await sample.step("nothing changed", "preview", "--expect-no-changes");
  await sample.step("nothing to do", ...up);

  sample.wish({ ...h1({ mtu: 1500 }), warn: "h1: enp1s0f0np0: found 1500" });
  expect((await sample.step("a drift", "preview")).output).toMatch(
    /~ +sample:index:Host h1 update \[diff: ~links,mtu\]/,
  );
  expect((await sample.step("a drift in detail", "preview", "--diff")).output).toMatch(
    /~ mtu +: 9000 => 1500|~ mtu: 9000 => 1500/,
  );
  await sample.step("no changes expected", "preview", "--expect-no-changes");
  const plan = join(sample.folder, "plan.json");
  await sample.step("plan", "preview", "--save-plan", plan);
  expect(readFileSync(plan, "utf8")).not.toContain("hunter2-secret");
  await sample.step("as planned", ...up, "--plan", plan);
  sample.wish(h1({ mtu: 2000 }));
  await sample.step("plan again", "preview", "--save-plan", plan);
  sample.wish(h1({ mtu: 3000 }));
  await sample.step("not as planned", ...up, "--plan", plan);

  sample.wish(h1({ mtu: 1500, args: { create: "echo badness >&2; exit 3" } }));
  const failed = await sample.step("a failing command", ...up);
  expect(failed.output).toContain('Process exited with status 3: running "echo badness >&2; exit 3":\n    badness');
  sample.wish(h1({ args: { update: "echo updated" } }));
  await sample.step("update text", ...up);
  const settled = { ignoreChanges: ["create", "update", "delete", "stdin"] };
  sample.wish(h1({ mtu: 4000, args: { create: "new release", update: "new release" }, options: settled }));
  await sample.step("ignored changes", "preview");
  sample.wish(h1({ args: { update: "echo updated", triggers: [1] } }));
  await sample.step("replacement", ...up);
  sample.wish({ fault: "RunError" });
  await sample.step("a fault of the program", "preview");
  sample.wish({ ...h1({ mtu: 5000, args: { update: "echo updated", triggers: [1] } }), fault: "ResourceError" });
  await sample.step("a fault of a component", "preview");

  sample.wish({ hosts: [{ name: "h1", mtu: 9000 }] });
  await sample.step("a host fewer", ...up);
  sample.wish();
  await sample.host("h2").down();
  await sample.step("a dead host", ...up);
  await sample.step("refresh", "refresh", "--yes", "--skip-preview");
  await sample.host("h2").up();
  await sample.step("back again", ...up);

  sample.wish({ protect: true });
  await sample.step("protect", ...up);
  await sample.step("destroy what is protected", ...destroy);
  sample.wish();
  await sample.step("unprotect", ...up);
  await sample.step("a target that others need", ...destroy, "--target", urn("h1-stage"));
  await sample.step("a target", ...destroy, "--target", urn("h1-commit"));
  await sample.step("the target again", ...up);
  await sample.host("h2").down();
  await sample.step("destroy with a dead host", ...destroy, "--continue-on-error");
  sample.wish({ hosts: [{ name: "h2", mtu: 9000 }], retain: true });
  await sample.step("destroy but for the dead host", ...destroy, "--run-program");
  await sample.host("h2").up();
  const rm = await sample.run(["stack", "rm", "dev", "--yes"]);
  expect(rm.code).toBe(0);
}
