import * as pulumi from "@pulumi/pulumi";
import { Cluster } from "spark-mesh";

const config = new pulumi.Config();
const names = config.require("sparks").split(",");

/** The Sparks, and what they serve: a name of `npx spark-mesh recipe list`, or a file. */
const cluster = new Cluster("cluster", {
  hosts: names.map((address, index) => ({ name: `spark-${index + 1}`, address: address.trim() })),
  ssh: { user: config.require("user") },
  deployments: [],
});

export const { topology, cables, addresses, ncclEnv, endpoints, readme } = cluster;
