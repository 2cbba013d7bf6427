import type { LaunchPlan } from "./launch";
import { inGib } from "./memory";
import type { NeededModel } from "./models";

/** vLLM's own. */
const UTILIZATION = 0.9;

/**
 * What forbids these deployments side by side, host first: more of a GPU's memory than there is, a port wanted twice,
 * weights that don't fit.
 *
 * @param memory of each host, in bytes; a host that can't be asked is left out.
 * @param bytesOf a model, where a host has it whole.
 */
export function judgeLaunches(
  plans: readonly LaunchPlan[],
  memory: ReadonlyMap<string, number>,
  bytesOf: (model: NeededModel) => number | undefined = () => undefined,
): readonly string[] {
  const hosts = [...new Set(plans.flatMap(({ ranks }) => ranks.map(({ host }) => host)))];
  return hosts.flatMap((host) => {
    const here = plans.filter(({ ranks }) => ranks.some((rank) => rank.host === host));
    return [
      ...shareFaults(host, here),
      ...portFaults(host, here),
      ...weightFaults(host, here, memory.get(host), bytesOf),
    ];
  });
}

function utilization({ gpuMemoryUtilization = UTILIZATION }: LaunchPlan): number {
  return gpuMemoryUtilization;
}

function shareFaults(host: string, plans: readonly LaunchPlan[]): readonly string[] {
  const sum = plans.reduce((so, plan) => so + utilization(plan), 0);
  if (plans.length < 2 || sum <= 1) return [];
  const shares = plans.map((plan) => `${plan.name} ${utilization(plan)}`).join(", ");
  return [
    `${host}: its one GPU is wanted by ${shares} (gpu_memory_utilization), together more than 1; lower them, or choose other hosts`,
  ];
}

/** Containers are on the host's network, and a head listens. */
function portFaults(host: string, plans: readonly LaunchPlan[]): readonly string[] {
  const wanted = plans
    .filter(({ ranks }) => ranks[0]?.host === host)
    .flatMap(({ name, endpoint, ports }) => [
      { name, port: endpoint.port, key: "port" },
      ...ports.map((port) => ({ name, port, key: "master_port" })),
    ]);
  return wanted.flatMap(({ name, port, key }, index) => {
    const first = wanted.slice(0, index).find((other) => other.port === port);
    return first && first.name !== name
      ? [`${host}: port ${port} is wanted by ${first.name} and ${name}; override ${key} of one of them`]
      : [];
  });
}

function weightFaults(
  host: string,
  plans: readonly LaunchPlan[],
  memory: number | undefined,
  bytesOf: (model: NeededModel) => number | undefined,
): readonly string[] {
  return plans.flatMap((plan) => {
    const { name, weights, parallel } = plan;
    if (weights === undefined || memory === undefined) return [];
    const share = weights / (parallel.tensor * parallel.pipeline);
    const drafter = drafterShare(plan, bytesOf);
    const room = memory * utilization(plan);
    if (share + (drafter?.bytes ?? 0) <= room) return [];
    const beside = drafter ? `, and ${inGib(drafter.bytes)} of ${drafter.id}` : "";
    return [
      `${host}: a rank of ${name} has ${inGib(share)} of weights${beside}, but ${utilization(plan)} of its memory is ${inGib(room)}; more ranks, or a smaller model`,
    ];
  });
}

/** Bytes of a drafter that is another model than the served one, on a rank that has it; undefined while nobody knows. */
function drafterShare(
  { models }: LaunchPlan,
  bytesOf: (model: NeededModel) => number | undefined,
): { readonly id: string; readonly bytes: number } | undefined {
  const drafter = models.find(({ use }) => use === "drafter");
  const bytes = drafter && bytesOf(drafter);
  if (!drafter || bytes === undefined || drafter.id === models[0]?.id) return undefined;
  return { id: drafter.id, bytes: bytes / (drafter.split ?? 1) };
}
