import { Cluster } from "./components/cluster";
import { stackArguments } from "./components/stackArguments";

/** One stack is one cluster: its config in, the cluster, its outputs. */
const cluster = new Cluster("cluster", stackArguments());

export const { topology, cables, addresses, ncclEnv, endpoints, readme } = cluster;
