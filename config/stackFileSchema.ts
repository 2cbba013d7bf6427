import { z } from "zod";
import * as schema from "./schema";

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** What each key is, for whoever writes a stack's file: by its path from the stack config, without the namespace. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  hosts: "The Sparks, in rank order; the first is the head.",
  "hosts[].name": "Unique; need not be the machine's own host name.",
  "hosts[].address": "Management address, DNS or mDNS name, or an alias in ~/.ssh/config.",
  "hosts[].number":
    "The host's addresses hang on it: in a /24 they end in 10 + number. Keep it when other hosts are removed. Default: the position from 1.",
  "hosts[].user": "Login user of this host. Default: ssh.user, else as OpenSSH resolves it.",
  "hosts[].port": "SSH port of this host. Default: ssh.port, else as OpenSSH resolves it.",
  "hosts[].identityFile": "Private key for this host. Default: ssh.identityFile.",
  "hosts[].hostKey": "Pins the host's SSH key. Default: the ed25519 key in your known_hosts.",
  "hosts[].managementInterface": "Default: the netdev that routes to the other Sparks.",
  ssh: "How all hosts are reached over SSH.",
  "ssh.auth":
    "agent: keys stay in ssh-agent. key: identityFile's text is in the state, encrypted. Default: key where there is an identityFile, else agent.",
  "ssh.user": "Login user of all hosts. Default: as OpenSSH resolves it.",
  "ssh.port": "SSH port of all hosts. Default: as OpenSSH resolves it.",
  "ssh.identityFile": "Private key for all hosts; wanted by auth: key.",
  "ssh.hostKey": "One host key that all hosts have. Better: each host's own hostKey.",
  "ssh.proxyJump": "One jump host.",
  sudoPassword: "Only where sudo asks. Set it by `pulumi config set --secret spark-mesh:sudoPassword`.",
  sudoPasswords:
    "By host, where they differ. Set each by `pulumi config set --secret --path 'spark-mesh:sudoPasswords[\"spark-3\"]'`.",
  topology: "What the cables are checked against; it chooses nothing.",
  cables: "Declared cables win over what is recorded and discovered. Default: discovered, then recorded on the hosts.",
  "cables[].from": "A host and its port; port 0 is the one next to the RJ-45 jack.",
  "cables[].to": "The other end; without a port it is a switch, by any name.",
  "cables[].subnets": "Two subnets, rail 0 and rail 1. Default: planned.",
  "cables[].addresses": "Two addresses a host, rail 0 and rail 1, for one or both hosts. Default: planned.",
  network: "The address plan, and how it is put on the hosts.",
  "network.firstSubnet":
    "First subnet of the address plan. A change gives the whole mesh new addresses. Default: 192.168.177.0/24.",
  "network.pool": "A network that all planned subnets lie in, next to each other. Default: none.",
  "network.prefixLength": "Of planned subnets. Default: 24, or as in firstSubnet.",
  "network.mtu": "MTU of the CX7 netdevs, in bytes. A change restarts the links.",
  "network.netplanFile": "The file on each host that is ours.",
  "network.confirmSeconds": "After how many seconds a change that was not confirmed is rolled back.",
  "network.migrate": "Moves the definitions of CX7 netdevs out of other netplan files; destroy puts them back.",
  trust: "Every Spark may log in to every other over SSH.",
  system: "Settings of the hosts themselves; destroy puts back what was there.",
  "system.dockerGroup": "The login user is a member of the group docker.",
  "system.sudoers": "The login user needs no sudo password for what later runs do.",
  "system.removeIpc": "false: logind leaves a user's shared memory alone at the last logout.",
  "system.earlyoom": "earlyoom, which has to be installed, kills an engine before the host runs out of memory.",
  deployments: "Served models.",
  "deployments[].name": "Unique.",
  "deployments[].recipe":
    "What is served: a name in recipes/, @registry/name, URL#COMMIT:path of a git repository, or a path from the project's folder.",
  "deployments[].hosts": "In rank order; the first answers. Default: as many as the recipe needs, in order.",
  "deployments[].overrides":
    "Values over those of the recipe: its parameters, model, container, options of the container.",
  "deployments[].mods":
    "Where the recipe's mods are. Default: beside the recipe, in its repository, else in the registry eugr.",
  "deployments[].build":
    "What builds the image. Default: it is pulled, or there; one without a registry's name is built by the recipe's own repository, where that can.",
  "deployments[].fabricEnv":
    "`mesh`: the variables by which ranks reach one another are the mesh's, whatever the recipe has. Default: recipe.",
  "deployments[].readySeconds": "How many seconds `up` waits for the server's first answer.",
  "deployments[].args":
    "Words behind the server's own arguments, each one argument; the last of a flag counts. No shell looks at them.",
  "deployments[].env": "Variables of its containers, over spark-mesh:env and the recipe's.",
  env: "Variables of all deployments' containers, over the recipes'; a deployment's own win.",
  registries:
    "Git repositories with recipes, by the name that @name/recipe has them by: URL#COMMIT, and :FOLDER behind it.",
  hfToken: "For models that Hugging Face gates. Set it by `pulumi config set --secret spark-mesh:hfToken`.",
  abandon: "Names of hosts that are gone for good.",
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
 */
export function stackFileSchema(): unknown {
  const { properties = {}, required = [] } = z.toJSONSchema(values, {
    target: "draft-7",
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => sayAllowed(zodSchema, jsonSchema),
  });
  describeKeys(properties, "");
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

function describeKeys(properties: Readonly<Record<string, unknown>>, path: string): void {
  for (const [key, value] of Object.entries(properties)) {
    const own = path === "" ? key : `${path}.${key}`;
    const part = value as JsonSchema;
    const text = DESCRIPTIONS[own];
    if (text === undefined) throw new Error(`${own}: has no description in config/stackFileSchema.ts`);
    part.description = text;
    const items = part.items as JsonSchema | undefined;
    if (part.properties && !("secure" in part.properties)) describeKeys(part.properties, own);
    else if (items?.properties) describeKeys(items.properties, `${own}[]`);
  }
}
