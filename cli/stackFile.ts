/** A stack's file, Pulumi.NAME.yaml, read and written without the engine: its comments, its order and its secrets stay. */

import { type Document, isMap, isSeq, parseDocument, type YAMLMap, YAMLSeq } from "yaml";
import { Faults } from "../config/faults";

const NAMESPACE = "spark-mesh:";

/** What is written into a stack's file: plain data in the stack config's own form, by key without the namespace. */
export interface StackConfigBlock {
  readonly hosts: readonly Readonly<Record<string, unknown>>[];
  /** For a file without `ssh`. */
  readonly ssh?: Readonly<Record<string, unknown>>;
  readonly cables?: readonly Readonly<Record<string, unknown>>[];
  /** Keys of `network` that are to be set; its others stay. */
  readonly network?: Readonly<Record<string, unknown>>;
}

/** How a stack's new file begins. @param schema path of the editor's schema, from the file's folder */
export function stackFileHead(schema: string): string {
  const place = schema.startsWith(".") ? schema : `./${schema}`;
  return `# yaml-language-server: $schema=${place}
# One stack is one cluster. Every key is in docs/config.md, and your editor knows them by the line above.
# Secrets: npx pulumi config set --secret spark-mesh:sudoPassword (or hfToken); lists and objects: edit this file.
`;
}

/**
 * The values of a stack's file as `allConfig()` would give them: texts, and JSON for lists and objects. Encrypted ones
 * are left out: they need the stack's passphrase.
 *
 * @param path for messages.
 * @throws Faults where the text is no stack file.
 */
export function readStackFile(text: string, path: string): Record<string, string> {
  const config = configOf(parse(text, path));
  const values: Record<string, string> = {};
  for (const [key, value] of Object.entries((config?.toJSON() ?? {}) as Record<string, unknown>)) {
    const readable = withoutSecrets(value);
    if (readable === undefined) continue;
    values[key] = typeof readable === "string" ? readable : JSON.stringify(readable);
  }
  return values;
}

/**
 * The text of a stack's file with `block` in it. A host that is there already keeps its entry, and so does a cable that
 * is there with the same ends; cables that are not in `block` go.
 *
 * @param text the present text; "" makes a new file.
 * @throws Faults where the text is no stack file.
 */
export function writeStackFile(text: string, block: StackConfigBlock, path: string): string {
  const document = parse(text, path);
  if (document.contents === null) document.contents = document.createNode<Record<string, unknown>>({});
  if (configOf(document) === undefined) document.set("config", document.createNode({}));
  const config = configOf(document);
  if (config === undefined) throw new Faults(path, ["config: found no mapping; wanted keys with their values"]);

  setHosts(document, config, block.hosts);
  if (!config.has(`${NAMESPACE}ssh`)) setKeys(document, config, "ssh", block.ssh ?? {});
  if (block.cables !== undefined) setCables(document, config, block.cables);
  setKeys(document, config, "network", block.network ?? {});
  return textOf(document);
}

/**
 * The text of a stack's file with `hostKey` pinned for a host that is in it.
 *
 * @throws Faults where the file has no such entry.
 */
export function pinInStackFile(text: string, host: string, hostKey: string, path: string): string {
  const document = parse(text, path);
  const list = configOf(document)?.get(`${NAMESPACE}hosts`);
  const entry = isSeq(list) ? list.items.find((item) => isMap(item) && item.get("name") === host) : undefined;
  if (!isMap(entry)) {
    throw new Faults(path, [
      `${NAMESPACE}hosts: found no entry of a list for ${host}; wanted one to write hostKey into`,
    ]);
  }
  entry.set("hostKey", hostKey);
  return textOf(document);
}

/**
 * The text of a stack's file with one override of a deployment that is in it, in the form that its overrides have.
 *
 * @throws Faults where the file has no such entry.
 */
export function overrideInStackFile(
  text: string,
  deployment: string,
  key: string,
  value: string,
  path: string,
): string {
  const document = parse(text, path);
  const list = configOf(document)?.get(`${NAMESPACE}deployments`);
  const entry = isSeq(list) ? list.items.find((item) => isMap(item) && item.get("name") === deployment) : undefined;
  if (!isMap(entry)) {
    throw new Faults(path, [
      `${NAMESPACE}deployments: found no entry of a list for ${deployment}; wanted one to write overrides into`,
    ]);
  }
  const overrides = entry.get("overrides");
  if (isMap(overrides)) overrides.set(key, value);
  else entry.set("overrides", document.createNode({ [key]: value }));
  return textOf(document);
}

function textOf(document: Document): string {
  return document.toString({ lineWidth: 0, flowCollectionPadding: true });
}

function parse(text: string, path: string): Document {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) {
    const line = error.message.split("\n", 1)[0] ?? "malformed YAML";
    // What a person adds to the end of a file comes below what Pulumi has written there.
    const [written = text] = /^[\s\S]*^encryptionsalt:.*$/m.exec(text) ?? [];
    const isBelow = written !== text && parseDocument(written).errors.length === 0;
    throw new Faults(path, [
      isBelow ? `${line.replace(/:$/, "")}; it stands below encryptionsalt, and ${UNDER_CONFIG}` : line,
    ]);
  }
  const { contents } = document;
  if (contents === null) return document;
  if (!isMap(contents)) throw new Faults(path, ["found no mapping"]);
  const strays = contents.items.map(({ key }) => String(key)).filter((key) => key.startsWith(NAMESPACE));
  if (strays.length > 0)
    throw new Faults(
      path,
      strays.map((key) => `${key}: found beside config:, where Pulumi doesn't look; ${UNDER_CONFIG}`),
    );
  return document;
}

const UNDER_CONFIG = "keys of the stack go under config:, indented by two blanks, above encryptionsalt";

function configOf(document: Document): YAMLMap | undefined {
  const config = document.get("config");
  return isMap(config) ? config : undefined;
}

function isSecure(value: object): boolean {
  return "secure" in value;
}

/** Undefined where there is nothing but secrets. */
function withoutSecrets(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (isSecure(value)) return undefined;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  const all = Object.entries(value);
  const readable = all
    .map(([key, inner]) => [key, withoutSecrets(inner)] as const)
    .filter(([, inner]) => inner !== undefined);
  return readable.length === 0 && all.length > 0 ? undefined : Object.fromEntries(readable);
}

function setHosts(document: Document, config: YAMLMap, hosts: StackConfigBlock["hosts"]): void {
  // Nobody is to paste an empty list over the hosts that a stack has.
  if (hosts.length === 0) return;
  const list = listAt(config, "hosts");
  const present = new Set(list.items.map((item) => (isMap(item) ? item.get("name") : undefined)));
  for (const host of hosts) if (!present.has(host.name)) list.add(document.createNode(host));
}

function setCables(document: Document, config: YAMLMap, cables: readonly Readonly<Record<string, unknown>>[]): void {
  const list = listAt(config, "cables");
  const kept = new Map(list.items.map((item) => [isMap(item) ? endsOf(item.toJSON()) : "", item]));
  list.items = cables.map((cable) => {
    const same = kept.get(endsOf(cable));
    if (!isMap(same)) return document.createNode(cable, { flow: true });
    for (const [key, value] of Object.entries(cable)) {
      if (key === "from" || key === "to") continue;
      if (JSON.stringify(same.toJSON()[key]) !== JSON.stringify(value))
        same.set(key, document.createNode(value, { flow: true }));
    }
    return same;
  });
}

/** A cable is the same from both its ends. */
function endsOf({ from, to }: Readonly<Record<string, unknown>>): string {
  return [String(from), String(to)].sort().join(" ");
}

function setKeys(document: Document, config: YAMLMap, name: string, keys: Readonly<Record<string, unknown>>): void {
  const place = `${NAMESPACE}${name}`;
  const all = Object.entries(keys);
  if (all.length > 0 && !isMap(config.get(place))) config.set(place, document.createNode({}));
  for (const [key, value] of all) config.setIn([place, key], document.createNode(value));
}

function listAt(config: YAMLMap, name: string): YAMLSeq {
  const key = `${NAMESPACE}${name}`;
  const found = config.get(key);
  if (isSeq(found)) return found;
  const list = new YAMLSeq();
  config.set(key, list);
  return list;
}
