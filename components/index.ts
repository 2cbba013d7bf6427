/** The library: `import { Cluster } from "spark-mesh"`. What else is here are types, of what a cluster is told and has. */

export type {
  CableArguments,
  DeploymentArguments,
  HostArguments,
  NetworkArguments,
  SshArguments,
  SystemArguments,
} from "../config/arguments";
export type { Cable } from "./cable";
export { Cluster, type ClusterArgs, type ClusterNodes } from "./cluster";
export type { Cx7Port } from "./cx7Port";
export type { HostProgram } from "./hostProgram";
export type { HostSystem } from "./hostSystem";
export type { Mesh } from "./mesh";
export type { Model } from "./model";
export type { NetplanFile } from "./netplanFile";
export type { Spark } from "./spark";
export type { SshTrust } from "./sshTrust";
export { VllmDeployment, type VllmDeploymentArgs, type VllmDeploymentNodes } from "./vllmDeployment";
export type { VllmImage } from "./vllmImage";
