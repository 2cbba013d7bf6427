import { describe, expect, it } from "vitest";
import { GIB } from "../../../plan/launch/memory";
import { judgeLaunches } from "../../../plan/launch/preflight";
import { faultsOf, launch, sparks, withCommand } from "../recipe/recipes";

/** What is needed beside the served model, which is the first. */
function beside(command: string, defaults = "{}", more = ""): readonly unknown[] {
  return launch(more + withCommand(command, defaults)).models.slice(1);
}

const SERVE = "vllm serve {model}";
const DRAFTER = { id: "z-lab/Qwen3-8B-DFlash", use: "drafter", split: 1 };
const speculative = (config: string) => `${SERVE} --speculative-config '${config}'`;

describe("the served model", () => {
  const served = (text: string) => launch(text).models;

  it("is what the command serves, at the revision that it is served at", () => {
    expect(served(withCommand(SERVE))).toEqual([{ id: "Qwen/Qwen3-8B", use: "model" }]);
    expect(served(`model_revision: v1\n${withCommand(SERVE)}`)).toMatchObject([{ revision: "v1" }]);
    // The command's own is what the server looks for.
    expect(served(`model_revision: v1\n${withCommand(`${SERVE} --revision v2`)}`)).toMatchObject([{ revision: "v2" }]);
    expect(served(withCommand(`${SERVE} --revision v2`))).toMatchObject([{ revision: "v2" }]);
    expect(served(withCommand("vllm serve --model {model}"))).toMatchObject([{ id: "Qwen/Qwen3-8B" }]);
  });

  it("is the command's where the recipe names another one, with a warning", () => {
    const { models, warnings } = launch(withCommand("vllm serve Qwen/Qwen3-4B"));
    expect(models).toEqual([{ id: "Qwen/Qwen3-4B", use: "model" }]);
    expect(warnings).toEqual(['test.yaml:1:8: model: not fetched: the command serves "Qwen/Qwen3-4B"']);
  });

  it("is the recipe's where the command names a path in a cache", () => {
    const path = "/root/.cache/huggingface/hub/models--Qwen--Qwen3-8B/snapshots/abc";
    expect(launch(withCommand(`vllm serve ${path}`))).toMatchObject({
      models: [{ id: "Qwen/Qwen3-8B" }],
      warnings: [],
    });
  });
});

describe("a drafter", () => {
  const MODEL = '"model":"z-lab/Qwen3-8B-DFlash"';

  it.each([
    ["in JSON", speculative(`{"method":"dflash",${MODEL}}`)],
    ["without a method", speculative(`{${MODEL},"num_speculative_tokens":4}`)],
    ["after =", `${SERVE} '--speculative-config={${MODEL}}'`],
    ["by the short name", `${SERVE} -sc '{${MODEL}}'`],
    ["with underscores", `${SERVE} --speculative_config '{${MODEL}}'`],
    ["key by key", `${SERVE} --speculative-config.model z-lab/Qwen3-8B-DFlash --speculative-config.method eagle3`],
    ["as --spec-model", `${SERVE} --spec-model z-lab/Qwen3-8B-DFlash --spec-tokens 4`],
    ["the last of two", `${SERVE} --speculative-config '{"model":"a/b"}' --speculative-config '{${MODEL}}'`],
  ])("is found %s", (_title, command) => {
    expect(beside(command)).toEqual([DRAFTER]);
  });

  it("is found in defaults, with a command and without one, as a text and as a mapping", () => {
    const text = `{ speculative_config: '{"method":"dflash",${MODEL}}' }`;
    expect(beside(`${SERVE} --speculative-config '{speculative_config}'`, text)).toEqual([DRAFTER]);
    for (const defaults of [text, "{ speculative_config: { method: dflash, model: z-lab/Qwen3-8B-DFlash } }"]) {
      expect(launch(`model: Qwen/Qwen3-8B\ncontainer: x\ndefaults: ${defaults}\n`).models.slice(1)).toEqual([DRAFTER]);
    }
  });

  it("has its own revision and split, never the served model's revision", () => {
    const more = `model_revision: ${"a".repeat(40)}\n`;
    expect(beside(speculative(`{${MODEL}}`), "{}", more)).toEqual([DRAFTER]);
    const own = speculative(`{${MODEL},"revision":"v3","draft_tensor_parallel_size":1}`);
    const { models } = launch(withCommand(`${own} -tp 2`), { hosts: sparks(2) });
    expect(models[1]).toEqual({ ...DRAFTER, revision: "v3" });
    expect(launch(withCommand(`${speculative(`{${MODEL}}`)} -tp 2`), { hosts: sparks(2) }).models[1]?.split).toBe(2);
  });

  it.each([
    '{"method":"mtp","num_speculative_tokens":2}',
    '{"method":"qwen3_next_mtp","num_speculative_tokens":2}',
    '{"method":"dspark","num_speculative_tokens":5}',
    '{"method":"ngram","num_speculative_tokens":5,"prompt_lookup_max":4}',
    '{"model":"[ngram]","num_speculative_tokens":5}',
    '{"method":"suffix","model":"suffix"}',
    '{"method":"ngram","model":"a/b"}',
    '{"model":"acme.proposers.Mine"}',
    '{"model":"/root/drafter","method":"dflash"}',
    '{"model":"Qwen/Qwen3-8B"}',
  ])("is nothing beside the model for %s", (config) => {
    const { models, warnings } = launch(withCommand(speculative(config)));
    expect(models).toMatchObject([{ id: "Qwen/Qwen3-8B", use: "model" }]);
    expect(warnings).toEqual([]);
  });

  it.each([
    ['{"method":"eagle3","num_speculative_tokens":2}', /^test.yaml:5:\d+: .*found the method eagle3 and no model/],
    ['{"num_speculative_tokens":2}', /found the method draft_model and no model/],
    ['{"method":"dflash","model":""}', /found the method dflash and no model/],
    ['{"model":["a/b"]}', /model: found \["a\/b"\]; allowed: a text/],
    ['{"model":"./drafter"}', /model: found "\.\/drafter"; allowed: a Hugging Face id/],
    ['{"model":"a/b/c"}', /model: found "a\/b\/c"; allowed: a Hugging Face id/],
    ['{"model":"a/b","revision":"../x"}', /found the revision "\.\.\/x"; allowed/],
    ['["a/b"]', /--speculative-config: found .*; allowed: a JSON object/],
  ])("is refused in %s, which an offline server would fail for", (config, said) => {
    expect(faultsOf(() => launch(withCommand(speculative(config))))).toEqual([expect.stringMatching(said)]);
  });

  it("is warned of where a method is unknown", () => {
    const { models, warnings } = launch(withCommand(speculative('{"method":"oracle"}')));
    expect(models).toHaveLength(1);
    expect(warnings).toEqual([expect.stringMatching(/^test.yaml:5:\d+: .*"oracle".*additional_models/)]);
  });

  it("is counted beside the weights, as soon as a host has it", () => {
    const config = speculative(`{${MODEL}}`);
    const plan = launch(
      `metadata: { model_vram: 60 }\n${withCommand(`${config} -tp 2 --gpu-memory-utilization 0.5`)}`,
      {
        hosts: sparks(2),
      },
    );
    const memory = new Map([["spark-1", 66 * GIB]]);
    expect(judgeLaunches([plan], memory)).toEqual([]);
    expect(judgeLaunches([plan], memory, () => 6 * GIB)).toEqual([]);
    const bytes = ({ id }: { id: string }) => (id === DRAFTER.id ? 8 * GIB : undefined);
    expect(judgeLaunches([plan], memory, bytes)).toEqual([
      "spark-1: a rank of test has 30 GiB of weights, and 4 GiB of z-lab/Qwen3-8B-DFlash, but 0.5 of its memory is 33 GiB; more ranks, or a smaller model",
    ]);
  });
});

describe("other models", () => {
  it.each([
    ["a tokenizer", "--tokenizer acme/tokens", [{ id: "acme/tokens", use: "tokenizer" }]],
    [
      "a tokenizer at its revision",
      "--tokenizer acme/tokens --tokenizer-revision v2",
      [{ id: "acme/tokens", revision: "v2", use: "tokenizer" }],
    ],
    ["the model's own tokenizer", "--tokenizer {model}", []],
    ["a configuration", "--hf-config-path acme/config", [{ id: "acme/config", use: "configuration" }]],
    ["vLLM's generation config", "--generation-config vllm", []],
    ["the model's generation config", "--generation-config auto", []],
    ["adapters", "--lora-modules a=acme/a b=acme/b --port 8000", ["acme/a", "acme/b"].map(adapter)],
    ["adapters after =", "--lora-modules=a=acme/a", [adapter("acme/a")]],
    ["an adapter in JSON", `--lora-modules '{"name":"a","path":"acme/a"}'`, [adapter("acme/a")]],
    ["an adapter that is a folder", "--lora-modules a=/adapters/a", [adapter("/adapters/a")]],
    ["adapters of modalities", `--default-mm-loras '{"audio":"acme/a"}'`, [adapter("acme/a")]],
  ])("are found: %s", (_title, words, found) => {
    expect(beside(`${SERVE} ${words}`)).toEqual(found);
  });

  it.each([
    ["--tokenizer ./tokens", /--tokenizer: found "\.\/tokens"; allowed: a Hugging Face id/],
    ["--lora-modules acme/a", /--lora-modules: found "acme\/a"; allowed: NAME=PATH/],
    ["--lora-modules a=adapters/one/two", /found "adapters\/one\/two"; allowed/],
    [`--lora-modules '{"name":"a"}'`, /--lora-modules: path: found no path; allowed: a text/],
    ["--default-mm-loras audio", /--default-mm-loras: found "audio"; allowed: a JSON object/],
  ])("are refused: %s", (words, said) => {
    expect(faultsOf(() => launch(withCommand(`${SERVE} ${words}`)))).toEqual([expect.stringMatching(said)]);
  });

  it("are what distribution_config lists, each once", () => {
    const more = `model_revision: abc
distribution_config:
  models: { entries: [{ name: "{model}" }, { name: acme/a, revision: v1, target: [-1] }] }
  additional_models: [acme/b, { name: "acme/{size}" }]
`;
    expect(launch(more + withCommand(`${SERVE} --tokenizer acme/b`, "{ size: c }")).models).toEqual([
      { id: "Qwen/Qwen3-8B", revision: "abc", use: "model" },
      { id: "acme/b", use: "tokenizer" },
      { id: "acme/a", revision: "v1", use: "additional model" },
      { id: "acme/c", use: "additional model" },
    ]);
  });

  it("say what of distribution_config isn't acted on, and what is wrong in it", () => {
    const more = `distribution_config:
  models: { enabled: false, entries: [{ name: acme/a, target: [0], allow_patterns: "*.json" }] }
`;
    expect(launch(more + withCommand(SERVE)).warnings).toEqual([
      expect.stringContaining("models.entries[0].allow_patterns: not acted on"),
      expect.stringContaining("models.entries[0].target: not acted on"),
      expect.stringContaining("models.enabled: not acted on"),
    ]);
    const wrong = 'distribution_config: { additional_models: ["{drafter}"] }\n';
    expect(faultsOf(() => launch(wrong + withCommand(SERVE)))).toEqual([
      expect.stringMatching(/^test.yaml:1:44: no value for \{drafter\}/),
    ]);
    const list = "distribution_config: { additional_models: acme/a }\n";
    expect(faultsOf(() => launch(list + withCommand(SERVE)))).toEqual([
      expect.stringMatching(/additional_models: found "acme\/a"; allowed: a list of models/),
    ]);
  });
});

describe("folders", () => {
  const volumes = (text: string, model: string, more = "") =>
    launch(
      `executor_config: { volumes: [${text}] }\n${withCommand(`${SERVE} ${more}`).replace("Qwen/Qwen3-8B", model)}`,
    );

  it("are mounted under their own names, each once", () => {
    const command = `${SERVE} --tokenizer /models/qwen --lora-modules a=/adapters/a`;
    const { ranks } = launch(withCommand(command).replace("Qwen/Qwen3-8B", "/models/qwen"));
    const mounts = (ranks[0]?.docker ?? []).filter((word) => word.endsWith(":ro"));
    expect(mounts).toEqual(["/models/qwen:/models/qwen:ro", "/adapters/a:/adapters/a:ro"]);
  });

  it("of a volume are the hosts' own, and mounted once", () => {
    const { models, ranks } = volumes(
      "'/data/m:/models:ro', '/data/d:/root/drafter'",
      "/models/qwen/",
      "--tokenizer /root/drafter",
    );
    expect(models).toEqual([
      { id: "/data/m/qwen", use: "model" },
      { id: "/data/d", use: "tokenizer" },
    ]);
    expect((ranks[0]?.docker ?? []).filter((word) => word.startsWith("/data/"))).toEqual([
      "/data/m:/models:ro",
      "/data/d:/root/drafter",
    ]);
  });
});

it("is another container with another revision of any of them", () => {
  const digest = (revision: string) =>
    launch(`distribution_config: { additional_models: [{ name: a/b, revision: ${revision} }] }\n${withCommand(SERVE)}`)
      .ranks[0]?.digest;
  expect(digest("v1")).not.toBe(digest("v2"));
});

function adapter(id: string) {
  return { id, use: "adapter" };
}
