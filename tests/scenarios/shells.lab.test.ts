import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Lab } from "../../lab/hosts/lab";
import { Project } from "../../lab/project";
import { inside } from "../inside";
import { scenarioEngines } from "./engines";
import { expectRing, traces } from "./observe";
import { expectQuiet, succeeds } from "./steps";

/** What a file of a login shell prints, the last line of it unfinished. */
const NOISE = "printf 'Welcome to 20250101T000000-00000000\\n'\necho warning >&2\nprintf 'hello '\n";

/** A login shell for each host, and the file that it reads before a command. */
const SHELLS: readonly (readonly [host: string, shell: string, file: string])[] = [
  ["spark-1", "/bin/bash", ".bashrc"],
  ["spark-2", "/usr/bin/zsh", ".zshenv"],
  ["spark-3", "/usr/bin/fish", ".config/fish/config.fish"],
];

describe.each(scenarioEngines())("hosts whose login shells print, on the $kind engine", (engine) => {
  let lab: Lab;
  let project: Project;
  let before: readonly unknown[];

  beforeAll(async () => {
    lab = await Lab.up({ name: "shells", fresh: true, stackFile: false });
    for (const [host, shell, file] of SHELLS) {
      const write = `usermod -s ${shell} nvidia && file=~nvidia/${file} && runuser -u nvidia -- mkdir -p "$(dirname "$file")" && cat >"$file" && chown nvidia: "$file"`;
      await inside(lab, host, write, { stdin: NOISE });
    }
    before = await tracesOf();
    project = await Project.create(engine, lab);
  });

  afterAll(async () => {
    project?.remove();
    await Lab.down("shells");
  });

  const tracesOf = () => Promise.all(SHELLS.map(([host]) => traces(lab, host)));

  it("are made a ring by up, are settled then, and leave nothing at destroy", async () => {
    await succeeds(project.up());
    await expectRing(lab);
    await expectQuiet(project);
    await succeeds(project.destroy());
    expect(await tracesOf()).toEqual(before);
  });
});
