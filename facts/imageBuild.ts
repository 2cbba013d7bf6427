import { z } from "zod";

/** The label of an image that was built here: what it was built from, as JSON. Containers of it have it too. */
const LABEL = "spark-mesh.build";

/** What an image was built from. */
export interface ImageBuild {
  /** Of the builder's repository, all 40 digits. */
  readonly commit: string;
  /** The builder's, less the image's name. */
  readonly arguments: readonly string[];
}

const imageBuild = z.object({ commit: z.string().regex(/^[0-9a-f]{40}$/), arguments: z.array(z.string()) });

/** What the label among an image's says; undefined where there is none, or none of ours. */
export function readImageBuild(labels: Readonly<Record<string, string>> | null | undefined): ImageBuild | undefined {
  try {
    return imageBuild.safeParse(JSON.parse(labels?.[LABEL] ?? "")).data;
  } catch {
    return undefined;
  }
}
