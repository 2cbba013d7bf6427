import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { faultsOf, launch } from "./recipes";

const folder = join(__dirname, "bad");
const files = readdirSync(folder);

describe("bad recipes, each with the one fault that its first line says", () => {
  it("are many", () => expect(files.length).toBeGreaterThan(40));

  it.each(files)("%s", (file) => {
    const text = readFileSync(join(folder, file), "utf8");
    const [, fault] = /^# (.*)\n/.exec(text) ?? [];
    expect(faultsOf(() => launch(text))).toEqual([`test.yaml:${fault}`]);
  });
});
