import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { vi } from "vitest";
import { main } from "../../cli/main";

export const program = join(__dirname, "../../bin/spark-mesh.cjs");

/** What a command came to. */
export interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `spark-mesh` as a person does, without a terminal. */
export function sparkMesh(
  words: readonly string[],
  { cwd = join(__dirname, "../.."), env = process.env }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Said {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...words], { cwd, env, encoding: "utf8" });
  return { status, stdout, stderr };
}

/** Runs `spark-mesh` in this process and folder: a second less for each. */
export async function sparkMeshHere(words: readonly string[]): Promise<Said> {
  const said = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((stream) =>
    vi.spyOn(process[stream], "write").mockImplementation((text) => {
      said[stream] += text;
      return true;
    }),
  );
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    await main(words);
    return { status: Number(process.exitCode), ...said };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}
