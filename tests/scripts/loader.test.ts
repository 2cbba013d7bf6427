import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { scriptTexts } from "../../components/scriptTexts";

test("the loader is frozen: state holds its text, and a new text would run every command of every mesh again", () => {
  const digest = createHash("sha256").update(scriptTexts().loader).digest("hex");
  expect(digest).toBe("30bd53fde12b25a8d9b4425626e6654d8bd9d56c655f6dbff8da7f72da06a551");
});

test("the program reads its document from the line after its last", () => {
  expect(scriptTexts().program).toMatch(/\nmain "\$@"\n$/);
});

test("the program's comments stay at home", () => {
  expect(scriptTexts().program).not.toMatch(/^\s*#/m);
});
