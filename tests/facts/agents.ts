import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";

/** An ssh-agent of a test's own. */
export interface Agent {
  readonly socket: string;
  add(key: string): void;
  end(): void;
}

/** Starts an ssh-agent with its socket in `folder`. */
export function startAgent(folder: string): Agent {
  const socket = join(mkdtempSync(join(folder, "agent-")), "socket");
  const said = execFileSync("ssh-agent", ["-a", socket], { encoding: "utf8" });
  const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]);
  return {
    socket,
    add: (key) => {
      execFileSync("ssh-add", ["-q", key], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: "ignore" });
    },
    end: () => process.kill(pid),
  };
}
