import { documentText, type Owner } from "./document";
import type { SystemPlan } from "./plan";

/** What later runs do as root, each `bash -s OPERATION`: what the sudoers file allows, word for word. */
export const ROOT_OPERATIONS = [
  "facts",
  "stage",
  "commit",
  "undo",
  "release",
  "system",
  "unsystem",
  "deploy",
  "undeploy",
] as const;

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
 * What `system` and `unsystem` read on one host: a line for each fact and for each thing that is declared.
 *
 * @throws Faults where a value would break out of its line.
 */
export function renderSystemDocument(host: string, { wish, user, digest }: SystemPlan, owner: Owner): string {
  return documentText(host, `the system of ${host}`, owner, (check) => [
    `digest ${check("hex", "digest", digest)}`,
    ...(user === undefined ? [] : [`user ${check("user", "login user", user)}`]),
    ...(wish.dockerGroup ? ["dockerGroup"] : []),
    ...(wish.sudoers ? [`sudoers ${ROOT_OPERATIONS.join(" ")}`] : []),
    ...(wish.removeIpc ? [] : ["removeIpc no"]),
    ...(wish.earlyoom ? [`earlyoom ${EARLYOOM_ARGUMENTS}`] : []),
  ]);
}
