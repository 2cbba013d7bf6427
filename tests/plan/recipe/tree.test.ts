import { describe, expect, it } from "vitest";
import { parseRecipe } from "../../../plan/recipe/recipe";
import { faultsOf, launch } from "./recipes";

const recipe = (...lines: readonly string[]) =>
  ["model: Qwen/Qwen3-8B", "container: example.org/img:1", ...lines, ""].join("\n");
const argv = (text: string) => launch(text).ranks[0]?.argv.join(" ");
const serve = (rest: string) => `vllm serve Qwen/Qwen3-8B${rest}`;

describe("aliases, anchors and merge keys", () => {
  it("stand for a whole command", () => {
    const text = recipe("x-cmd: &cmd vllm serve {model} --max-num-seqs 4", "command: *cmd");
    expect(argv(text)).toBe(serve(" --max-num-seqs 4"));
  });

  it("stand for an image and a default", () => {
    const text =
      "x-image: &img example.org/img:1\nx-port: &port 8001\nmodel: Qwen/Qwen3-8B\ncontainer: *img\n" +
      "defaults:\n  port: *port\ncommand: vllm serve {model} --port {port}\n";
    const { ranks, endpoint } = launch(text);
    expect([ranks[0]?.image, ranks[0]?.argv.join(" "), endpoint.port]).toEqual([
      "example.org/img:1",
      serve(" --port 8001"),
      8001,
    ]);
  });

  it("may be in lists, in the environment, in a mapping of defaults", () => {
    const text = recipe(
      "x: &args [--tf5, &ref v1]",
      "build_args: [*ref, 0.80]",
      "env: &env { A: &a 0.80, B: *a }",
      "defaults: { speculative_config: { method: *ref }, sizes: *args }",
    );
    const { ranks, buildArgs } = launch(text);
    expect(buildArgs).toEqual(["v1", "0.80"]);
    expect(ranks[0]?.env).toMatchObject({ A: "0.80", B: "0.80" });
    expect(ranks[0]?.argv.slice(3)).toEqual(["--speculative-config", '{"method":"v1"}', "--sizes", "--tf5", "v1"]);
  });

  it("give the position of the text that they stand for", () => {
    const text = recipe("x-cmd: &cmd vllm serve {model} --port {prot}", "command: *cmd", "defaults: { port: 1 }");
    expect(faultsOf(() => launch(text))).toEqual([
      "test.yaml:3:39: command: no value for {prot} (did you mean {port}?); give it one under defaults or as an override",
    ]);
  });

  it.each([
    ["<<: *base", { a: "1", b: "2" }],
    ["<<: [*over, *base]", { a: "1", b: "3" }],
    ["b: 4\n  <<: *base", { a: "1", b: "4" }],
    ["<<: { c: *five }", { c: "5" }],
  ])("merge as PyYAML does: %j", (lines, defaults) => {
    const text = recipe("x: &base { a: 1, b: 2 }", "y: &over { b: 3 }", "z: &five 5", `defaults:\n  ${lines}`);
    expect(parseRecipe("test.yaml", text).defaults).toEqual(defaults);
  });

  it("merge nothing where << is in quotes", () => {
    expect(faultsOf(() => launch(recipe("x: &base {}", "defaults: { '<<': *base }")))[0]).toContain("found the name");
  });

  it.each([
    ["defaults: &d\n  loop: *d", "test.yaml:4:9: *d: contains itself"],
    ["defaults: { <<: *nobody }", "test.yaml:3:17: *nobody: no such anchor before it"],
    ["defaults: { a: *later }\nenv: { A: &later 1 }", "test.yaml:3:16: *later: no such anchor before it"],
    ["defaults: { <<: 3 }", "test.yaml:3:17: <<: found 3; allowed: a mapping, or a list of mappings"],
  ])("are problems at their place: %j", (lines, problem) => {
    expect(faultsOf(() => launch(recipe(lines)))).toEqual([problem]);
  });

  it("are in the environment and the top level too", () => {
    const text = `x: &all\n  model: Qwen/Qwen3-8B\n  container: example.org/img:1\n<<: *all\nenv:\n  <<: { A: 1 }\n  B: 2\n`;
    expect(launch(text).ranks[0]).toMatchObject({ image: "example.org/img:1", env: { A: "1", B: "2" } });
  });

  it("can't make a small file large", () => {
    const levels = Array.from({ length: 30 }, (_, n) => `x${n + 1}: &x${n + 1} [*x${n}, *x${n}]`);
    const text = recipe("x0: &x0 [a]", ...levels, "defaults: { a: *x30 }");
    expect(faultsOf(() => launch(text))).toEqual([expect.stringMatching(/^test.yaml:\d+:\d+: .*aliases/)]);
  });
});

describe("a file", () => {
  it.each([
    [`model: m/m\nx: ${"[".repeat(200_000)}`, /^test.yaml:1:1: nested deeper than 60 levels$/],
    [`model: m/m\nx:\n  ${"- ".repeat(200_000)}`, /^test.yaml:1:1: nested deeper than 60 levels$/],
    [`model: m/m\nx: ${"[".repeat(100)}${"]".repeat(100)}`, /^test.yaml:2:\d+: nested deeper than 60 levels$/],
    [`model: m/m\nx: ${"!x ".repeat(300_000)}`, /^test.yaml:1:1: found more than 100000 words/],
    [`model: m/m\nx: ${"y".repeat(1 << 20)}`, /^test.yaml:1:1: found \d+ characters; allowed: 1048576/],
    ["model: m/m\nx: !!binary aGk=\n", /^test.yaml:2:13: found a value that is no text/],
    ["model: m/m\n: x\n? y\nmodel: n/n\n", /^test.yaml:4:1: model: already at test.yaml:1:1, with another value/],
    ["model: *a\u202eb\n", /^test.yaml:1:8: \*a\\u202eb: no such anchor/],
    ["model: m/m\n? [a]\n: b\n", /^test.yaml:2:3: malformed YAML/],
  ])("that no recipe is like has one problem, with line and column, and soon (%#)", (text, problem) => {
    const start = performance.now();
    expect(faultsOf(() => launch(text))).toEqual([expect.stringMatching(problem)]);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
