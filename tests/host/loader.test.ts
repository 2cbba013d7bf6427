import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { operationStdin, operationTexts } from "../../components/operations";

const DIGEST = "0".repeat(64);
const loader = readFileSync(join(__dirname, "../../host/loader.sh"), "utf8");

/** Runs the loader with five lines behind it, as sshd would; a program that doesn't exist anywhere is meant. */
function load(operation: string, lines: readonly string[]) {
  const words = ["-s", "user", operation];
  const { status, stdout, stderr } = spawnSync("bash", words, {
    input: `${loader}${lines.join("\n")}\n`,
    encoding: "utf8",
    env: { PATH: process.env.PATH, USER: "nobody" },
  });
  return { status, stdout, stderr };
}

it("does nothing for an arrival, for a program that is there already, and for a leave where none ever was", () => {
  for (const [operation, program] of [
    ["arrive", "newest"],
    ["install", DIGEST],
    ["leave", "newest"],
  ] as const) {
    expect(load(operation, ["", "spark-1", program, "", ""]), operation).toEqual({ status: 0, stdout: "", stderr: "" });
  }
});

it("says where the program is missing", () => {
  const { status, stderr } = load("system", ["", "spark-1", DIGEST, "{}", ""]);
  expect([status, stderr]).toEqual([
    1,
    expect.stringContaining(`spark-1: /var/lib/spark-mesh/program-${DIGEST}: found none`),
  ]);
});

it.each([
  ["an operation", "Sys$(id)", ["", "spark-1", DIGEST, "{}", ""]],
  ["a host", "system", ["", "spark-1; id", DIGEST, "{}", ""]],
  ["a program", "system", ["", "spark-1", "../../bin/sh", "{}", ""]],
  ["a program in base64", "install", ["", "spark-1", DIGEST, "'; id; '", ""]],
  ["transactions", "system", ["", "spark-1", DIGEST, "{}", "$(id)"]],
])("runs nothing where %s is of another form", (_what, operation, lines) => {
  expect(load(operation, lines)).toEqual({ status: 1, stdout: "", stderr: "" });
});

it("gets its lines from one place, each of them one line, and shows no password that isn't", () => {
  const stdin = operationStdin({ sudoPassword: "pass word", host: "spark-1", program: DIGEST, spec: "{}" });
  expect(stdin).toBe(`${loader}pass word\nspark-1\n${DIGEST}\n{}\n\n`);
  expect(() => operationStdin({ sudoPassword: "pass\nword", host: "spark-1", program: DIGEST, spec: "{}" })).toThrow(
    /^spark-1: the sudoPassword of an operation has more than one line$/,
  );
});

it("has the texts of commands that are the same in every release", () => {
  expect(operationTexts("system")).toEqual({
    create: "exec bash -s root system",
    delete: "exec bash -s root unsystem",
    asRoot: true,
  });
  expect(operationTexts("arrive")).toEqual({
    create: "exec bash -s user arrive",
    delete: "exec bash -s root leave",
    asRoot: true,
  });
});
