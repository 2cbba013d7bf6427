import { expect, it } from "vitest";
import { drawCables } from "../../cli/picture";
import { renderTable } from "../../cli/table";

const port = (host: string, number: 0 | 1) => ({ host, port: number });

it("draws a ring as a chain that ends where it began", () => {
  const cables = [
    [port("a", 0), port("b", 1)],
    [port("a", 1), port("c", 0)],
    [port("b", 0), port("c", 1)],
  ] as const;
  expect(drawCables(cables)).toEqual(["a 0 -- 1 b 0 -- 1 c 0 -- 1 a"]);
});

it("draws a line from its open end, a pair with two cables, and what hangs together by nothing", () => {
  expect(
    drawCables([
      [port("b", 0), port("c", 1)],
      [port("a", 0), port("b", 1)],
    ]),
  ).toEqual(["c 1 -- 0 b 1 -- 0 a"]);
  expect(
    drawCables([
      [port("a", 0), port("b", 0)],
      [port("a", 1), port("b", 1)],
      [port("c", 1), port("d", 0)],
    ]),
  ).toEqual(["c 1 -- 0 d", "a 0 -- 0 b 1 -- 1 a"]);
});

it("draws a switch with its ports", () => {
  expect(
    drawCables([
      [port("a", 0), { switch: "switch-a" }],
      [port("b", 1), { switch: "switch-a" }],
    ]),
  ).toEqual(["switch-a", "  a/0", "  b/1"]);
});

it("sets a table", () => {
  expect(
    renderTable([
      ["host", "port"],
      ["spark-1", ""],
    ]),
  ).toEqual(["host     port", "spark-1"]);
});
