import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parseDocument } from "yaml";
import { readDescriptions } from "../../config/descriptions";
import { keyPaths, stackFileSchema } from "../../config/stackFileSchema";

const checkout = join(__dirname, "../..");

it("is the schema that is checked in; `npm run schema` writes it", () => {
  const written = readFileSync(join(checkout, "config/stack.schema.json"), "utf8");
  expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(stackFileSchema(readDescriptions()))));
});

it("is named by the example's first line, from where a copy of it lies", () => {
  const [first] = readFileSync(join(checkout, "Pulumi.example.yaml"), "utf8").split("\n");
  expect(first).toBe("# yaml-language-server: $schema=./config/stack.schema.json");
});

it("has every key that the example and the reference show", () => {
  for (const file of ["Pulumi.example.yaml", "docs/config.md"]) {
    const text = readFileSync(join(checkout, file), "utf8");
    const shown = [...text.matchAll(/^[ #]*spark-mesh:(\w+):/gm)].map(([, key]) => key);
    expect(keyPaths).toEqual(expect.arrayContaining(shown));
  }
});

it("stays as it is when Pulumi adds to a copy of the example: no comment of it moves", () => {
  const example = readFileSync(join(checkout, "Pulumi.example.yaml"), "utf8");
  const document = parseDocument(example);
  document.setIn(["config", "spark-mesh:sudoPassword"], document.createNode({ secure: "v1:abc" }));
  document.set("encryptionsalt", "v1:def");
  expect(document.toString({ lineWidth: 0 })).toBe(
    `${example}  spark-mesh:sudoPassword:\n    secure: v1:abc\nencryptionsalt: v1:def\n`,
  );
  // The same goes for Pulumi's own editor, to which a comment belongs to the key below it: there is one below each.
  expect(example.trimEnd().split("\n").at(-1)).toMatch(/^ {2}spark-mesh:\w+: /);
});
