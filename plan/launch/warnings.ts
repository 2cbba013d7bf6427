import type { Word } from "../recipe/command";
import type { Recipe } from "../recipe/recipe";
import { FLAGS, flagValue, isSecret } from "./flags";

/** Above it a warm node often has too little left for the server to start. */
const SAFE_UTILIZATION = 0.82;

export function utilizationWarnings(words: readonly Word[]): readonly string[] {
  const word = flagValue(words, FLAGS.gpuMemoryUtilization);
  if (!word || Number(word.text) <= SAFE_UTILIZATION) return [];
  return [`${word.at}: --gpu-memory-utilization ${word.text}: above ${SAFE_UTILIZATION} it often fails on a warm node`];
}

/** A key or a token among the words; the environment, which is said nowhere, has a variable for each. */
export function secretWarnings(words: readonly Word[]): readonly string[] {
  const texts = words.map(({ text }) => text);
  const found = words.find((_, index) => isSecret(texts, index));
  if (!found) return [];
  return [
    `${found.at}: a key among the server's arguments: every user of its hosts reads it in ps; give it as VLLM_API_KEY in env, and leave out --hf-token, for the server reads the model offline`,
  ];
}

/** What has no effect as a deployment runs. */
export function notActedOn({ source, executor, version, nodes, defaults, command }: Recipe): readonly string[] {
  const line = (key: keyof typeof executor, why: string) => {
    return `${source.atKey(["executor_config", String(key)])}: executor_config.${String(key)}: not acted on: ${why}`;
  };
  const { auto_remove, shm_size, ipc, privileged, devices, cap_add } = executor;
  const tensor = defaults.tensor_parallel ?? "1";
  const alone = version === 1 && nodes.max === 1 && tensor !== "1" && command?.includes("{tensor_parallel}");
  return [
    ...(alone
      ? [
          `${source.atKey(["defaults", "tensor_parallel"])}: defaults.tensor_parallel: not acted on: 1 is taken, the recipe is for one host`,
        ]
      : []),
    ...(auto_remove === true ? [line("auto_remove", "a container stays, so that docker starts it again")] : []),
    ...(shm_size && (ipc ?? "host") === "host"
      ? [line("shm_size", "with the host's IPC its shared memory is used")]
      : []),
    ...(privileged === true && devices ? [line("devices", "a privileged container has all")] : []),
    ...(privileged === true && cap_add ? [line("cap_add", "a privileged container has all")] : []),
  ];
}
