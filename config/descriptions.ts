/** What `npm run schema` and its test take from `arguments.ts`; needs TypeScript, and so is no part of the program. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ts from "typescript";

const ROOT = "ClusterArguments";

/** What each key is and what it is by default, by its path as it is written, e.g. `network.mtu` and `hosts[].name`. */
export function readDescriptions(): Readonly<Record<string, string>> {
  const text = readFileSync(join(__dirname, "arguments.ts"), "utf8");
  const source = ts.createSourceFile("arguments.ts", text, ts.ScriptTarget.ES2022, true);
  const shapes = new Map(source.statements.filter(ts.isInterfaceDeclaration).map((shape) => [shape.name.text, shape]));
  return Object.fromEntries(describe(shapes, ROOT, ""));
}

function describe(
  shapes: ReadonlyMap<string, ts.InterfaceDeclaration>,
  name: string,
  path: string,
): readonly (readonly [string, string])[] {
  const members = shapes.get(name)?.members.filter(ts.isPropertySignature) ?? [];
  return members.flatMap((member) => {
    const own = path === "" ? member.name.getText() : `${path}.${member.name.getText()}`;
    const inner = shapeIn(member.type, own);
    return [[own, descriptionOf(member)] as const, ...(inner ? describe(shapes, ...inner) : [])];
  });
}

/** The shape that a type refers to, by itself or as a list's entry, and the path of what is in it. */
function shapeIn(type: ts.TypeNode | undefined, path: string): readonly [string, string] | undefined {
  if (type === undefined) return undefined;
  if (ts.isTypeOperatorNode(type)) return shapeIn(type.type, path);
  if (ts.isArrayTypeNode(type)) return shapeIn(type.elementType, `${path}[]`);
  return ts.isTypeReferenceNode(type) ? [type.typeName.getText(), path] : undefined;
}

function descriptionOf(member: ts.PropertySignature): string {
  const [comment] = ts.getJSDocCommentsAndTags(member).filter(ts.isJSDoc);
  const standard = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === "default");
  const lines = [textOf(comment?.comment), ...(standard ? [`Default: ${textOf(standard.comment)}.`] : [])];
  return lines.join(" ").trim();
}

function textOf(comment: Parameters<typeof ts.getTextOfJSDocComment>[0]): string {
  return (ts.getTextOfJSDocComment(comment) ?? "").replaceAll(/\s+/g, " ");
}
