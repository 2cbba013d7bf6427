import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

let folder: string;

/** A container's file system in small: its /workspace, the mount with the script and its mods, a home and a `ray`. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spark-mesh-start-"));
  for (const name of ["mount/mods", "bin", "home", "workspace/server"])
    mkdirSync(join(folder, name), { recursive: true });
  const text = readFileSync(join(__dirname, "..", "..", "scripts", "start.sh"), "utf8");
  writeFileSync(join(folder, "mount/start.sh"), text.replaceAll("/workspace", join(folder, "workspace")));
  writeFileSync(join(folder, "bin/ray"), '#!/bin/sh\necho "ray $*"\n');
  chmodSync(join(folder, "bin/ray"), 0o755);
});

afterEach(() => rmSync(folder, { recursive: true }));

function mod(name: string, script: string): void {
  mkdirSync(join(folder, "mount/mods", name));
  writeFileSync(join(folder, "mount/mods", name, "run.sh"), `#!/bin/sh\n${script}\n`);
}

function start(...words: string[]) {
  const { stdout, stderr, status } = spawnSync("bash", [join(folder, "mount/start.sh"), ...words], {
    cwd: join(folder, "workspace/server"),
    env: { PATH: `${join(folder, "bin")}:${process.env.PATH}`, HOME: join(folder, "home") },
    encoding: "utf8",
  });
  return { stdout, stderr, status };
}

it("applies mods in their order, once in a container's life, and becomes the server", () => {
  mod("b", 'echo "b in $(basename "$PWD") for $(basename "$WORKSPACE_DIR")"');
  mod("a", "echo a");
  const words = ["--mod", "b", "--mod", "a", "--", "printf", "%s\n", "serve x", "$HOME"];
  expect(start(...words)).toMatchObject({ stdout: "b in b for server\na\nserve x\n$HOME\n", status: 0 });
  expect(start(...words).stdout).toBe("serve x\n$HOME\n");
});

it("never goes on after a mod that failed", () => {
  mod("bad", "exit 4");
  const words = ["--mod", "bad", "--", "echo", "served"];
  expect(start(...words)).toMatchObject({ stdout: "", status: 4 });
  expect(start(...words)).toMatchObject({
    stdout: "",
    stderr: "spark-mesh: mod bad failed in this container; it needs a new one\n",
    status: 1,
  });
});

it("starts Ray before the server, and keeps what is this rank's own from the others", () => {
  const words = [
    "--own",
    "NCCL_IB_HCA",
    "--own",
    "VLLM_HOST_IP",
    "--",
    "ray",
    "start",
    "--head",
    "--",
    "echo",
    "served",
  ];
  expect(start(...words)).toMatchObject({ stdout: "ray start --head\nserved\n", status: 0 });
  const kept = readFileSync(join(folder, "home/.config/vllm/ray_non_carry_over_env_vars.json"), "utf8");
  expect(JSON.parse(kept)).toEqual(["NCCL_IB_HCA", "VLLM_HOST_IP"]);
  expect(start("--", "echo", "served").stdout).toBe("served\n");
  expect(existsSync(join(folder, "workspace/mods"))).toBe(false);
});
