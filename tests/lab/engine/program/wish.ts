import type * as pulumi from "@pulumi/pulumi";

/** What one run of the sample program wishes for; the tests write it to the file that SAMPLE_WISH names. */
export interface Wish {
  connection: { host: string; port: number; hostKey: string; privateKey?: string; perDialTimeout?: number };
  /** Replaces the connection of one host. */
  connections?: Record<string, Wish["connection"]>;
  hosts: { name: string; mtu: number; options?: pulumi.CustomResourceOptions; args?: Record<string, unknown> }[];
  warn?: string;
  fault?: "RunError" | "ResourceError";
  protect?: boolean;
  retain?: boolean;
}
