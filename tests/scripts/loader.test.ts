import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { scriptTexts } from "../../components/scriptTexts";

test("the loader is frozen: state holds its text, and a new text would run every command of every mesh again", () => {
  const digest = createHash("sha256").update(scriptTexts().loader).digest("hex");
  expect(digest).toBe("23dc0e34d693d931d1be9baf5f3cb2ea0585570bb67537e875a36f201b58336e");
});

test("the program reads its document from the line after its last", () => {
  expect(scriptTexts().program).toMatch(/\nmain "\$@"\n$/);
});

test("the program's comments stay at home", () => {
  expect(scriptTexts().program).not.toMatch(/^\s*#/m);
});
