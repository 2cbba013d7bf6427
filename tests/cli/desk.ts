import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findEngine } from "../../lab/cli";
import type { Lab } from "../../lab/hosts/lab";
import { checkout, Project } from "../../lab/project";

export interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: string;
}

/** Where a person sits: a checkout, with a home of its own, on Sparks that are there. */
export class Desk {
  private constructor(
    readonly project: Project,
    readonly env: NodeJS.ProcessEnv,
  ) {}

  /** A checkout, and an OpenSSH whose configuration and known_hosts know the lab. */
  static async at(lab: Lab, stack: string): Promise<Desk> {
    const project = await Project.create(findEngine(), lab, { stack });
    for (const part of ["bin", "cli", "interchange"]) {
      cpSync(join(checkout, part), join(project.dir, part), { recursive: true });
    }
    const bin = join(project.dir, "ssh");
    mkdirSync(bin);
    const known = lab.hosts.map(({ name, address, hostKey }) => `${name},${address} ${hostKey}\n`);
    writeFileSync(join(bin, "known_hosts"), known.join(""));
    const config = readFileSync(lab.sshConfig, "utf8");
    writeFileSync(
      join(bin, "config"),
      config.replace(/UserKnownHostsFile .*/, `UserKnownHostsFile ${join(bin, "known_hosts")}`),
    );
    writeFileSync(join(bin, "ssh"), `#!/bin/sh\nexec /usr/bin/ssh -F ${join(bin, "config")} "$@"\n`, { mode: 0o755 });
    const { SSH_AUTH_SOCK: _, ...env } = process.env;
    Object.assign(project.env, { PATH: `${bin}:${env.PATH}` });
    return new Desk(project, { ...env, PATH: `${bin}:${env.PATH}` });
  }

  path(name: string): string {
    return join(this.project.dir, name);
  }

  discover(args: readonly string[], options?: RunOptions): Promise<Said> {
    return this.run("discover", args, options);
  }

  run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Said> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [join(this.project.dir, "bin/spark-mesh.cjs"), command, ...args], {
        cwd: this.project.dir,
        env: { ...this.env, ...options.env },
      });
      const said = { stdout: "", stderr: "" };
      child.stdout.on("data", (chunk: Buffer) => {
        said.stdout += chunk.toString();
      });
      child.stderr.on("data", (chunk: Buffer) => {
        said.stderr += chunk.toString();
      });
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, ...said }));
      child.stdin.end(options.stdin ?? "");
    });
  }
}
