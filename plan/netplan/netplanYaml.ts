import { isMap, LineCounter, parseDocument } from "yaml";
import type { SeenFile } from "../../facts/record";
import type { Renderer } from "../plan";
import { compareText } from "../views";

/** A mapping of YAML whose values nobody has judged yet. */
export type Fields = Readonly<Record<string, unknown>>;

type ParsedNetplan =
  | { readonly kind: "network"; readonly network: Fields }
  | { readonly kind: "malformed"; readonly line: number; readonly reason: string };

/** netplan's own, where no file chooses one. */
export const DEFAULT_RENDERER: Renderer = "networkd";

/** Until the next boot. */
export const RUNTIME_FOLDER = "/run/netplan";

/** A file hides those of the same name in earlier folders, as netplan has it. */
const FOLDERS = ["/lib/netplan", "/usr/lib/netplan", "/etc/netplan", RUNTIME_FOLDER];

/** netplan reads YAML 1.1, where `no` is false; duplicate keys are its own affair. */
export const NETPLAN_YAML = { version: "1.1", uniqueKeys: false } as const;

/** The files that netplan merges, in its order: by name, whatever the folder; hidden ones are left out. */
export function mergedOrder(files: readonly SeenFile[]): readonly SeenFile[] {
  const byName = new Map<string, SeenFile>();
  for (const file of [...files].sort((a, b) => folderRank(a) - folderRank(b) || compareText(a.path, b.path))) {
    byName.set(baseName(file), file);
  }
  return [...byName.values()].sort((a, b) => compareText(baseName(a), baseName(b)));
}

export function baseName({ path }: Pick<SeenFile, "path">): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function folderRank({ path }: SeenFile): number {
  return FOLDERS.indexOf(path.slice(0, path.lastIndexOf("/")));
}

/** What a netplan file says under `network:`. */
export function parseNetplan(text: string): ParsedNetplan {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, ...NETPLAN_YAML });
  const [error] = document.errors;
  if (error) {
    const [reason = ""] = error.message.split("\n");
    return {
      kind: "malformed",
      line: lineCounter.linePos(error.pos[0]).line,
      reason: reason.replace(/ at line .*$/, ""),
    };
  }
  if (document.contents !== null && !isMap(document.contents)) {
    return { kind: "malformed", line: 1, reason: "not a mapping" };
  }
  try {
    return { kind: "network", network: fields(fields(document.toJS({ maxAliasCount: 20 })).network) };
  } catch {
    return { kind: "malformed", line: 1, reason: "aliases that don't resolve" };
  }
}

/** A mapping's fields; none where it is something else. */
export function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}

/** The renderer that files choose for the host, the last one by netplan's order; undefined where none does. */
export function chosenRenderer(networks: readonly Fields[]): Renderer | undefined {
  return networks
    .map(({ renderer }) => renderer)
    .filter((renderer) => renderer === "NetworkManager" || renderer === "networkd")
    .at(-1);
}
