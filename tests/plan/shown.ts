import { expect } from "vitest";
import type { ClusterConfig, PortNumber } from "../../config/cluster";
import type { Probe } from "../../facts/hostFacts";
import type { Plan } from "../../plan/plan";
import { planMesh } from "../../plan/planMesh";
import { settledProbes, silenced } from "./hosts";

/** What a test asks of a plan. */

export const cableNames = (plan: Plan) => plan.cables.map(({ name }) => name);

export const evidence = (plan: Plan) => plan.cables.map(({ name, evidence }) => [name, evidence]);

/** By cable: the third octets of its two subnets, `177,178`. */
export const octets = (plan: Plan) =>
  plan.cables.map(({ subnets }) => subnets.map((subnet) => subnet.split(".")[2]).join());

export const states = (plan: Plan) => plan.hosts.map(({ state }) => state);

export const hostIn = (plan: Plan, name: string) => {
  const found = plan.hosts.find((host) => host.name === name);
  if (!found) throw new Error(`${name} is not planned`);
  return found;
};

/** The CIDRs of a host, by port and twin. */
export const addressesOf = (plan: Plan, name: string) => hostIn(plan, name).netdevs.map(({ address }) => address);

/** What a commit of the first plan leaves, heard or in silence, is the same mesh with nothing to do. */
export function expectQuiet(config: ClusterConfig, first: Plan, probes: Map<string, Probe>): void {
  const settled = settledProbes(first, probes);
  for (const again of [planMesh(config, settled), planMesh(config, silenced(settled))]) {
    expect(again.mesh).toEqual(first.mesh);
    expect(states(again)).toEqual(first.hosts.map(() => "settled"));
    expect([...again.warnings, ...again.blockers]).toEqual(first.warnings);
  }
}

/** A switch for each port. */
export const twoSwitches = (port: PortNumber) => (port === 0 ? "switch-a" : "switch-b");
