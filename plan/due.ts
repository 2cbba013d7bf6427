import type { HostPlan } from "./plan";

/** Whether something is to be done on a host with root's rights. */
export function isRootDue(host: HostPlan): boolean {
  return isStageDue(host) || host.system?.state === "due" || host.program?.state === "due";
}

/** Whether something is to be staged on a host, and so committed: what its record holds is what it was sent last. */
export function isStageDue({ state, trust }: HostPlan): boolean {
  return state === "due" || trust?.keyDue === true;
}

/** Whether anything of the mesh is to be done on a host, so that every host has to verify. Its system is nobody else's. */
export function isDue({ state, trust }: HostPlan): boolean {
  return state === "due" || trust?.state === "due";
}
