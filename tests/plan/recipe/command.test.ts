import { describe, expect, it } from "vitest";
import { parseRecipe } from "../../../plan/recipe/recipe";
import { argvOf, faultsOf, launch, overrides, withCommand } from "./recipes";

const optionsOf = (argv: readonly string[]) => argv.slice(3);

describe("a command's words", () => {
  it.each([
    ["--a b", ["--a", "b"]],
    ["--a   b\t--c", ["--a", "b", "--c"]],
    ["--a 'b c'", ["--a", "b c"]],
    ["--a='b'\"c\"d", ["--a=bcd"]],
    ['--a "b \\"c\\" \\n"', ["--a", 'b "c" \\n']],
    ["--a b\\ c \\'d", ["--a", "b c", "'d"]],
    ["--a ''", ["--a", ""]],
    ["--media '*' --glob *.x [1,2]", ["--media", "*", "--glob", "*.x", "[1,2]"]],
    ["--a '$HOME `x` | ; > {b'", ["--a", "$HOME `x` | ; > {b"]],
    ["--a b#c # a comment", ["--a", "b#c"]],
    ["--a \\\n  --b", ["--a", "--b"]],
    ["--a \\  \n  --b \\ \n--c", ["--a", "--b", "--c"]],
    ["--a \\", ["--a"]],
    ["--a 'b\\\nc'", ["--a", "b\\\nc"]],
  ])("%j", (text, words) => {
    expect(optionsOf(argvOf(`vllm serve {model} ${text}`))).toEqual(words);
  });

  it("are the same in a folded text, backslashes or not", () => {
    const text = (style: string) =>
      `model: m/m\ncontainer: c\ncommand: ${style}\n  vllm serve {model} \\\n  --port 1 \\\n  --headers 'a b'\n\n`;
    const argv = ["vllm", "serve", "m/m", "--port", "1", "--headers", "a b"];
    for (const style of ["|", "|-", ">", ">-"]) expect(launch(text(style)).ranks[0]?.argv).toEqual(argv);
    expect(launch('model: m/m\ncontainer: c\ncommand: "vllm serve {model}"\n').ranks[0]?.argv).toEqual(
      argv.slice(0, 3),
    );
  });

  it("take variables before the server for its environment", () => {
    const { ranks } = launch(
      withCommand("export A=1 B='x y'\nC=3;\nexport D=4 && E=5 env F=6 exec /usr/bin/vllm serve {model}\n").replace(
        "command",
        "env: { A: 0 }\ncommand",
      ),
    );
    expect(ranks[0]?.argv).toEqual(["/usr/bin/vllm", "serve", "Qwen/Qwen3-8B"]);
    expect(ranks[0]?.env).toMatchObject({ A: "1", B: "x y", C: "3", D: "4", E: "5", F: "6" });
  });

  it("may have another program around the server", () => {
    expect(argvOf("kcache exec vllm serve {model}")).toEqual(["kcache", "exec", "vllm", "serve", "Qwen/Qwen3-8B"]);
  });
});

describe("placeholders", () => {
  it("are names, with one dot at most; other braces stay", () => {
    expect(optionsOf(argvOf("vllm serve {model} {a}{b.c} '{}' '{ a }' '{1}' '{-b}'", "{ a: 1, b: { c: 2 } }"))).toEqual(
      ["12", "{}", "{ a }", "{1}", "{-b}"],
    );
  });

  it("leave JSON as it is", () => {
    const json = '{"a": {"b": [1, {"c": "d"}]}}';
    expect(optionsOf(argvOf(`vllm serve {model} --x '${json}'`))).toEqual(["--x", json]);
    expect(optionsOf(argvOf("vllm serve {model} --x '{x}'", `{ x: '${json}' }`))).toEqual(["--x", json]);
  });

  it("stand among doubled braces, whatever the version", () => {
    const command = `vllm serve {model} --a '{{"n": {n}, "o": {{"p": {n}}}}}' --b '{"q": 1}'`;
    for (const version of ["1", "2"]) {
      const text = `recipe_version: ${version}\nname: x\n${withCommand(command, "{ n: 7 }")}`;
      expect(optionsOf(launch(text).ranks[0]?.argv ?? [])).toEqual([
        "--a",
        '{"n": 7, "o": {"p": 7}}',
        "--b",
        '{"q": 1}',
      ]);
    }
  });

  it("may be in values, in single braces", () => {
    const defaults = '{ port: 8001, name: \'x-{port}\', json: \'{"p": {port}, "q": {"r": "{name}"}}\' }';
    expect(optionsOf(argvOf("vllm serve {model} --n {name} --j '{json}'", defaults))).toEqual([
      "--n",
      "x-8001",
      "--j",
      '{"p": 8001, "q": {"r": "x-8001"}}',
    ]);
  });

  it("are split at white space outside of quotes, and vanish where they are empty", () => {
    const defaults = "{ names: 'a/b  c', sizes: [1, 2], none: '' }";
    expect(optionsOf(argvOf("vllm serve {model} --n {names} '{names}' {none} --s {sizes} '{none}'", defaults))).toEqual(
      ["--n", "a/b", "c", "a/b  c", "--s", "1", "2", ""],
    );
  });

  it.each([
    "a;reboot",
    "$(reboot)",
    "`reboot`",
    "a|b",
    "a&b",
    ">/etc/passwd",
    "it's",
    'a"b',
    "a\\",
    "#x",
    "~",
    "$HOME",
  ])("are never code: %s", (value) => {
    const change = { overrides: overrides({ x: value }) };
    expect(optionsOf(argvOf("vllm serve {model} --x {x} '{x}' \"{x}\"", "{ x: 1 }", change))).toEqual([
      "--x",
      value,
      value,
      value,
    ]);
  });
});

describe("overrides", () => {
  const set = (command: string, values: Record<string, string | number | boolean>, defaults = "{}") =>
    optionsOf(argvOf(command, defaults, { overrides: overrides(values) }));

  it("win over defaults, and over what the command has itself", () => {
    expect(set("vllm serve {model} --port {port}", { port: 8001 }, "{ port: 8000 }")).toEqual(["--port", "8001"]);
    expect(set("vllm serve {model} --port 8000 --x", { port: 8001 })).toEqual(["--port", "8001", "--x"]);
    expect(set("vllm serve {model} --port=8000 --x", { port: 8001 })).toEqual(["--port", "8001", "--x"]);
    expect(set("vllm serve {model} --max_num_seqs 4", { max_num_seqs: 8 })).toEqual(["--max_num_seqs", "8"]);
    expect(set("vllm serve {model} -x", { gpu_memory_utilization: 0.7 })).toEqual([
      "-x",
      "--gpu-memory-utilization",
      "0.7",
    ]);
    expect(set("vllm serve {model} --served-model-name a b --x", { served_model_name: "c" })).toEqual([
      "--served-model-name",
      "c",
      "--x",
    ]);
    expect(set("vllm serve {model} --enforce-eager", { enforce_eager: false })).toEqual(["--no-enforce-eager"]);
  });

  it("change one value of a mapping, also of one that is written as JSON", () => {
    const mapping = "{ s: { method: mtp, n: 2 } }";
    expect(set("vllm serve {model} --s '{s}' --m {s.method}", { "s.method": "eagle", "s.d.x": 1 }, mapping)).toEqual([
      "--s",
      '{"method":"eagle","n":2,"d":{"x":1}}',
      "--m",
      "eagle",
    ]);
    expect(set("vllm serve {model} --s '{s}'", { "s.n": 4 }, `{ s: '{"method": "mtp"}' }`)).toEqual([
      "--s",
      '{"method":"mtp","n":4}',
    ]);
    expect(faultsOf(() => set("vllm serve {model} --s {s}", { "s.n": 4 }, "{ s: a }"))).toEqual([
      expect.stringContaining("overrides.s.n: the command has no {s.n}"),
    ]);
    const none = "model: m/m\ncontainer: c\ndefaults: { s: { method: mtp } }\n";
    const { ranks } = launch(none, { overrides: overrides({ "s.method": "eagle" }) });
    expect(ranks[0]?.argv.slice(3)).toEqual(["--s", '{"method":"eagle"}']);
  });

  it("change the recipe's own fields and the container's options", () => {
    const { ranks, models } = launch(withCommand("vllm serve {model}"), {
      overrides: overrides({ model: "Qwen/Qwen3-4B", container: "other:1", privileged: true, memory_limit: "100g" }),
    });
    expect(models[0]?.id).toBe("Qwen/Qwen3-4B");
    expect(ranks[0]?.argv).toContain("Qwen/Qwen3-4B");
    expect(ranks[0]?.image).toBe("other:1");
    expect(ranks[0]?.docker).toEqual(expect.arrayContaining(["--privileged", "--memory", "100g"]));
  });

  it.each([
    [{ prot: 1 }, /^overrides.prot: the command has no \{prot\} and no --prot \(did you mean port\?\)$/],
    [{ container: "a b" }, /^overrides.container: found "a b"; allowed: an image/],
    [{ restart_policy: "never" }, /^overrides.restart_policy: found "never"; allowed: no, always/],
    [
      { memory_limit: 100 },
      /^overrides.memory_limit: found 100; allowed: a size with its unit \(b, k, m, g\), 1g or more/,
    ],
    [{ memory_limit: "100m" }, /^overrides.memory_limit: found "100m"; allowed: a size with its unit/],
    [{ "a b": 1 }, /^overrides.a b: found the name "a b"/],
    [{ model: "x/y" }, /^overrides.model: the command has no \{model\}$/],
    [{ tensor_parallel: "two" }, /^overrides.tensor_parallel: --tensor-parallel-size: found two/],
  ])("say what has no effect or is wrong: %j", (values, line) => {
    const text = withCommand("vllm serve Qwen/Qwen3-8B --port 8000");
    expect(faultsOf(() => launch(text, { overrides: overrides(values) }))).toEqual([expect.stringMatching(line)]);
  });
});

describe("without a command", () => {
  it("every default is a flag", () => {
    const text =
      "model: m/m\ncontainer: c\nmodel_revision: abc\ndefaults:\n  tensor_parallel: 1\n  max_model_len: 4096\n  enable_prefix_caching: true\n" +
      "  async_scheduling: false\n  speculative_config: { method: mtp }\n  sizes: [1, 2]\n  trust_remote_code: yes\n  quantization:\n";
    expect(launch(text).ranks[0]?.argv.join(" ")).toBe(
      'vllm serve m/m --tensor-parallel-size 1 --max-model-len 4096 --enable-prefix-caching --no-async-scheduling --speculative-config {"method":"mtp"} --sizes 1 2 --trust-remote-code --revision abc',
    );
  });
});

it("says which defaults the command has no use for", () => {
  const defaults = "{ port: 1, a: 2, trust_remote_code: true, max_model_len: 4096 }";
  const { warnings } = launch(
    withCommand("vllm serve {model} --port {port} --trust-remote-code --max-model-len 4096", defaults),
  );
  expect(warnings).toEqual(["test.yaml:3:22: defaults.a: not acted on: the command has no {a}"]);
});

it("finds every character of a text in its file", () => {
  const text = 'a: "x \\"y\\" | z"\nb: >-\n  one\n\n  two | x\nc: |2\n    q |\n';
  const { source } = parseRecipe("f", `model: m\n${text}`);
  const pipe = (key: string) => source.inside([key], String(source.value[key]).indexOf("|"));
  expect([pipe("a"), pipe("b"), pipe("c")]).toEqual(["f:2:13", "f:6:7", "f:8:7"]);
});
