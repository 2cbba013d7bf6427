import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { packPayload, renderStdin } from "../../plan/payload";

const texts = { program: "main() { :; }\nmain\n" };

describe("packPayload", () => {
  test("is one line of base64 that holds the program and then the document", () => {
    const payload = packPayload(texts, "spark-mesh 1\n");
    expect(payload).toMatch(/^[A-Za-z0-9+/]+=*$/);
    expect(gunzipSync(Buffer.from(payload, "base64")).toString()).toBe("main() { :; }\nmain\nspark-mesh 1\n");
  });

  test("names no operating system and no time, so that it is the same everywhere", () => {
    const header = Buffer.from(packPayload(texts, "spark-mesh 1\n"), "base64").subarray(0, 10);
    expect([...header.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
    expect(header[9]).toBe(255);
  });
});

describe("renderStdin", () => {
  const payload = packPayload(texts, "spark-mesh 1\n");

  test("is the loader and three lines, empty ones too", () => {
    expect(renderStdin("loader\n", { payload, transactions: "" })).toBe(`loader\n\n${payload}\n\n`);
    expect(renderStdin("loader\n", { sudoPassword: "a 'b' $c", payload, transactions: "1-a 2-b" })).toBe(
      `loader\na 'b' $c\n${payload}\n1-a 2-b\n`,
    );
  });

  test.each([
    ["a password of two lines", { sudoPassword: "one\ntwo", payload, transactions: "" }, "line break"],
    ["a payload that is no base64", { payload: "$(reboot)", transactions: "" }, "not base64"],
    ["a transaction that bash would expand", { payload, transactions: "$(reboot)" }, "found transactions"],
  ])("refuses %s", (_, parts, why) => {
    expect(() => renderStdin("loader\n", parts)).toThrow(why);
  });

  test("never shows the password", () => {
    expect(() => renderStdin("loader\n", { sudoPassword: "canary\n", payload, transactions: "" })).toThrow(
      /^(?!.*canary)/s,
    );
  });
});
