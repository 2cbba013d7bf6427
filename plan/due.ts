import type { HostPlan } from "./plan";

/** Whether something is to be done on a host with root's rights. */
export function isRootDue({ state, system, program }: HostPlan): boolean {
  return state === "due" || system?.state === "due" || program?.state === "due";
}

/** Whether anything of the mesh is to be done on a host, so that every host has to verify. Its system is nobody else's. */
export function isDue({ state, trust }: HostPlan): boolean {
  return state === "due" || trust?.state === "due";
}
