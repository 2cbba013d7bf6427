import { type Document, isMap, isNode, LineCounter, parseDocument, stringify, visit } from "yaml";
import { z } from "zod";
import { Faults } from "../config/faults";
import { oneLine, shown } from "../config/judge";
import * as schema from "../config/schema";
import { type Exported, type ExportedMesh, type Member, membersOf, usersOf } from "./exported";
import { type ImportedCluster, named, parseLogin } from "./imported";

const allowed = (text: string) => ({ error: () => text });
const fitting = (part: z.ZodType, what: string) =>
  z.string(allowed(what)).refine((text) => part.safeParse(text).success, allowed(what));

const hostText = "an address or a name, or user@address";
const hostsText = "a list of hosts, the head first";

/** What a stack can take from a cluster of sparkrun's; the other keys are about containers and caches. */
const cluster = z.looseObject({
  hosts: z
    .array(
      z.string(allowed(hostText)).refine((text) => parseLogin(text) !== undefined, allowed(hostText)),
      allowed(hostsText),
    )
    .min(1, allowed(`${hostsText}, not empty`)),
  user: fitting(schema.host.shape.user, "a login name, e.g. nvidia").nullish(),
  topology: z.string(allowed("direct, switch or ring")).nullish(),
  mgmt_interface: fitting(schema.host.shape.managementInterface, "a netdev's name, e.g. enP7s7").nullish(),
});

/**
 * A cluster as sparkrun keeps it in ~/.config/sparkrun/clusters/NAME.yaml.
 *
 * @throws Faults with everything that is wrong, line first.
 */
export function readSparkrunCluster(text: string): ImportedCluster {
  const { hosts, user, topology, mgmt_interface: managementInterface } = parseCluster(text);
  return {
    hosts: named(hosts.flatMap((host) => parseLogin(host) ?? [])).map((host) => ({
      ...host,
      ...(managementInterface && { managementInterface }),
    })),
    ...(user && { ssh: { user } }),
    ...(topology === "ring" && { topology }),
    overCx7: false,
    // It is also what sparkrun says of a pair, and of what it can't tell.
    notes: topology && topology !== "ring" ? [`topology: sparkrun says ${topology}; left to discovery`] : [],
  };
}

function parseCluster(text: string): z.infer<typeof cluster> {
  const lineCounter = new LineCounter();
  // PyYAML, which sparkrun reads with, keeps to YAML 1.1.
  const document = parseDocument(text, { lineCounter, version: "1.1" });
  const lineAt = (offset: number) => `line ${lineCounter.linePos(offset).line}`;
  const [error] = document.errors;
  if (error) {
    const [reason = ""] = error.message.split("\n");
    throw faulty([`${lineAt(error.pos[0])}: malformed YAML (${reason.replace(/ at line .*$/, "")})`]);
  }
  if (!isMap(document.contents)) throw faulty([`line 1: found no mapping; needed: hosts, ${hostsText}`]);
  const placeAt = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `line ${line}, column ${col}`;
  };
  refuseAliases(document, placeAt);
  const lineOf = (path: readonly PropertyKey[]) => {
    const node = document.getIn(path, true) as { readonly range?: readonly [number, number, number] } | undefined;
    return node?.range ? lineAt(node.range[0]) : undefined;
  };
  const valueAt = (path: readonly PropertyKey[]): unknown => {
    const found = document.getIn(path);
    return isNode(found) ? found.toJSON() : found;
  };
  const judged = cluster.safeParse(document.toJS({ maxAliasCount: 20 }));
  if (!judged.success) {
    throw faulty(
      judged.error.issues.map(({ path, message }) => {
        const line = lineOf(path);
        return line === undefined
          ? `line 1: ${z.core.toDotPath(path)}: missing; needed: ${message}`
          : `${line}: ${z.core.toDotPath(path)}: found ${shown(valueAt(path))}; allowed: ${message}`;
      }),
    );
  }
  const addresses = judged.data.hosts.map((host) => parseLogin(host)?.address);
  const twice = addresses.flatMap((address, index) => {
    const first = addresses.indexOf(address);
    return first < index
      ? [`${lineOf(["hosts", index])}: hosts[${index}]: ${address} is already hosts[${first}]; a host comes once`]
      : [];
  });
  if (twice.length > 0) throw faulty(twice);
  return judged.data;
}

/** @throws Faults at the first alias that stands for nothing, or for what it is in */
function refuseAliases(document: Document, placeAt: (offset: number) => string): void {
  visit(document, {
    Alias: (_, alias, ancestors) => {
      const anchored = alias.resolve(document);
      const why = anchored ? "contains itself" : "no such anchor before it";
      if (!anchored || ancestors.some((node) => node === anchored))
        throw faulty([`${placeAt(alias.range?.[0] ?? 0)}: *${oneLine(alias.source)}: ${why}`]);
    },
  });
}

function faulty(lines: readonly string[]): Faults {
  return new Faults("the sparkrun cluster", lines);
}

/**
 * The mesh as a cluster of sparkrun's, for ~/.config/sparkrun/clusters/NAME.yaml on the control machine.
 *
 * @param name letters, digits, _ and -; the file's name too.
 * @throws Faults where sparkrun could not use it.
 */
export function writeSparkrunCluster(name: string, mesh: ExportedMesh): Exported {
  const members = membersOf(mesh);
  const users = usersOf(members);
  const faults = [
    ...(/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name)
      ? []
      : [`name: found ${shown(name)}; allowed: letters, digits, _ and -, a letter or digit first`]),
    ...(users.length > 1 ? [`user: found ${users.join(", ")}; sparkrun logs in to all hosts as one`] : []),
  ];
  if (faults.length > 0) throw faulty(faults);
  const user = members[0]?.user;
  const managementInterface = commonInterface(members);
  const { topology } = mesh.plan;
  const isLargeRing = topology === "ring" && members.length > 3;
  const data = {
    name,
    hosts: members.map(({ config }) => config.address),
    description: `Mesh of ${members.length} Sparks, made by spark-mesh`,
    ...(user !== undefined && { user }),
    topology,
    ...(managementInterface !== undefined && { mgmt_interface: managementInterface }),
    // sparkrun's ring is the one of three.
    ...(isLargeRing && { env: { NCCL_ALGO: "Ring" } }),
  };
  return { text: stringify(data, { version: "1.1", lineWidth: 0 }), notes: members.flatMap(sshNotes) };
}

function commonInterface(members: readonly Member[]): string | undefined {
  const [first, ...others] = new Set(members.map(({ planned }) => planned.managementInterface));
  return others.length === 0 ? first : undefined;
}

/** sparkrun asks OpenSSH for everything but the user, so what only the stack config says must be told to OpenSSH too. */
function sshNotes({ planned: { name }, config: { address, ssh } }: Member): readonly string[] {
  const missing = [
    ...(ssh.port === undefined ? [] : [`Port ${ssh.port}`]),
    ...(ssh.proxyJump === undefined ? [] : [`ProxyJump ${ssh.proxyJump}`]),
    ...(ssh.identityFile === undefined ? [] : [`IdentityFile ${ssh.identityFile}`]),
  ];
  if (missing.length === 0) return [];
  return [
    `${name}: sparkrun logs in as ~/.ssh/config says; it needs there, under Host ${address}: ${missing.join(", ")}`,
  ];
}
