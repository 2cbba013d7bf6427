/** The library: `import { Mesh } from "spark-mesh"`. The flow is parse, gather, plan, then `new Mesh`. */

export type { CableConfig, ClusterConfig, HostConfig, NetworkConfig, SystemConfig } from "../config/cluster";
export { Faults } from "../config/faults";
export { parseClusterConfig } from "../config/load";
export { gatherFacts } from "../facts/gather";
export type { HostFacts, Login, Probe } from "../facts/hostFacts";
export { planDeployments } from "../plan/deployments/deployments";
export { deploymentQuestion } from "../plan/deployments/launches";
export type { DeploymentPlan, DeploymentPlans } from "../plan/deployments/plan";
export type { Difference, HostPlan, Plan } from "../plan/plan";
export { planMesh } from "../plan/planMesh";
export { Cable, type CableArgs } from "./cable";
export { Cx7Port, type Cx7PortArgs } from "./cx7Port";
export { HostSystem, type HostSystemArgs } from "./hostSystem";
export { Mesh, type MeshArgs } from "./mesh";
export { Model, type ModelArgs } from "./model";
export { NetplanFile, type NetplanFileArgs } from "./netplanFile";
export { readRecipes } from "./recipes";
export { Spark, type SparkArgs } from "./spark";
export { SshTrust, type SshTrustArgs } from "./sshTrust";
export { VllmDeployment, type VllmDeploymentArgs } from "./vllmDeployment";
export { VllmImage, type VllmImageArgs } from "./vllmImage";
