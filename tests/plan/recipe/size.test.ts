import { expect, it } from "vitest";
import { faultsOf, launch, withCommand } from "./recipes";

const COUNT = 10_000;
const numbers = Array.from({ length: COUNT }, (_, n) => n);
/** Of the processor's time, whatever else the machine does; what grows with the square takes minutes. */
const SECONDS = 1;

it.each([
  [
    "a command's flags",
    withCommand(`vllm serve {model} \\\n${numbers.map((n) => `    --flag-${n} 'a ${n}'`).join(" \\\n")}`),
  ],
  [
    "a command's flags in one line",
    withCommand(`vllm serve {model} ${numbers.map((n) => `--flag-${n} ${n}`).join(" ")}`),
  ],
  [
    "placeholders",
    withCommand(
      `vllm serve {model} ${numbers.map((n) => `--f {p${n % 100}}`).join(" ")}`,
      `{ ${numbers
        .slice(0, 100)
        .map((n) => `p${n}: ${n}`)
        .join(", ")} }`,
    ),
  ],
  [
    "half as many defaults without a command",
    `model: m/m\ncontainer: c\ndefaults:\n${numbers
      .slice(0, COUNT / 2)
      .map((n) => `  flag_${n}: ${n}`)
      .join("\n")}\n`,
  ],
  [
    "a folded text",
    `model: m/m\ncontainer: c\ncommand: >\n  vllm serve m/m\n${numbers.map((n) => `  --flag-${n} ${n}`).join("\n")}\n`,
  ],
])(`${COUNT} of %s are read in ${SECONDS} s`, (what, text) => {
  launch(withCommand("vllm serve {model}"));
  const start = process.cpuUsage();
  const { ranks } = launch(text);
  const { user, system } = process.cpuUsage(start);
  expect(ranks[0]?.argv.length).toBe((what.startsWith("half") ? COUNT : 2 * COUNT) + 3);
  expect((user + system) / 1e6).toBeLessThan(SECONDS);
});

it("values that hold each other don't grow without an end", () => {
  const values = Array.from({ length: 40 }, (_, n) => `p${n}: "{p${n + 1}}{p${n + 1}}"`).join(", ");
  const text = withCommand("vllm serve {model} --x '{p0}'", `{ ${values}, p40: aaaa }`);
  expect(faultsOf(() => launch(text))).toEqual([
    expect.stringMatching(/^test.yaml:5:27: command: \{p\d+\}: more than 131072 characters/),
  ]);
});
