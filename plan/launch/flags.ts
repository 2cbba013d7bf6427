import type { Word } from "../recipe/command";

/** A flag of `vllm serve`, under every name that its parser takes. */
export interface Flag {
  readonly names: readonly string[];
  /** False: it stands alone. */
  readonly hasValue: boolean;
}

const valued = (...names: string[]): Flag => ({ names, hasValue: true });

/** Flags that the plan reads, adds or takes out. */
export const FLAGS = {
  tensorParallel: valued("--tensor-parallel-size", "-tp", "--tensor-parallel"),
  pipelineParallel: valued("--pipeline-parallel-size", "-pp", "--pipeline-parallel"),
  dataParallel: valued("--data-parallel-size", "-dp"),
  dataParallelLocal: valued("--data-parallel-size-local", "-dpl"),
  dataParallelRank: valued("--data-parallel-rank", "-dpn"),
  dataParallelStartRank: valued("--data-parallel-start-rank", "-dpr"),
  dataParallelAddress: valued("--data-parallel-address", "-dpa"),
  dataParallelRpcPort: valued("--data-parallel-rpc-port", "-dpp"),
  executorBackend: valued("--distributed-executor-backend"),
  nnodes: valued("--nnodes", "-n"),
  nodeRank: valued("--node-rank", "-r"),
  masterAddr: valued("--master-addr"),
  masterPort: valued("--master-port"),
  headless: { names: ["--headless"], hasValue: false },
  host: valued("--host"),
  port: valued("--port"),
  revision: valued("--revision"),
  gpuMemoryUtilization: valued("--gpu-memory-utilization"),
  model: valued("--model"),
  tokenizer: valued("--tokenizer"),
  tokenizerRevision: valued("--tokenizer-revision"),
  hfConfigPath: valued("--hf-config-path"),
  generationConfig: valued("--generation-config"),
  loraModules: valued("--lora-modules"),
  defaultMmLoras: valued("--default-mm-loras"),
  speculativeConfig: valued("--speculative-config", "-sc"),
  speculativeMethod: valued("--spec-method", "--speculative-config.method", "-sc.method"),
  speculativeModel: valued("--spec-model", "--speculative-config.model", "-sc.model"),
  speculativeRevision: valued("--speculative-config.revision", "-sc.revision"),
  speculativeTensorParallel: valued(
    "--speculative-config.draft-tensor-parallel-size",
    "-sc.draft-tensor-parallel-size",
  ),
  downloadDir: valued("--download-dir"),
} as const satisfies Readonly<Record<string, Flag>>;

/** Parameters whose flags are not their names with dashes. */
const PARALLEL: Readonly<Record<string, Flag>> = {
  tensor_parallel: FLAGS.tensorParallel,
  pipeline_parallel: FLAGS.pipelineParallel,
  data_parallel: FLAGS.dataParallel,
};

/** The flag that a parameter's name stands for: `max_model_len` is --max-model-len. */
export function flagOf(parameter: string): Flag {
  return Object.hasOwn(PARALLEL, parameter) && PARALLEL[parameter]
    ? PARALLEL[parameter]
    : valued(`--${parameter.replaceAll("_", "-")}`);
}

/** Where a flag is among words. */
interface Found {
  readonly index: number;
  /** How many words it takes. */
  readonly count: number;
  readonly value: Word | undefined;
}

/** The last one, which is the one that vLLM's parser goes by. */
export function findFlag(words: readonly Word[], flag: Flag): Found | undefined {
  for (let index = words.length - 1; index >= 0; index--) {
    const word = words[index];
    if (!word?.text.startsWith("-")) continue;
    const [name, joined] = split(word.text);
    if (!flag.names.includes(plainName(name))) continue;
    if (joined !== undefined) return { index, count: 1, value: { ...word, text: joined } };
    const next = words[index + 1];
    if (!flag.hasValue || !next || isFlag(next.text)) return { index, count: 1, value: undefined };
    return { index, count: 2, value: next };
  }
  return undefined;
}

/** A flag's name, and its value where both are one word. */
function split(text: string): readonly [string, string | undefined] {
  const equals = text.indexOf("=");
  return equals === -1 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}

export function flagValue(words: readonly Word[], flag: Flag): Word | undefined {
  return findFlag(words, flag)?.value;
}

/** All words that the last one of a flag takes, where it may have several. */
export function flagValues(words: readonly Word[], flag: Flag): readonly Word[] {
  const found = findFlag(words, flag);
  if (!found?.value) return [];
  if (found.count === 1) return [found.value];
  const rest = words.slice(found.index + 1);
  const next = rest.findIndex(({ text }) => isFlag(text));
  return rest.slice(0, next === -1 ? rest.length : next);
}

/** Words without any of these flags and their values. */
export function withoutFlags(words: readonly Word[], flags: readonly Flag[]): readonly Word[] {
  let left = words;
  for (const flag of flags) {
    for (let found = findFlag(left, flag); found; found = findFlag(left, flag)) {
      left = [...left.slice(0, found.index), ...left.slice(found.index + found.count)];
    }
  }
  return left;
}

/** Words with these values for the flag, where it stood, else at the end. */
export function withFlag(words: readonly Word[], flag: Flag, values: readonly Word[]): readonly Word[] {
  const found = findFlag(words, flag);
  const name = words[found?.index ?? -1]?.text.replace(/=.*$/s, "") ?? flag.names[0] ?? "";
  const named = { text: name, at: values[0]?.at ?? "" };
  if (!found) return [...words, named, ...values];
  // Some flags take several values; the model, the one word without a flag, stands before all of them.
  const modelFirst = words[2] !== undefined && !isFlag(words[2].text);
  const rest = words.slice(found.index + found.count);
  const next = rest.findIndex(({ text }) => isFlag(text));
  const after = modelFirst && found.count === 2 ? rest.slice(next === -1 ? rest.length : next) : rest;
  return [...words.slice(0, found.index), named, ...values, ...after];
}

/** Flags of keys and tokens. */
const SECRET_FLAGS: readonly string[] = ["--api-key", "--hf-token"];

/** Whether a word is, or has in it, what opens something to whoever reads it. */
export function isSecret(words: readonly string[], index: number): boolean {
  const word = words[index] ?? "";
  return (!isFlag(word) || word.includes("=")) && SECRET_FLAGS.includes(flagBefore(words, index));
}

/** The name of the flag that a word is, or is a value of; "" for none. */
function flagBefore(words: readonly string[], index: number): string {
  for (let at = index; at >= 0; at--) {
    const word = words[at] ?? "";
    if (isFlag(word)) return plainName(split(word)[0]);
  }
  return "";
}

/** vLLM takes --max_model_len for --max-model-len. */
function plainName(name: string): string {
  return name.startsWith("--") && name.includes("_") ? name.replaceAll("_", "-") : name;
}

function isFlag(text: string): boolean {
  return /^--?[A-Za-z]/.test(text);
}
