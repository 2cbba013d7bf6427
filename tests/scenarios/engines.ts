import { type Engine, findEngine, labEngine } from "../../lab/cli";

/**
 * The engines that the scenarios run on: the real CLI where there is one, and the lab engine. `SPARK_MESH_ENGINE`
 * chooses one of them.
 */
export function scenarioEngines(): Engine[] {
  const found = findEngine();
  const wanted = process.env.SPARK_MESH_ENGINE;
  return [found, ...(found.kind === "lab" ? [] : [labEngine()])].filter(
    ({ kind }) => wanted === undefined || kind === wanted,
  );
}
