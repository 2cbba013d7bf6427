import { expect, it } from "vitest";
import { parseDotEnv } from "../../interchange/dotenv";

it.each([
  ["A=b", "b"],
  [" A = b c ", "b c"],
  ["A=", ""],
  ["A=#b", ""],
  ["A=b#c", "b#c"],
  ["A=b # c", "b"],
  ["A=b=c", "b=c"],
  ['A="b # c" # d', "b # c"],
  ["A='b \"c\"'", 'b "c"'],
  ['A="b"c"', 'b"c'],
  ['A="b" # "c"', "b"],
  ["A=''", ""],
  ["A=$(reboot) `x` $B", "$(reboot) `x` $B"],
])("reads %s as it is", (text, value) => {
  expect(parseDotEnv(`# comment\n\n${text}\n`)).toEqual({
    values: new Map([["A", { line: 3, value }]]),
    faults: [],
  });
});

it("reads a long line of quotes in bounded time", () => {
  const started = performance.now();
  expect(parseDotEnv(`A="${'"x'.repeat(20_000)}`).faults).toHaveLength(1);
  expect(performance.now() - started).toBeLessThan(2000);
});
