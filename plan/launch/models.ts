import type { ExecutorConfig } from "../recipe/recipe";

/** What a model is to a server. */
export type ModelUse = "model" | "drafter" | "tokenizer" | "configuration" | "adapter" | "additional model";

/** A model that has to be on every host before a server starts: servers run offline. */
export interface NeededModel {
  /** Hugging Face id, or an absolute folder of the hosts. */
  readonly id: string;
  /** Branch, tag or commit on Hugging Face. Undefined: main. */
  readonly revision?: string;
  readonly use: ModelUse;
  /** Of a drafter: over how many ranks of a replica its weights are split. */
  readonly split?: number;
}

/** A model as arguments or a recipe name it. */
export interface Mention {
  readonly name: string;
  readonly revision?: string;
  readonly use: ModelUse;
  readonly split?: number;
  /** Where, and by what, for a message: `FILE:LINE:COLUMN: --tokenizer`. */
  readonly at: string;
}

/** Where a mentioned model is: to be fetched, in the container already, or why nobody can tell. */
export type Placed =
  | {
      readonly needed: NeededModel;
      /** A folder of the hosts that the container is to have under the same name; undefined for a volume's. */
      readonly folder?: string;
    }
  | { readonly problem: string }
  | undefined;

const ID = /^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)?$/;
const FOLDER = /^(\/[A-Za-z0-9._@+-]+)+$/;
/** In a cache or in the image. */
const IN_CONTAINER = /^\/(root|cache|workspace)\//;
const REVISION = /^(?!.*\.\.)[A-Za-z0-9][\w./-]{0,127}$/;

/**
 * Where a model is that is mentioned. One that lies in a volume of the recipe's is a folder of the hosts; one below /root,
 * /cache or /workspace is in a cache or in the image: undefined.
 */
export function placeModel({ name, revision, use, split, at }: Mention, { volumes }: ExecutorConfig): Placed {
  const isPath = name.startsWith("/");
  const bare = name.replace(/\/+$/, "");
  const inVolume = isPath ? folderInVolume(bare, volumes ?? []) : undefined;
  if (isPath && inVolume === undefined && IN_CONTAINER.test(bare)) return undefined;
  const id = inVolume ?? bare;
  if (!(isPath ? FOLDER : ID).test(id) || id.split("/").some((part) => part === "." || part === "..")) {
    return {
      problem: `${at}: found ${JSON.stringify(name)}; allowed: a Hugging Face id, e.g. Qwen/Qwen3-8B, or the absolute path of a folder`,
    };
  }
  if (revision !== undefined && !REVISION.test(revision)) {
    return { problem: `${at}: found the revision ${JSON.stringify(revision)}; allowed: a branch, a tag or a commit` };
  }
  return {
    needed: { id, use, ...(revision !== undefined && !isPath && { revision }), ...(split !== undefined && { split }) },
    ...(isPath && inVolume === undefined && { folder: id }),
  };
}

/** What a path in the container is on its host, where a volume brings it. */
function folderInVolume(path: string, volumes: readonly (string | number)[]): string | undefined {
  const [mounted] = volumes
    .map((volume) => String(volume).split(":"))
    .map(([source = "", target = ""]) => ({ source: source.replace(/\/+$/, ""), target: target.replace(/\/+$/, "") }))
    .filter(({ target }) => path === target || path.startsWith(`${target}/`))
    .sort((a, b) => b.target.length - a.target.length);
  return mounted && `${mounted.source}${path.slice(mounted.target.length)}`;
}

/** The same model at the same revision is fetched once. */
export function isSameModel(
  one: Pick<NeededModel, "id" | "revision">,
  other: Pick<NeededModel, "id" | "revision">,
): boolean {
  return one.id === other.id && (one.revision ?? "main") === (other.revision ?? "main");
}
