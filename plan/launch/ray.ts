import { FLAGS, withFlag, withoutFlags } from "./flags";
import type { Launch, Meeting } from "./meeting";
import { meetByThemselves } from "./native";

/** Ray's own. */
const RAY_PORT = 6379;

const RANK_FLAGS = [FLAGS.nnodes, FLAGS.nodeRank, FLAGS.masterAddr, FLAGS.masterPort, FLAGS.headless];

/**
 * A Ray cluster of all ranks, and the server on its head. Ray's processes run in the background of the head's
 * container; a worker's is its container's own. One rank needs no Ray.
 */
export function meetOverRay(meeting: Meeting): Launch {
  const { words, parallel, hosts } = meeting;
  const [head, ...workers] = hosts;
  if (!head || workers.length === 0) return meetByThemselves(meeting);
  const backend = { text: "ray", at: words[0]?.at ?? "" };
  const server = withFlag(withoutFlags(words, RANK_FLAGS), FLAGS.executorBackend, [backend]);
  const own = (address: string) => ["--node-ip-address", address, "--disable-usage-stats"];
  return {
    ranks: [
      {
        argv: server.map(({ text }) => text),
        before: ["ray", "start", "--head", "--port", String(RAY_PORT), ...own(head.address)],
      },
      ...workers.map(({ address }) => ({
        argv: ["ray", "start", "--block", `--address=${head.address}:${RAY_PORT}`, ...own(address)],
      })),
    ],
    // On unified memory, a loaded model looks to Ray like a host that runs out of it.
    env: { RAY_memory_monitor_refresh_ms: "0" },
    ports: [RAY_PORT],
    warnings: [],
    faults:
      parallel.data > 1
        ? [`${words[0]?.at}: data parallel over Ray is not supported yet; leave Ray out, or data_parallel`]
        : [],
  };
}
