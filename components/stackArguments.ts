import { homedir } from "node:os";
import { allConfig } from "@pulumi/pulumi/runtime/config";
import * as load from "../config/load";
import type { ClusterArgs } from "./cluster";
import { failureOf } from "./failure";

/**
 * The stack's config as the arguments of its cluster.
 *
 * @throws RunError with everything that is wrong with it, which ends the program without a stack.
 */
export function stackArguments(): ClusterArgs {
  const secretKeys: string[] = JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS ?? "[]");
  try {
    return load.stackArguments(allConfig(), homedir(), secretKeys);
  } catch (error) {
    throw failureOf(error);
  }
}
