import type { Owner } from "./document";
import type { SystemPlan } from "./plan";
import type { SystemSpec } from "./spec/system";

/** What later runs have the host program do as root: what the sudoers file allows, by the program's path and digest. */
export const SUDO_OPERATIONS = ["system", "unsystem", "leave"] as const;

/** What later runs have bash do as root, each `bash -s OPERATION`: what the sudoers file allows besides, word for word. */
export const SUDO_SCRIPTS = ["facts", "install", "stage", "commit", "undo", "release", "deploy", "undeploy"] as const;

/**
 * What earlyoom is run with. A kernel shows 15 characters of a process's name: `VLLM::EngineCor`, `VLLM::Worker_PP`,
 * `ray::RayWorkerW`. Its default would be 10 % of memory and of swap, both: of a Spark's memory a healthy engine takes up
 * to 0.9, and what a GPU holds is never swapped out, so that free swap says nothing. 100 on both sides of the comma: with
 * one, it would not send SIGKILL above half of the swap.
 */
export const EARLYOOM_ARGUMENTS = [
  "-m 4,2 -s 100,100 -r 3600",
  "--prefer ^(vllm|VLLM::|ray::)",
  "--avoid ^(sshd|systemd|dockerd|containerd|dbus-daemon|NetworkManager)",
].join(" ");

/**
 * What `system` and `unsystem` read on one host, one line.
 *
 * @param program digest of the host program that is to read it.
 */
export function renderSystemSpec(host: string, plan: SystemPlan, owner: Owner, program: string): string {
  const { wish, user = "", digest } = plan;
  const spec: SystemSpec = {
    host,
    ...owner,
    program,
    digest,
    user,
    docker_group: wish.dockerGroup,
    sudo_operations: wish.sudoers ? [...SUDO_OPERATIONS] : [],
    sudo_scripts: wish.sudoers ? [...SUDO_SCRIPTS] : [],
    remove_ipc: wish.removeIpc,
    earlyoom: wish.earlyoom ? EARLYOOM_ARGUMENTS : null,
  };
  return JSON.stringify(spec);
}
