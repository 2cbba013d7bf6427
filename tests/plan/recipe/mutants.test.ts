import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Faults } from "../../../config/faults";
import { launch } from "./recipes";

const folder = join(__dirname, "..", "..", "..", "recipes");
/** One of every form. */
const FORMS = `recipe_version: "2"
x-all: &all { A: 1, B: &b "two" }
model: Qwen/Qwen3-8B
model_revision: abc
container: example.org/img:1
runtime: vllm
defaults: { port: 8000, max-num-seqs: 4, spec: '{{"a": {{"b": 1}}}}', esc: '{\\"c\\": 1}', list: [1, *b], <<: { n: 1 } }
env: { <<: *all, C: "{config.port} {launch.node_rank}" }
runtime_config: { build_args: [--tf5], mods: [mods/a] }
overrides:
  - { when: { nodes: 1, config: { port: { gte: 1 } } }, defaults: { max-num-seqs: 1 } }
executor_config: { memory_limit: 100g, ulimit: [memlock=-1] }
command: |
  export X=1
  vllm serve {model} --port {port} \\
    --max-num-seqs {max-num-seqs} --a '{spec}' --b "{esc}" --c '{{"d": {n}}}' --list {list} \\
    --revision {model_revision}
`;
const texts = [
  FORMS,
  ...readdirSync(folder)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => readFileSync(join(folder, name), "utf8")),
];

/** What breaks recipes, and what is unlikely in one. */
const PIECES = [
  ...[
    "{",
    "}",
    "[",
    "]",
    ":",
    "&a ",
    "*a",
    "*b",
    "<<: ",
    "'",
    '"',
    "\\",
    "|",
    ">",
    "#",
    "\n",
    "\t",
    "  ",
    "-",
    "- ",
    "? ",
  ],
  ...["!!binary ", "!x ", "%", "@", "`", "$(", "$", "~", "\0", "\u202e", "\ud800", "0x", "null", "---\n", "{a}", "{{"],
  ...[
    "__proto__: 1\n",
    "constructor",
    "include: x\n",
    "command: 3\n",
    "defaults: 3\n",
    "overrides: [{}]\n",
    "env: [1]\n",
  ],
];

/** Numbers from 0 up to 1 that are the same in every run. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function mutant(number: number): string {
  const next = sequence(number + 1);
  const below = (count: number) => Math.floor(next() * count);
  let text = texts[number % texts.length] ?? "";
  for (let change = 0; change <= below(3); change++) {
    const at = below(text.length);
    const to = Math.min(text.length, at + 1 + below(12));
    const piece = PIECES[below(PIECES.length)] ?? "";
    const lines = text.split("\n");
    const ways = [
      () => text.slice(0, at) + piece + text.slice(at),
      () => text.slice(0, at) + text.slice(to),
      () => text.slice(0, at) + piece + text.slice(to),
      () => text.slice(0, at),
      () => lines.toSpliced(below(lines.length), 0, lines[below(lines.length)] ?? "").join("\n"),
      () => lines.toSpliced(below(lines.length), 1).join("\n"),
      () => text.slice(0, at) + piece.repeat(1 + below(300)) + text.slice(at),
    ];
    text = (ways[below(ways.length)] ?? (() => text))();
  }
  return text;
}

it("300 mutants of recipes are read, or have problems with file, line and column, soon", () => {
  const wrong: string[] = [];
  let refused = 0;
  for (let number = 0; number < 300; number++) {
    const text = mutant(number);
    const start = process.cpuUsage();
    try {
      launch(text);
    } catch (error) {
      refused++;
      const lines = error instanceof Faults ? error.lines : [`no problem: ${String(error)}`];
      for (const line of lines) {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal would act on
        const isPlain = !/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/.test(line);
        if (!/^test\.yaml:[1-9]\d*:[1-9]\d*: ./.test(line) || !isPlain)
          wrong.push(`${number}: ${JSON.stringify(line)}`);
      }
    }
    const { user, system } = process.cpuUsage(start);
    if (user + system > 2e6) wrong.push(`${number}: ${(user + system) / 1e6} s`);
  }
  expect(wrong).toEqual([]);
  // Fewer would say that the mutants are none, more that nothing is read any more.
  expect(refused).toBeGreaterThan(100);
  expect(refused).toBeLessThan(280);
}, 60_000);
