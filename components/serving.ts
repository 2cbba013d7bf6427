/** The steps of a program that serves models, up to its plan: a stack without deployments loads none of them. */
export { planDeployments } from "../plan/deployments/deployments";
export { deploymentQuestion } from "../plan/deployments/launches";
export { readRecipes } from "./recipes";
