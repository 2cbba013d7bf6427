import { describe, expect, it } from "vitest";
import { article, deployed, fresh, planOf, plansOf, recipeOf } from "./deployed";

describe("the article's recipe on a ring of three", () => {
  const before = fresh(article(), [{ overrides: {} }]);

  it("is all to be done on a first visit, which is no drift", () => {
    const plan = planOf(before);
    expect(plan).toMatchObject({ state: "due", differences: [], url: "http://10.0.0.11:8000/v1" });
    expect(plan.note).toMatch(/^image, model, ranks=[0-9a-f]{12}$/);
    expect(plan.image).toMatchObject({
      reference: "ghcr.io/spark-arena/dgx-vllm-eugr-nightly-tf5:latest",
      minimumNccl: "2.30.7",
      head: "spark-1",
      targets: ["spark-2", "spark-3"],
      state: "due",
      differences: [],
    });
    expect(plan.models[0]).toMatchObject({ id: "Intel/Qwen3.5-397B-A17B-int4-AutoRound", state: "due" });
    expect(plan.ranks.map(({ launch }) => launch.argv.includes("--headless"))).toEqual([false, true, true]);
  });

  it("is settled once it runs and answers", () => {
    const { deployments, warnings, blockers } = plansOf(deployed(before));
    expect(deployments).toMatchObject([
      { state: "settled", note: "", differences: [], image: { state: "settled" }, models: [{ state: "settled" }] },
    ]);
    expect([warnings, blockers]).toEqual([[], []]);
  });
});

it("takes the first hosts that aren't abandoned, as many as the recipe needs", () => {
  const given = fresh(recipeOf(1), [{}], { config: { abandon: ["spark-1"] } });
  expect(planOf(given).ranks.map(({ launch }) => launch.host)).toEqual(["spark-2"]);
});
