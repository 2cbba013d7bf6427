import { describe, expect, it } from "vitest";
import { faultsOf, launch, overrides, sparks } from "./recipes";

/** What every recipe here has, and the lines of its own. */
const recipe = (...lines: readonly string[]) =>
  ["model: Qwen/Qwen3-8B", "container: example.org/img:1", ...lines, ""].join("\n");
const argv = (text: string) => launch(text).ranks[0]?.argv.join(" ");
const serve = (rest: string) => `vllm serve Qwen/Qwen3-8B${rest}`;

describe("placeholders", () => {
  it("may have dashes, as names under defaults may", () => {
    expect(argv(recipe("defaults: { max-num-seqs: 16 }", "command: vllm serve {model} --n {max-num-seqs}"))).toBe(
      serve(" --n 16"),
    );
    const change = { overrides: overrides({ "max-num-seqs": 8 }) };
    const text = recipe("defaults: { max-num-seqs: 16 }", "command: vllm serve {model} --n {max-num-seqs}");
    expect(launch(text, change).ranks[0]?.argv.at(-1)).toBe("8");
    expect(
      faultsOf(() => launch(recipe("defaults: { max-seqs: 1 }", "command: vllm serve {model} {max-seq}"))),
    ).toEqual([
      "test.yaml:4:29: command: no value for {max-seq} (did you mean {max-seqs}?); give it one under defaults or as an override",
    ]);
  });

  it("are the model's revision and path", () => {
    const text = recipe(
      "model_revision: abc",
      "command: vllm serve {model} --revision {model_revision} --chat-template {resolved_model_path}/x.jinja",
    );
    expect(argv(text)).toBe(serve(" --revision abc --chat-template Qwen/Qwen3-8B/x.jinja"));
    expect(faultsOf(() => launch(recipe("command: vllm serve {model} --revision {model_revision}")))).toEqual([
      "test.yaml:3:40: command: no value for {model_revision}; give it one under defaults or as an override",
    ]);
  });
});

describe("values of defaults", () => {
  const value = (text: string, command: string) =>
    launch(recipe(`defaults:\n  v: '${text}'`, `command: |\n  vllm serve {model} --x ${command}`)).ranks[0]?.argv.slice(
      4,
    );

  it("may have quotes that are escaped for a shell", () => {
    for (const command of ["{v}", '"{v}"']) {
      expect(value('{\\"a\\":true}', command)).toEqual(['{"a":true}']);
      expect(value('{\\"a\\":\\"b\\\\\\\\c\\"}', command)).toEqual(['{"a":"b\\\\c"}']);
    }
    expect(() => value('{\\"a\\":true}', "'{v}'")).toThrow("no JSON");
    expect(value("a\\b\\\\c", "{v}")).toEqual(["a\\b\\\\c"]);
  });

  it("may have doubled braces", () => {
    expect(value('{{"a": {{"b": 1}}}}', "'{v}'")).toEqual(['{"a": {"b": 1}}']);
    expect(value('{"a": {"b": 1}}', "'{v}'")).toEqual(['{"a": {"b": 1}}']);
    expect(argv(recipe("defaults: { v: '{{\"a\": 1}}' }"))).toBe(serve(' --v {"a": 1}'));
  });
});

it("have a name for the served model, which the server gets though its command has none", () => {
  const text = recipe("defaults: { served_model_name: a b }", "command: vllm serve {model} --port 1");
  expect(argv(text)).toBe(serve(" --port 1 --served-model-name a b"));
  expect(launch(text).warnings).toEqual([]);
  expect(argv(text.replace("--port 1", "--served-model-name=c"))).toBe(serve(" --served-model-name=c"));
});

describe("an argument in braces", () => {
  it.each([
    ["vllm serve {model} \\\n    --port 8000 \\\n    --x {temperature: 0.7, top_k: 20}", "6:5", "--x"],
    ["vllm serve {model} --x {temperature: 0.7} --y 1", "4:22", "--x"],
    ['vllm serve {model} --x {"a": 1, "b": 2}', "4:22", "--x"],
    ["vllm serve {model} {a: 1}", "4:22", "{a:"],
  ])("that is split at its spaces is a problem: %j", (command, place, word) => {
    const text = recipe(`command: |\n  ${command}`);
    expect(faultsOf(() => launch(text))).toEqual([
      expect.stringMatching(new RegExp(`^test.yaml:${place}: command: ${word}.* split at its spaces`)),
    ]);
  });

  it("may come from a value and be split there", () => {
    const text = recipe("defaults: { v: '{a: 1, b: 2}' }", "command: vllm serve {model} --x {v}");
    expect(faultsOf(() => launch(text))).toEqual([expect.stringContaining("split at its spaces")]);
  });

  it("is nobody's problem where it is quoted, or no object", () => {
    expect(argv(recipe("command: vllm serve {model} --x '{a b' --y a{} --z '{ a }' {1}"))).toBe(
      serve(" --x {a b --y a{} --z { a } {1}"),
    );
  });
});

describe("versions and names", () => {
  it.each(["3", "4", "7", "2.1", "beta"])("recipe_version %s is read as 2, with a warning", (version) => {
    const { warnings, ranks } = launch(`recipe_version: "${version}"\n${recipe("runtime: vllm")}`);
    expect(ranks[0]?.argv.join(" ")).toBe(serve(""));
    expect(warnings).toEqual([
      `test.yaml:1:17: recipe_version: found "${version}", read as 2; known: 1 (spark-vllm-docker) and 2 (sparkrun)`,
    ]);
  });

  it("version 1 needs no name", () => {
    const text = `recipe_version: "1"\n${recipe("command: vllm serve Qwen/Qwen3-8B")}`;
    expect(launch(text)).toMatchObject({ recipe: "test", warnings: [] });
  });
});

describe("eugr-vllm, sparkrun's old name", () => {
  const two = recipe(
    "defaults: { backend: ray }",
    "command: vllm serve {model} -tp 2 --distributed-executor-backend ray",
  );

  it.each([
    ["eugr-vllm", "1", false],
    ["eugr-vllm-ray", "1", false],
    ["eugr-vllm", "2", true],
    ["eugr-vllm-ray", "2", true],
  ])("%s in version %s is vllm, with a warning", (runtime, version, isRay) => {
    const text = `runtime: ${runtime}\nrecipe_version: "${version}"\n${two}`;
    const { ranks, warnings } = launch(text, { hosts: sparks(2) });
    expect(ranks[1]?.argv[0]).toBe(isRay ? "ray" : "vllm");
    expect(warnings[0]).toMatch(new RegExp(`^test.yaml:1:10: runtime: ${runtime} is an old name of vllm`));
  });
});

describe("runtime_config", () => {
  it("has build arguments and mods as the top level has them", () => {
    const text = recipe('runtime_config: { build_args: ["--vllm-ref", "v0.25.1"], mods: [mods/fix-a] }');
    const { buildArgs, mods, warnings } = launch(text);
    expect(buildArgs).toEqual(["--vllm-ref", "v0.25.1"]);
    expect(mods).toEqual([{ name: "fix-a", reference: "mods/fix-a", path: ["runtime_config", "mods", 0] }]);
    expect(warnings).toEqual([]);
  });

  it("has its other keys named, and is validated", () => {
    expect(launch(recipe("runtime_config: { x: 1 }")).warnings).toEqual([
      "test.yaml:3:19: runtime_config.x: not acted on: write what the server should get into the command or defaults",
    ]);
    expect(faultsOf(() => launch(recipe("runtime_config: { mods: [../a] }")))).toEqual([
      expect.stringMatching(/^test.yaml:3:26: runtime_config.mods\[0\]: found "..\/a"/),
    ]);
  });

  it("can't say otherwise than the top level", () => {
    for (const key of ["mods", "build_args"]) {
      expect(launch(recipe(`${key}: [a]`, `runtime_config: { ${key}: [a] }`)).warnings).toEqual([]);
      expect(faultsOf(() => launch(recipe(`${key}: [a]`, `runtime_config: { ${key}: [b] }`)))).toEqual([
        `test.yaml:4:19: runtime_config.${key}: says otherwise than ${key} at test.yaml:3:1; leave one of them out`,
      ]);
    }
  });
});

describe("a server behind another program", () => {
  it.each(["kcache exec vllm serve {model}", "boot serve {model} --port 1", "/opt/boot serve {model}"])(
    "is what runtime: says: %s",
    (command) => {
      const text = recipe("runtime: vllm", `command: ${command}`);
      expect(argv(text)).toBe(command.replace("{model}", "Qwen/Qwen3-8B"));
      expect(launch(text).models.map(({ id }) => id)).toEqual(["Qwen/Qwen3-8B"]);
    },
  );

  it("is none without it", () => {
    expect(faultsOf(() => launch(recipe("command: boot serve {model}")))).toEqual([
      expect.stringContaining("found no `vllm serve`"),
    ]);
  });
});
