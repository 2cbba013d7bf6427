import { expect, it } from "vitest";
import { renderModelDocument } from "../../../plan/deployments/documents";
import { deploymentQuestion } from "../../../plan/deployments/launches";
import type { ModelPlan } from "../../../plan/deployments/plan";
import { type Case, changeDocker, DRAFTER, deployed, drafted, faultsOf, fresh, planOf, recipeOf } from "./deployed";

const GIB = 2 ** 30;
const MODEL = "Qwen/Qwen3-8B";
const ring = fresh(drafted(3));
const running = deployed(ring);

/** A host that lost one of its models. */
const without = (given: Case, host: string, lost: string, change = {}) =>
  changeDocker(given, host, (docker) => ({
    ...docker,
    models: docker.models.filter(({ id }) => id !== lost),
    ...change,
  }));
const statesOf = (given: Case) => planOf(given).models.map(({ id, state }) => [id, state]);

it("plans every model that a server needs, the served one first", () => {
  expect(statesOf(ring)).toEqual([
    [MODEL, "due"],
    [DRAFTER, "due"],
  ]);
  expect(planOf(ring).note).toMatch(/^image, model, drafter, ranks=[0-9a-f]{12}$/);
  expect(planOf(running)).toMatchObject({ state: "settled", models: [{ state: "settled" }, { state: "settled" }] });
});

it("asks the hosts for all of them", () => {
  const { cluster, recipes } = fresh(drafted(1, `{"model":"${DRAFTER}","revision":"v2"}`));
  expect(deploymentQuestion(cluster, recipes)("spark-1")?.models).toEqual([
    { id: MODEL },
    { id: DRAFTER, revision: "v2" },
  ]);
});

it("says which one a host lost, fetches that alone, and starts the ranks anew", () => {
  const lost = without(running, "spark-2", DRAFTER);
  expect(statesOf(lost)).toEqual([
    [MODEL, "settled"],
    [DRAFTER, "due"],
  ]);
  const plan = planOf(lost);
  expect(plan.models[1]?.differences).toMatchObject([{ host: "spark-2", object: DRAFTER, found: "missing" }]);
  expect(plan.state).toBe("due");
  expect(plan.note).toMatch(/^drafter, ranks=/);
});

it("tells the head of each of them, in a spec of its own", () => {
  const plan = planOf(fresh(drafted(3, `{"model":"${DRAFTER}","revision":"v2"}`)));
  const owner = { stack: "organization/spark-mesh/home", operator: "me" };
  const lines = renderModelDocument(plan, plan.models[1] as ModelPlan, owner, "hf_x").split("\n");
  expect(lines).toEqual(
    expect.arrayContaining([`model ${DRAFTER}`, "revision v2", "target spark-2", "target spark-3"]),
  );
  expect(lines.some((line) => line.startsWith("token "))).toBe(true);
});

it("wants room on a disk for all of them together", () => {
  const bare = without(without(running, "spark-2", MODEL), "spark-2", DRAFTER, { homeFree: 300 * GIB });
  expect(faultsOf(bare)).toEqual([
    `spark-2: disk: found 300 GiB free in /home/nvidia, wanted 400 GiB for ${MODEL}, ${DRAFTER}; make room there`,
  ]);
  const one = without(running, "spark-2", DRAFTER, { homeFree: 300 * GIB });
  expect(planOf(one).state).toBe("due");
});

it("counts a drafter in a host's memory once some host has it", () => {
  const heavy = (given: Case) => changeDocker(given, "spark-1", (docker) => ({ ...docker, memory: 200 * GIB }));
  const given = fresh(`metadata: { model_vram: 100 }\n${drafted(1)}`);
  expect(planOf(heavy(given)).state).toBe("due");
  expect(faultsOf(heavy(deployed(given)))).toEqual([
    `spark-1: a rank of qwen has 100 GiB of weights, and 200 GiB of ${DRAFTER}, but 0.9 of its memory is 180 GiB; more ranks, or a smaller model`,
  ]);
});

it("says of each what is on no host, and what can't be copied", () => {
  const folder = fresh(drafted(1, '{"model":"/models/drafter"}'));
  expect(faultsOf(folder)).toEqual([
    "spark-1: drafter /models/drafter: found no file there, wanted the drafter of qwen; put the folder there",
  ]);
  const lost = without(running, "spark-2", DRAFTER);
  expect(faultsOf({ ...lost, cluster: { ...lost.cluster, trust: false } })).toEqual([
    `spark-1: drafter ${DRAFTER}: has to be copied between qwen's hosts, and spark-mesh:trust is false; set it to true, or put it on every host`,
  ]);
});

it("refuses at preview what an offline server would fail for, with the deployment's name", () => {
  expect(faultsOf(fresh(drafted(1, '{"method":"eagle3"}')))).toEqual([
    expect.stringMatching(/^qwen: test\.yaml:5:\d+: --speculative-config: found the method eagle3 and no model/),
  ]);
  expect(planOf(fresh(recipeOf(1))).models).toHaveLength(1);
});
