import type { Word } from "../recipe/command";
import { FLAGS, findFlag, flagValue, withoutFlags } from "./flags";
import type { Launch, Meeting } from "./meeting";

/** vLLM's own. */
const MASTER_PORT = "29501";
const DATA_PARALLEL_RPC_PORT = "13345";

/** Flags that are another's on every rank, or follow from it: what a command says of them holds for one rank at most. */
const RANK_FLAGS = [
  FLAGS.nnodes,
  FLAGS.nodeRank,
  FLAGS.masterAddr,
  FLAGS.headless,
  FLAGS.dataParallelLocal,
  FLAGS.dataParallelRank,
  FLAGS.dataParallelStartRank,
  FLAGS.dataParallelAddress,
];

/**
 * The same `vllm serve` on every rank, and what lets them meet without Ray. One rank needs nothing. The first is the
 * head: it alone has an endpoint.
 */
export function meetByThemselves({ words, parallel, parameters, hosts }: Meeting): Launch {
  const { tensor, pipeline, data } = parallel;
  const [head] = hosts;
  const base = withoutFlags(words, [...RANK_FLAGS, FLAGS.executorBackend]);
  const spans = tensor * pipeline > 1;
  const masterPort = flagValue(base, FLAGS.masterPort)?.text ?? parameters.master_port ?? MASTER_PORT;
  const rpcPort =
    flagValue(base, FLAGS.dataParallelRpcPort)?.text ?? parameters.data_parallel_rpc_port ?? DATA_PARALLEL_RPC_PORT;
  const has = (flag: (typeof RANK_FLAGS)[number]) => findFlag(base, flag) !== undefined;
  const ranks = hosts.map((_, rank) => ({
    argv: [
      ...base.map(({ text }) => text),
      ...(spans
        ? ["--nnodes", String(hosts.length), "--node-rank", String(rank), "--master-addr", head?.address ?? ""]
        : []),
      ...(spans && !has(FLAGS.masterPort) ? ["--master-port", masterPort] : []),
      ...(data > 1 && !has(FLAGS.dataParallel) ? ["--data-parallel-size", String(data)] : []),
      ...(data > 1 ? ["--data-parallel-size-local", "1", "--data-parallel-address", head?.address ?? ""] : []),
      ...(data > 1 && !has(FLAGS.dataParallelRpcPort) ? ["--data-parallel-rpc-port", rpcPort] : []),
      ...(rank > 0 ? ["--headless"] : []),
      // Where a replica spans hosts, vLLM works it out from the node's rank.
      ...(rank > 0 && !spans ? ["--data-parallel-start-rank", String(rank)] : []),
    ],
  }));
  return {
    ranks,
    env: {},
    ports: [...(spans ? [Number(masterPort)] : []), ...(data > 1 ? [Number(rpcPort)] : [])],
    warnings: [
      ...replaced(words, hosts.length),
      ...(spans && data > 1
        ? ["data parallel replicas of several hosts are less proven, and for MoE models only"]
        : []),
    ],
    faults: [],
  };
}

/** Words of the command that the launch has another answer to. */
function replaced(words: readonly Word[], count: number): readonly string[] {
  const backend = flagValue(words, FLAGS.executorBackend);
  const dropped =
    backend && backend.text !== "mp" && count > 1
      ? [
          `${backend.at}: --distributed-executor-backend ${backend.text}: dropped: ranks meet without Ray; runtime: vllm-ray asks for it`,
        ]
      : [];
  const said = RANK_FLAGS.flatMap((flag) => {
    const found = findFlag(words, flag);
    const word = found && words[found.index];
    return word ? [`${word.at}: ${word.text}: not acted on: the launch sets it for every rank`] : [];
  });
  return [...dropped, ...said];
}
