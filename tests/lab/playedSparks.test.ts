import { expect, it } from "vitest";
import { gatherFacts } from "../../facts/gather";
import { type PlayedHosts, playHosts } from "../../lab/bench/playedHosts";
import { answersOf, freshSparks, loginsOf, readAnswers } from "../../lab/bench/playedSparks";
import { planMesh } from "../../plan/planMesh";

// The hosts of the benchmark are worth nothing unless they are taken for what they play.
async function played<T>(count: number, use: (hosts: PlayedHosts) => Promise<T>): Promise<T> {
  const hosts = await playHosts(count);
  try {
    return await use(hosts);
  } finally {
    hosts.close();
  }
}

it("plays hosts that are settled on a switch, over SSH", async () => {
  const plan = await played(3, async ({ cluster }) => {
    const { probes, logins } = await gatherFacts(cluster);
    return planMesh(cluster, probes, logins);
  });
  expect(plan.topology).toBe("switch");
  expect(plan.hosts.map(({ name, state, trust, differences }) => [name, state, trust?.state, differences])).toEqual(
    [1, 2, 3].map((number) => [`spark-${number}`, "settled", "settled", []]),
  );
  expect([plan.warnings, plan.blockers]).toEqual([[], []]);
  expect(plan.cables.map(({ evidence }) => evidence)).toEqual(["recorded", "recorded", "recorded"]);
});

it("plays fresh hosts that are to be discovered", async () => {
  const plan = await played(3, async ({ cluster }) =>
    planMesh(cluster, readAnswers(cluster, answersOf(cluster, freshSparks(3))), loginsOf(cluster)),
  );
  expect(plan.hosts.map(({ state }) => state)).toEqual(["due", "due", "due"]);
  expect(plan.cables.map(({ name, evidence }) => [name, evidence])).toEqual(
    [1, 2, 3].map((number) => [`spark-${number}/0-switch-a`, "discovered"]),
  );
});
