import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { candidates } from "../../cli/completion";
import { createProgram } from "../../cli/program";
import { program, sparkMesh, sparkMeshHere } from "./command";

const before = process.cwd();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "spark-mesh-program-"));
  for (const stack of ["home", "away", "example"]) writeFileSync(join(folder, `Pulumi.${stack}.yaml`), "");
  // Whoever made this name is not to be obeyed.
  writeFileSync(join(folder, "Pulumi.$(touch obeyed).yaml"), "");
  process.chdir(folder);
});

afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

function leaves(command: CommandUnknownOpts, path: readonly string[] = []): readonly (readonly string[])[] {
  const below = command.createHelp().visibleCommands(command);
  return below.length === 0 ? [path] : below.flatMap((one) => leaves(one, [...path, one.name()]));
}

describe("every command", () => {
  it.each(leaves(createProgram()).map((path) => [path.join(" ")]))(
    "%s says how it is used and how it ends",
    async (path) => {
      const { status, stdout, stderr } = await sparkMeshHere([...path.split(" "), "--help"]);
      expect([status, stderr]).toEqual([0, ""]);
      expect(stdout).toContain(`Usage: spark-mesh ${path} `);
      expect(stdout).toMatch(/Exit status: 0 .* 1 .* 2 /);
      if (!/^(completion|recipe schema)/.test(path)) expect(stdout).toMatch(/--json +one JSON document/);
    },
  );

  it("has a version, and is nothing without a word", () => {
    expect(sparkMesh(["--version"])).toEqual({ status: 0, stdout: "0.1.0\n", stderr: "" });
    const alone = sparkMesh([]);
    expect([alone.status, alone.stdout]).toEqual([2, ""]);
    expect(alone.stderr).toContain("discover");
  });
});

describe("a mistake in the command line ends with 2 and says what is wrong", () => {
  it.each([
    ["discovr", "discover"],
    ["discover", "--stack or --from"],
    ["discover spark-1 --from .env", "hosts and --from"],
    ["discover spark-1 --write", "--write needs --stack"],
    ["discover --stack home --to ansible", "'ansible' is invalid"],
    ["discover spark-1 --to env", "--to needs --stack NAME alone"],
    ["discover --stack home --to env --json", "cannot be used with option '--json'"],
    ["discover --stack", "--stack <NAME>"],
    ["discover --identiy key spark-1", "--identity"],
    ["discover --stack ../home", "wanted a stack's name"],
    ["discover --stack nowhere", "found no"],
    ["trust", "name them, or give --stack"],
    ["trust --rotate --stack home", "found no hosts; name them"],
    ["trust --rotate --replace spark-1", "cannot be used with option '--rotate'"],
    ["trust --stack home --identity key", "cannot be used with option '--identity <FILE>'"],
    ["trust --force spark-1", "`spark-mesh trust --help`"],
    ["recipe", "recipe COMMAND"],
    ["recipe run x", "unknown command 'run'"],
    ["recipe show", "missing required argument"],
    ["recipe show x y", "too many arguments"],
    ["recipe schema x", "too many arguments"],
    ["recipe show x --hosts 0", "'0' is invalid. Allowed: a whole number from 1 to 64"],
    ["recipe show x --topology star", "direct, ring, switch"],
    ["recipe show x --set port", "'port' is invalid. Allowed: KEY=VALUE"],
    ["recipe show --nonsense", "`spark-mesh recipe show --help`"],
    ["init", "missing required argument 'HOST'"],
    ["doctor spark-1 --stack home", "hosts and --stack"],
    ["completion tcsh", "bash, zsh, fish"],
  ])("%s", async (words, why) => {
    const { status, stdout, stderr } = await sparkMeshHere(words.split(" "));
    expect(status, stderr).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(why);
    expect(stderr).not.toContain("    at ");
  });
});

describe("completion", () => {
  it.each([
    ["", ["init", "discover", "trust", "recipe", "doctor", "completion"]],
    ["dis", ["discover"]],
    ["discover --st", ["--stack"]],
    ["discover --to ", ["sparkrun", "env"]],
    ["discover --to e", ["env"]],
    ["discover --json --to s", ["sparkrun"]],
    ["discover --identity ", []],
    ["recipe ", ["list", "search", "show", "pin", "schema"]],
    ["recipe show qwen3-c", ["qwen3-coder-next-fp8-2x-vllm"]],
    ["recipe show x --topology r", ["ring"]],
    ["completion ", ["bash", "zsh", "fish"]],
  ])("of %j", (typed, words) => {
    expect(candidates(createProgram(), typed.split(" "))).toEqual(words);
  });

  it("is what bash does, with the stacks of the folder, none of which is code", () => {
    const script = sparkMesh(["completion", "bash"]).stdout;
    const typed = (...words: string[]) => {
      const line = `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _spark_mesh; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const options = { cwd: folder, encoding: "utf8" } as const;
      return spawnSync("bash", ["-c", line, "bash", program, ...words], options)
        .stdout.split("\n")
        .filter(Boolean);
    };
    expect(typed("doctor", "--stack", "")).toEqual(["away", "home"]);
    expect(typed("discover", "--stack", "home", "--wr")).toEqual(["--write"]);
    expect(spawnSync("ls", [folder], { encoding: "utf8" }).stdout).not.toMatch(/^obeyed/m);
  });
});
