import { z } from "zod";
import * as schema from "./schema";

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** How a secret gets into a stack's file. */
const SECRETS: Readonly<Record<string, string>> = {
  sudoPassword: "Set it by `pulumi config set --secret spark-mesh:sudoPassword`.",
  sudoPasswords: "Set each by `pulumi config set --secret --path 'spark-mesh:sudoPasswords[\"spark-3\"]'`.",
  hfToken: "Set it by `pulumi config set --secret spark-mesh:hfToken`.",
};

const encrypted = z.strictObject({ secure: z.string() });

/** Each value of it may be a secret, and so may all of it. */
const environment = z.union([
  encrypted,
  z.record(schema.environment.keyType, schema.environment.valueType.or(encrypted)),
]);

/** The values as they stand in the file, where a secret is encrypted. */
const values = z.strictObject({
  hosts: z.array(schema.host).min(1),
  ssh: schema.ssh.optional(),
  sudoPassword: encrypted.optional(),
  sudoPasswords: z.union([encrypted, z.record(z.string(), encrypted)]).optional(),
  topology: schema.topology,
  cables: z.array(schema.cable).min(1).optional(),
  network: schema.network.optional(),
  trust: schema.trust,
  system: schema.system.optional(),
  deployments: z.array(schema.deployment.extend({ env: environment.optional() })).optional(),
  env: environment.optional(),
  registries: schema.registries.optional(),
  hfToken: encrypted.optional(),
  abandon: schema.abandon,
} satisfies Readonly<Record<schema.TopLevelKey, z.ZodType>>);

/**
 * The format of Pulumi.<stack>.yaml, for editors: JSON schema, draft 7, with every key described and with what is
 * allowed in our own words. What only a look at several keys can tell is left to the preview.
 *
 * @param descriptions what each key is, by its path.
 * @throws Error for a key without one
 */
export function stackFileSchema(descriptions: Readonly<Record<string, string>>): unknown {
  const { properties = {}, required = [] } = z.toJSONSchema(values, {
    target: "draft-7",
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => sayAllowed(zodSchema, jsonSchema),
  });
  describeKeys(descriptions, properties, "");
  const named = Object.entries(properties).map(([key, value]) => [`spark-mesh:${key}`, value]);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "The stack config of spark-mesh",
    type: "object",
    properties: {
      config: {
        type: "object",
        properties: Object.fromEntries(named),
        required: required.map((key) => `spark-mesh:${key}`),
        // Keys of other providers, and Pulumi's own.
        patternProperties: { "^(?!spark-mesh:).+:": true },
        additionalProperties: false,
      },
      // Pulumi's own: how the stack's secrets are encrypted, and where more config comes from.
      encryptionsalt: { type: "string" },
      encryptedkey: { type: "string" },
      secretsprovider: { type: "string" },
      environment: true,
    },
    required: ["config"],
    additionalProperties: false,
  };
}

/** Paths of all keys as they are written, e.g. `network.mtu` and `hosts[].name`. */
export const keyPaths: readonly string[] = pathsOf(values, "");

function pathsOf(part: unknown, path: string): readonly string[] {
  const inner = withoutDefault(part);
  if (inner instanceof z.ZodArray) return pathsOf(inner.element, `${path}[]`);
  if (!(inner instanceof z.ZodObject) || inner === encrypted) return [];
  return Object.entries(inner.shape).flatMap(([key, value]) => {
    const own = path === "" ? key : `${path}.${key}`;
    return [own, ...pathsOf(value, own)];
  });
}

function withoutDefault(part: unknown): unknown {
  return part instanceof z.ZodOptional || part instanceof z.ZodDefault ? withoutDefault(part.unwrap()) : part;
}

/** Puts what is allowed, in the words of our own messages, where the editor would say a pattern or a bound. */
function sayAllowed(zodSchema: z.core.$ZodTypes, jsonSchema: z.core.JSONSchema.BaseSchema): void {
  const { error } = zodSchema._zod.def;
  const text = error?.({ input: undefined } as never);
  // Of an object the editor says which key is not allowed, or missing.
  if (typeof text !== "string" || jsonSchema.type === "object") return;
  jsonSchema.errorMessage = text;
  if (jsonSchema.pattern !== undefined) jsonSchema.patternErrorMessage = text;
}

function describeKeys(
  descriptions: Readonly<Record<string, string>>,
  properties: Readonly<Record<string, unknown>>,
  path: string,
): void {
  for (const [key, value] of Object.entries(properties)) {
    const own = path === "" ? key : `${path}.${key}`;
    const part = value as JsonSchema;
    const text = descriptions[own];
    if (!text) throw new Error(`${own}: has no description in config/arguments.ts`);
    part.description = [text, SECRETS[own] ?? ""].join(" ").trim();
    const items = part.items as JsonSchema | undefined;
    if (part.properties && !("secure" in part.properties)) describeKeys(descriptions, part.properties, own);
    else if (items?.properties) describeKeys(descriptions, items.properties, `${own}[]`);
  }
}
