import type * as pulumi from "@pulumi/pulumi";

/** What one run of the sample program wishes for; the tests write it to the file that SAMPLE_WISH names. */
export interface Wish {
  /** Of hosts that have none of their own. */
  connection: { host: string; port: number; hostKey: string; privateKey?: string; perDialTimeout?: number };
  connections?: Record<string, Wish["connection"]>;
  hosts: { name: string; mtu: number; options?: pulumi.CustomResourceOptions; args?: Record<string, unknown> }[];
  warn?: string;
  fault?: "RunError" | "ResourceError";
  retain?: boolean;
}
