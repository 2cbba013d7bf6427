import { oneLine } from "../../config/judge";
import type { Word } from "../recipe/command";
import type { Parameters } from "../recipe/parameters";
import type { Recipe } from "../recipe/recipe";
import { FLAGS, type Flag, flagValue } from "./flags";

/** How a model is split over hosts with one GPU each. */
export interface Parallel {
  readonly tensor: number;
  readonly pipeline: number;
  /** Replicas; each is tensor x pipeline ranks. */
  readonly data: number;
}

/** A host that a rank can run on. */
export interface RankHost {
  readonly name: string;
  /** Of its management netdev: there ranks meet. */
  readonly address: string;
  /** Home folder of its login user, whose caches the container has. */
  readonly home: string;
  /** Names of all netdevs that it has; undefined where it can't be asked. */
  readonly netdevs?: readonly string[];
}

/** The sizes that the server is told, or faults. */
export function parallelOf(words: readonly Word[], parameters: Parameters, faults: string[]): Parallel {
  const size = (flag: Flag, otherwise = 1) => {
    const word = flagValue(words, flag);
    if (!word) return otherwise;
    const value = Number(word.text);
    if (/^[1-9][0-9]?$/.test(word.text) && value <= 64) return value;
    faults.push(`${word.at}: ${flag.names[0]}: found ${oneLine(word.text)}; allowed: a whole number from 1 to 64`);
    return 1;
  };
  const replicas = /^[1-9][0-9]?$/.test(parameters.data_parallel ?? "") ? Number(parameters.data_parallel) : 1;
  return {
    tensor: size(FLAGS.tensorParallel),
    pipeline: size(FLAGS.pipelineParallel),
    data: size(FLAGS.dataParallel, replicas),
  };
}

export function countOf({ tensor, pipeline, data }: Parallel): number {
  return tensor * pipeline * data;
}

/** `tensor parallel 2 x pipeline parallel 2`; replicas where there are several. */
export function parallelText({ tensor, pipeline, data }: Parallel): string {
  return `tensor parallel ${tensor} x pipeline parallel ${pipeline}${data > 1 ? ` x data parallel ${data}` : ""}`;
}

/**
 * Why so many ranks can't be, by what the recipe says of hosts and by how many there are.
 *
 * @param at of the server's first word.
 */
export function countFaults(
  { source, nodes: { min, max } }: Recipe,
  parallel: Parallel,
  at: string,
  { hosts, chosen }: { readonly hosts: readonly RankHost[]; readonly chosen: boolean },
): readonly string[] {
  const count = countOf(parallel);
  const made = `${parallelText(parallel)} makes ${ranksText(count)}`;
  const near = (keys: readonly string[]) => source.at([keys.find((key) => source.written([key]) !== undefined) ?? ""]);
  if (count < min)
    return [`${near(["min_nodes", "cluster_only", "mode"])}: ${made}, and the recipe needs at least ${min}`];
  if (max !== undefined && count > max) {
    return [`${near(["max_nodes", "solo_only", "mode"])}: ${made}, and the recipe allows ${max}`];
  }
  if (count > hosts.length) {
    return [
      `${at}: ${made}, one on each host, but there ${hosts.length === 1 ? "is 1 host" : `are ${hosts.length} hosts`}`,
    ];
  }
  if (chosen && count < hosts.length) {
    return [
      `${at}: ${made}, but ${hosts.length} hosts are chosen; choose ${count}, or override tensor_parallel or pipeline_parallel`,
    ];
  }
  return [];
}

function ranksText(count: number): string {
  return count === 1 ? "1 rank" : `${count} ranks`;
}
