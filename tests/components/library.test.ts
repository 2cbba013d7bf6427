import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const checkout = join(__dirname, "..", "..");

const PROGRAM = `import { Faults, gatherFacts, Mesh, type MeshArgs, parseClusterConfig, planMesh } from "spark-mesh";

export async function program(config: Record<string, string>): Promise<Mesh> {
  const cluster = parseClusterConfig(config, "/home/me", []);
  const { probes, logins } = await gatherFacts(cluster);
  const args: MeshArgs = { cluster, plan: planMesh(cluster, probes, logins), logins };
  return new Mesh("mine", args);
}
console.log(typeof Mesh, Faults.name);
`;

describe("the package", () => {
  let app: string;

  beforeAll(() => {
    app = mkdtempSync(join(tmpdir(), "spark-mesh-library-"));
    execFileSync("npm", ["pack", "--silent", "--pack-destination", app], { cwd: checkout });
    const [archive = ""] = readdirSync(app);
    // What a person's own project has: the package, and beside it what the package depends on.
    mkdirSync(join(app, "node_modules"));
    for (const dependency of readdirSync(join(checkout, "node_modules")).filter((name) => !name.startsWith("."))) {
      symlinkSync(join(checkout, "node_modules", dependency), join(app, "node_modules", dependency));
    }
    mkdirSync(join(app, "node_modules", "spark-mesh"));
    execFileSync("tar", [
      "xzf",
      join(app, archive),
      "-C",
      join(app, "node_modules", "spark-mesh"),
      "--strip-components=1",
    ]);
    writeFileSync(join(app, "package.json"), "{}");
    writeFileSync(join(app, "index.ts"), PROGRAM);
  }, 120_000);

  afterAll(() => {
    rmSync(app, { recursive: true, force: true });
  });

  it("has types for a strict program, and runs", () => {
    const tsc = join(checkout, "node_modules", ".bin", "tsc");
    const options = [
      "--strict",
      "--skipLibCheck",
      "--target",
      "es2022",
      "--module",
      "nodenext",
      "--types",
      "node",
      "index.ts",
    ];
    expect(execFileSync(tsc, options, { cwd: app, encoding: "utf8" })).toBe("");
    expect(execFileSync(process.execPath, ["index.js"], { cwd: app, encoding: "utf8" })).toBe("function Faults\n");
  });

  it("brings the scripts that run on a Spark, and nothing of the lab", () => {
    const dist = join(app, "node_modules", "spark-mesh", "dist");
    expect(readdirSync(join(dist, "scripts"))).toContain("stage.sh");
    expect(readdirSync(dist).sort()).toEqual(["components", "config", "facts", "host", "plan", "scripts"]);
  });
});
