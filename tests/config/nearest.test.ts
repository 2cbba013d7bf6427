import { expect, it } from "vitest";
import { nearest } from "../../config/nearest";

it.each([
  ["adress", "address"],
  ["nmae", "name"],
  ["NAME", "name"],
  ["prot", "port"],
  ["hostkey", "hostKey"],
  ["gateway", undefined],
  ["", undefined],
])("%s: %s", (word, wanted) => expect(nearest(word, ["name", "address", "port", "hostKey"])).toBe(wanted));

it("takes the earlier of two that are as near", () =>
  expect(nearest("spark-4", ["spark-1", "spark-2"])).toBe("spark-1"));
