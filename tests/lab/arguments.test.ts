import { expect, test } from "vitest";
import { parseArguments, usage, type Verb } from "../../lab/arguments";

const verbs: Record<string, Verb> = {
  up: {
    operands: [],
    about: "make a lab",
    flags: { "--wiring": { value: "WIRING", about: "cables" }, "--docker": { about: "Docker Engine" } },
  },
  exec: { operands: ["HOST"], about: "run a command", flags: {}, command: "required" },
};

test("reads flags with and without values, in either form", () => {
  const { values, switches } = parseArguments(verbs, ["up", "--wiring=1/0-2/1 2/0-3/1", "--docker"]);
  expect(values).toEqual({ "--wiring": "1/0-2/1 2/0-3/1" });
  expect([...switches]).toEqual(["--docker"]);
  expect(parseArguments(verbs, ["up", "--wiring", "ring"]).values).toEqual({ "--wiring": "ring" });
});

test("leaves what follows -- alone", () => {
  const { operands, command } = parseArguments(verbs, ["exec", "spark-2", "--", "ip", "--help"]);
  expect([operands, command]).toEqual([["spark-2"], ["ip", "--help"]]);
});

test.each([
  [["upp"], "unknown verb upp; did you mean up?"],
  [["up", "--wirng", "ring"], "unknown flag --wirng; did you mean --wiring?"],
  [["up", "--wiring"], "--wiring: found no value, wanted WIRING"],
  [["up", "--wiring", "--docker"], "--wiring: found no value, wanted WIRING"],
  [["up", "--docker=yes"], "--docker: found a value, wanted none"],
  [["up", "spark-1"], "up: found spark-1, wanted no operand"],
  [["up", "--", "ls"], "up: found a command after --, wanted none"],
  [["exec", "--", "ls"], "exec: found nothing, wanted HOST"],
  [["exec", "spark-1"], "exec: found no command, wanted one after --"],
  [["exec", "--root", "spark-1"], "unknown flag --root; this verb takes none"],
])("refuses %j", (words, message) => {
  expect(() => parseArguments(verbs, words)).toThrow(message);
});

test.each([[[]], [["help"]], [["--help"]], [["up", "--help"]], [["exec", "-h"]]])("%j asks for help", (words) => {
  expect(parseArguments(verbs, words).verb).toBe("help");
});

test("usage of one verb shows its flags", () => {
  expect(usage("lab", verbs, "up")).toBe(`Usage: lab VERB

  up                             make a lab
      --wiring WIRING            cables
      --docker                   Docker Engine`);
});
