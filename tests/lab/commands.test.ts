import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installedCli, labEngine } from "../../lab/cli";
import { FLAGS, wordsOf } from "../../lab/commands";
import { Sample } from "./engine/run";

/**
 * Every verb and flag that anything here gives an engine, on each engine that this machine has: none is refused, and
 * what one prints for programs to read is what the other prints.
 */
describe.each([installedCli() ?? [], labEngine()].flat())("the $kind engine", { timeout: 300_000 }, (engine) => {
  const sample = new Sample(engine);
  const plan = join(sample.folder, "some.plan");
  const tried = new Set<string>();

  beforeAll(() => sample.start());
  afterAll(() => sample.stop());

  /** Runs a command line with the flags given, which have to be among those of its verb, and expects it to end well. */
  async function takes<V extends keyof typeof FLAGS>(verb: V, flags: readonly string[], operand?: string) {
    for (const flag of flags) {
      const known: readonly string[] = FLAGS[verb];
      expect(known).toContain(flag.replace(/=.*/, "="));
      tried.add(`${verb} ${flag.replace(/=.*/, "=")}`);
    }
    tried.add(verb);
    const words = wordsOf<typeof verb>(verb, { ...(operand !== undefined && { operand }) });
    const { code, output } = await sample.run([...words, ...flags], verb === "config set" ? "another-secret\n" : "");
    expect(code, `${words.join(" ")} ${flags.join(" ")}: ${output}`).toBe(0);
    return output;
  }

  it("takes every command line", async () => {
    sample.wish();
    await takes("config set", ["--secret", "--path"], "sample:other");
    await takes("preview", ["--diff", `--save-plan=${plan}`]);
    expect(readFileSync(plan, "utf8").length).toBeGreaterThan(0);
    await takes("up", ["--yes", "--skip-preview", "--diff", `--plan=${plan}`]);
    await takes("preview", ["--expect-no-changes"]);
    await takes("up", ["--yes", "--expect-no-changes"]);
    const json = (output: string) => JSON.parse(output.replace(/^lab engine: .*\n/, ""));
    expect(json(await takes("stack output", ["--json"], "names"))).toEqual(["h1", "h2"]);
    expect(json(await takes("stack output", ["--json"], "password"))).toBe("[secret]");
    expect(json(await takes("stack export", []))).toBeTruthy();
    await takes("refresh", ["--yes", "--skip-preview"]);
    await takes("cancel", ["--yes"]);
    await takes("destroy", ["--yes", "--skip-preview", "--diff", "--run-program", "--continue-on-error"]);
    await takes("stack init", [], "another");
    rmSync(join(sample.folder, "Pulumi.another.yaml"), { force: true });
  });

  it("was given every one of the table", () => {
    const verbs = Object.entries(FLAGS);
    const all = verbs.flatMap(([verb, flags]) => [verb, ...flags.map((flag) => `${verb} ${flag}`)]);
    expect([...tried].sort()).toEqual(all.sort());
  });
});
