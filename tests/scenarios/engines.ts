import { type Engine, findEngine, labEngine } from "../../lab/cli";

/**
 * The engine that the scenarios run on: the real CLI where there is one, else the lab engine. `SPARK_MESH_ENGINE=lab`
 * or `cli` forces one, so that the whole suite can be run on either.
 */
export function scenarioEngines(): Engine[] {
  return [findEngine()];
}

/** For the scenarios that hold the lab engine to the real CLI in every run: both, where both are there. */
export function everyEngine(): Engine[] {
  const found = findEngine();
  const forced = process.env.SPARK_MESH_ENGINE !== undefined;
  return found.kind === "lab" || forced ? [found] : [found, labEngine()];
}
