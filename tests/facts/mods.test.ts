import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { readMod } from "../../facts/mods";

const folder = mkdtempSync(join(tmpdir(), "facts-mods-"));
afterAll(() => rmSync(folder, { recursive: true }));

function mod(name: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, "mods", name, path, ".."), { recursive: true });
    writeFileSync(join(folder, "mods", name, path), text);
  }
  return `mods/${name}`;
}
const base64 = (text: string) => Buffer.from(text, "latin1").toString("base64");

it("reads files as data, by path, with whether they can be run", () => {
  const reference = mod("fix-a", { "run.sh": "#!/bin/sh\n", "patches/b.diff": "+b\n", empty: "", ".git/HEAD": "ref" });
  writeFileSync(join(folder, reference, "weights.bin"), Buffer.from([0, 255, 10]));
  chmodSync(join(folder, reference, "run.sh"), 0o755);
  expect(readMod(folder, reference)).toEqual([
    { path: "empty", mode: "644", base64: "" },
    { path: "patches/b.diff", mode: "644", base64: base64("+b\n") },
    { path: "run.sh", mode: "755", base64: base64("#!/bin/sh\n") },
    { path: "weights.bin", mode: "644", base64: base64("\x00\xff\n") },
  ]);
  expect(readMod(folder, `${reference}/`)).toHaveLength(4);
});

it("refuses what can't travel, or isn't there", () => {
  const linked = mod("linked", { "run.sh": "" });
  symlinkSync("/etc/passwd", join(folder, linked, "passwd"));
  const big = mod("big", { "run.sh": "", blob: "x".repeat((4 << 20) + 1) });
  expect(() => readMod(folder, linked)).toThrow(/mods\/linked\/passwd: is no plain file/);
  expect(() => readMod(folder, big)).toThrow("mods/big: has 5 MiB; allowed: 4 MiB");
  expect(() => readMod(folder, mod("still", { readme: "" }))).toThrow("mods/still: has no run.sh");
  expect(() => readMod(folder, mod("odd", { "run.sh": "", "a b": "" }))).toThrow(/mods\/odd\/a b: allowed in its name/);
  expect(() => readMod(folder, "mods/none")).toThrow(
    "mods/none: no such folder beside the recipe, and none in recipes/; say where it is under the deployment's mods",
  );
  expect(() => readMod(folder, "@eugr/mods/fix-a")).toThrow(
    "@eugr/mods/fix-a: mods from a registry are not supported yet",
  );
});
