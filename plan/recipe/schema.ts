import { z } from "zod";
import { distribution } from "./distribution";
import { bytesOf, SIZE } from "./size";

/**
 * The shape of a recipe, versions 1 (spark-vllm-docker) and 2 (sparkrun): one format in practice. Keys that are not
 * listed are no faults, since other tools have more. Every leaf's message says what is allowed.
 */

const allowed = (text: string) => ({ error: () => text });

/** A text, which people also write as a bare number. */
const text = (pattern: RegExp, what: string) =>
  z.union(
    [
      z.string(allowed(what)).regex(pattern, allowed(what)),
      z.number(allowed(what)).refine((value) => pattern.test(String(value)), allowed(what)),
    ],
    allowed(what),
  );
const line = text(/^[^\p{Cc}]{1,4096}$/u, "one line of text");
const flag = z.boolean(allowed("true or false"));
const nodes = z
  .int(allowed("a whole number from 1 to 64"))
  .min(1, allowed("a whole number from 1 to 64"))
  .max(64, allowed("a whole number from 1 to 64"));

/** Every runtime that recipes name; which of them can be launched is launch/runtimes.ts's to say. */
const RUNTIMES = ["vllm", "vllm-distributed", "vllm-ray", "sglang", "llama-cpp", "trtllm", "atlas"] as const;

export type RuntimeName = (typeof RUNTIMES)[number];

/** What sparkrun called vllm over Ray with its builder. */
const OLD_VLLM = ["eugr-vllm", "eugr-vllm-ray"] as const;

export function isOldVllm(runtime: unknown): runtime is (typeof OLD_VLLM)[number] {
  return OLD_VLLM.some((name) => name === runtime);
}

/** No argument and no variable can hold a NUL. */
const isWhole = (value: unknown) => !String(value).includes("\0");
const scalar = (what: string) =>
  z.union([z.string(), z.number(), z.boolean()], allowed(what)).refine(isWhole, allowed(what));
const valueText = "a text, a number, true or false, or a list or a mapping of them";
const parameter = z.union(
  [scalar(valueText), z.null(), z.array(scalar(valueText)), z.record(z.string(), z.json())],
  allowed(valueText),
);

const image = text(
  /^(?=.{1,255}(@|$))[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]+(?=\/))?(\/[A-Za-z0-9][A-Za-z0-9._-]*)*(:[\w][\w.-]{0,127})?(@sha256:[0-9a-f]{64})?$/,
  "an image, e.g. ghcr.io/spark-arena/dgx-vllm-eugr-nightly:latest",
);
const buildArgs = z.array(line, allowed("a list of texts"));
const modText = "mods/NAME, a folder beside the recipe, or @registry/mods/NAME";
const mod = text(/^(?!.*(^|\/)\.\.?(\/|$))(@[A-Za-z0-9][\w.-]*\/)?[A-Za-z0-9._~/+-]+$/, modText);
const mods = z.array(mod, allowed(`a list of ${modText}`));
const restart = text(
  /^(no|always|unless-stopped|on-failure(:[1-9][0-9]*)?)$/,
  "no, always, unless-stopped or on-failure:N",
);
const option = text(/^[^\s\p{Cc}]{1,512}$/u, "a text without spaces");
const options = z.union([option, z.array(option)], allowed("a text without spaces, or a list of them"));
/** Less is a slip of the unit: no server gets as far as its model in it. */
const LEAST_MEMORY = 1024 ** 3;
const memoryText = "a size with its unit (b, k, m, g), 1g or more, e.g. 100g";
const memory = z
  .string(allowed(memoryText))
  .regex(SIZE, allowed(memoryText))
  .refine((size) => bytesOf(size) >= LEAST_MEMORY, allowed(memoryText));
const volumes = z.array(
  text(
    /^\/[^\s:\p{Cc}]*:\/[^\s:\p{Cc}]*(:(ro|rw))?$/u,
    "/HOST/PATH:/CONTAINER/PATH, both absolute, the same on every host",
  ),
  allowed("a list of /HOST/PATH:/CONTAINER/PATH"),
);

/** `executor_config`: how the container is started. */
export const executorConfig = z.looseObject(
  {
    privileged: flag.nullish(),
    restart_policy: restart.nullish(),
    auto_remove: flag.nullish(),
    gpus: option.nullish(),
    ipc: option.nullish(),
    shm_size: option.nullish(),
    network: option.nullish(),
    user: option.nullish(),
    entrypoint: text(/^[^\s\p{Cc}]{0,512}$/u, 'a path in the image, or ""').nullish(),
    memory_limit: memory.nullish(),
    security_opt: options.nullish(),
    cap_add: options.nullish(),
    ulimit: options.nullish(),
    devices: options.nullish(),
    labels: options.nullish(),
    volumes: volumes.nullish(),
  },
  allowed("a mapping of the container's options"),
);

/** `runtime_config`: the place of these two in older recipes of sparkrun. */
const runtimeConfig = z.looseObject({ build_args: buildArgs.nullish(), mods: mods.nullish() }, allowed("a mapping"));

/** `metadata`: what people and the memory estimate want to know of the model. */
const metadata = z.looseObject(
  {
    model_params: line.nullish(),
    model_dtype: line.nullish(),
    quantization: line.nullish(),
    model_vram: z.number(allowed("gigabytes")).positive(allowed("gigabytes")).nullish(),
  },
  allowed("a mapping"),
);

const defaults = z.record(z.string(), parameter, allowed("a mapping of parameters"));
const env = z.record(
  z.string(),
  scalar('a text, a number, true or false; "" for an empty one'),
  allowed("a mapping of variables"),
);

/** What says which launch it is, and what other tools find it by. */
const FIXED = [
  "port",
  "served_model_name",
  ...["tensor", "pipeline", "data", "expert", "context"].map((kind) => `${kind}_parallel`),
];
const layerText = "when, and defaults, env or container";
const whenText = "conditions, e.g. { nodes: 2 }, and config: { NAME: value }";

/** One entry of `overrides`: values that hold where all of `when` does. */
const layer = z
  .strictObject(
    {
      when: z
        .record(z.string(), z.json(), allowed(whenText))
        .refine((when) => Object.keys(when).length > 0, allowed(whenText))
        .refine(
          ({ config }) =>
            config === undefined || (typeof config === "object" && config !== null && !Array.isArray(config)),
          allowed(whenText),
        ),
      defaults: defaults
        .refine(
          (values) => Object.keys(values).every((key) => !FIXED.includes(key)),
          allowed(`other values than ${FIXED.join(", ")}, which conditions or other tools go by`),
        )
        .nullish(),
      env: env.nullish(),
      container: image.nullish(),
    },
    allowed(layerText),
  )
  .refine(({ defaults, env, container }) => defaults || env || container, allowed(layerText));

export const recipe = z
  .looseObject({
    include: line.nullish().describe("The recipe beside this one that this one is built on"),
    recipe_version: line
      .nullish()
      .describe("1 (spark-vllm-docker) or 2 (sparkrun). Another one is read as 2. Default: 2"),
    name: line.nullish().describe("What people call it; a recipe's name is its file's"),
    description: z.string(allowed("a text")).nullish(),
    maintainer: line.nullish(),
    model: text(/^(?!-)[^\s\p{Cc}]{1,512}$/u, "a Hugging Face id, e.g. Qwen/Qwen3-8B, or an absolute path")
      .nullish()
      .describe("Hugging Face id, or a folder that every host has; required in version 2"),
    model_revision: text(/^[A-Za-z0-9][\w./-]{0,127}$/, "a branch, a tag or a commit").nullish(),
    runtime: z
      .enum([...RUNTIMES, ...OLD_VLLM], allowed(RUNTIMES.join(", ")))
      .nullish()
      .describe("What serves. Default: from the command"),
    runtime_version: line.nullish(),
    container: image.nullish().describe("The image; pin a digest to keep what runs"),
    mode: z.enum(["auto", "solo", "cluster"], allowed("auto, solo or cluster")).nullish(),
    min_nodes: nodes.nullish(),
    max_nodes: nodes.nullish(),
    solo_only: flag.nullish(),
    cluster_only: flag.nullish(),
    defaults: defaults
      .nullish()
      .describe("Values of the command's placeholders; without a command, the server's flags"),
    env: env.nullish().describe("The container's environment, as data: no shell looks at it"),
    overrides: z
      .array(layer, allowed("a list of values with conditions"))
      .nullish()
      .describe("Values that hold under conditions: when, and defaults, env or container"),
    command: z
      .string(allowed("the server's command"))
      .refine((value) => value.trim() !== "" && isWhole(value), allowed("the server's command, not empty"))
      .nullish()
      .describe("`vllm serve ...` with {placeholders}: an argument list in shell quoting, no shell script"),
    mods: mods.nullish(),
    build_args: buildArgs.nullish().describe("For build-and-copy.sh, where the image is built"),
    runtime_config: runtimeConfig.nullish(),
    executor_config: executorConfig.nullish(),
    distribution_config: distribution.nullish().describe("Models that the server reads beside its own"),
    metadata: metadata.nullish(),
  })
  .describe("A recipe for serving a model, version 1 or 2");

/** Keys that other tools act on and we don't. */
export const UNACTED: Readonly<Record<string, string>> = {
  builder: "an image under a registry's name is pulled, another one is built",
  builder_config: "the image's source is the stack's to say",
  post_exec: "the deployment's own health check is what is asked",
  post_commands: "nothing is run on the control machine",
  stop_after_post: "a deployment runs until it is destroyed",
  readiness: "ready is an answered completion",
  min_sparkrun_version: "this is not sparkrun",
  sparkrun_version: "this is not sparkrun",
  benchmark: "nothing is measured",
  scheduler: "a deployment's hosts are the stack's to say",
  runtime_cache: "the caches of a host's containers stay",
  capabilities: "no gateway asks for it",
  unsupported_capabilities: "no gateway asks for it",
};

/** Keys that change what runs and that we don't act on: problems, where they say anything. */
export const UNDONE: Readonly<Record<string, string>> = {
  pre_exec: "nothing is run in the container before the server but mods; make a mod of it",
  containers: "an image for each machine; a deployment has one, `container`",
  executor: "a server runs in a container",
  layout: "ranks are placed in the order of the deployment's hosts; say that order there",
  cluster_config: "give a folder that every host has as `model`, with its absolute path",
  env_templates: "put {config.NAME} and {launch.NAME} into env itself",
};

/** The recipe's format for editors. */
export function recipeJsonSchema(): unknown {
  return z.toJSONSchema(recipe, { io: "input", unrepresentable: "any" });
}
