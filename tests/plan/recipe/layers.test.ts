import { describe, expect, it } from "vitest";
import type { LaunchWish } from "../../../plan/launch/launch";
import { faultsOf, launch, overrides, sparks } from "./recipes";

/** A recipe for so many hosts with these entries of `overrides`. */
const text = (entries: string, tensor = 1, more = "") =>
  `model: Qwen/Qwen3-8B\ncontainer: one\ndefaults: { tensor_parallel: ${tensor}, max_num_seqs: 4, eager: true, kv: FP8 }\n${more}` +
  `command: vllm serve {model} -tp {tensor_parallel} --max-num-seqs {max_num_seqs}\noverrides:\n${entries}\n`;
const seqs = (entries: string, tensor = 1, change: Partial<LaunchWish> = {}) => {
  const { ranks } = launch(text(entries, tensor), { hosts: sparks(tensor), ...change });
  const [head] = ranks;
  return head?.argv[head.argv.indexOf("--max-num-seqs") + 1];
};
const one = (when: string) => `  - { when: ${when}, defaults: { max_num_seqs: 1 } }`;

describe("overrides with conditions", () => {
  it.each([
    ["{ nodes: 1 }", 1, true],
    ["{ nodes: 1 }", 2, false],
    ["{ nodes: [2, 3], tp: { gte: 2 } }", 2, true],
    ["{ nodes: { gt: 2 } }", 2, false],
    ["{ nodes: { ne: 2 } }", 2, false],
    ["{ nodes: { not_in: [1, 3] } }", 2, true],
    ["{ pp: 1, dp: { lt: 2 }, ep: { lte: 1 }, cp: '1', gpus_per_node: 1 }", 2, true],
    ["{ runtime: vllm-distributed, runtime_family: vllm }", 2, true],
    ["{ runtime: vllm-ray }", 2, false],
    ["{ arch: sm_121 }", 1, true],
    ["{ arch: [sm_120, 12.1] }", 1, true],
    ["{ arch: sm_121a, platform: DGX-Spark, vendor: nvidia, accelerator: gb10 }", 1, true],
    ["{ arch: sm_120 }", 1, false],
    ["{ capability: unified-memory }", 1, true],
    ["{ capability: { not_in: [unified-memory] } }", 1, false],
    ["{ config: { eager: true, kv: fp8 } }", 1, true],
    ["{ config: { eager: 1 } }", 1, false],
    ["{ config: { none: { ne: x }, max_num_seqs: { gte: 4 } } }", 1, true],
    ["{ config: { none: x } }", 1, false],
    ["{ config: { kv: { gt: 1 } } }", 1, false],
  ])("%s on %i hosts: %s", (when, tensor, applies) => {
    expect(seqs(one(when), tensor)).toBe(applies ? "1" : "4");
  });

  it("ask of what there is before any of them, with the stack's overrides", () => {
    const entries = `${one("{ config: { max_num_seqs: 4 } }")}\n  - { when: { config: { max_num_seqs: 1 } }, defaults: { max_num_seqs: 9 } }`;
    expect(seqs(entries)).toBe("1");
    expect(seqs(one("{ config: { kv: bf16 } }"), 1, { overrides: overrides({ kv: "bf16" }) })).toBe("1");
    expect(seqs(one("{ nodes: 2 }"), 1, { hosts: sparks(2), overrides: overrides({ tensor_parallel: 2 }) })).toBe("1");
  });

  it("apply in their order, the later over the earlier, and the stack's over all", () => {
    const entries =
      "  - { when: { nodes: 1 }, defaults: { max_num_seqs: 1 }, env: { A: 1, B: 1 }, container: two }\n" +
      "  - { when: { tp: 1 }, defaults: { max_num_seqs: 2 }, env: { B: 2 } }";
    const more = "env: { A: 0, C: 0 }\n";
    const { ranks } = launch(text(entries, 1, more));
    expect(ranks[0]).toMatchObject({ image: "two", env: { A: "1", B: "2", C: "0" } });
    expect(ranks[0]?.argv.at(-1)).toBe("2");
    const set = { overrides: overrides({ max_num_seqs: 7, container: "three" }) };
    expect(launch(text(entries, 1, more), set).ranks[0]).toMatchObject({ image: "three" });
    expect(launch(text(entries, 1, more), set).ranks[0]?.argv.at(-1)).toBe("7");
  });

  it.each([
    ["{ colour: red }", "unknown condition colour"],
    ["{ nodes: { about: 2 } }", "nodes: unknown operator about"],
    ["{ config: { a: { like: 2 } } }", "config.a: unknown operator like"],
    ["{ arch: { gt: sm_100 } }", "arch: gt needs a number"],
  ])("don't apply where sparkrun doesn't know them either, with a warning: %s", (when, why) => {
    expect(seqs(one(when))).toBe("4");
    const warning = `test.yaml:6:13: overrides[0].when: doesn't apply: ${why}`;
    expect(launch(text(one(when))).warnings.filter((line) => line.includes("when"))).toEqual([warning]);
  });

  it("say what they take a Spark's memory for", () => {
    const { warnings } = launch(text(one("{ memory_gb: { gte: 100 } }")));
    expect(warnings).toContain("test.yaml:6:13: overrides[0].when: memory_gb is taken for 121, a Spark's");
  });

  it.each([
    ["  - { defaults: { a: 1 } }", /^test.yaml:6:5: overrides\[0\].when: found undefined; allowed: conditions/],
    ["  - { when: {}, defaults: { a: 1 } }", /^test.yaml:6:13: overrides\[0\].when: .*allowed: conditions/],
    ["  - { when: { tp: 1 } }", /^test.yaml:6:5: overrides\[0\]: .*allowed: when, and defaults, env or container/],
    ["  - { when: { tp: 1 }, command: x }", /^test.yaml:6:5: overrides\[0\]: .*allowed: when, and/],
    [
      "  - { when: { tp: 1 }, defaults: { port: 1 } }",
      /^test.yaml:6:34: overrides\[0\].defaults: .*other values than port/,
    ],
    ["  - { when: { tp: 1 }, env: { a-b: 1 } }", /^test.yaml:6:31: overrides\[0\].env: found the name "a-b"/],
    ["  - { when: { config: x }, env: { A: 1 } }", /^test.yaml:6:13: overrides\[0\].when: .*allowed: conditions/],
    ["  a: 1", /^test.yaml:6:3: overrides: found an object; allowed: a list/],
  ])("are problems at their place: %s", (entries, problem) => {
    expect(faultsOf(() => launch(text(entries)))).toEqual([expect.stringMatching(problem)]);
  });
});
