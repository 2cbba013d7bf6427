import { z } from "zod";

/** `distribution_config`: models that sparkrun fetches for a server beside the one that it serves. */

const allowed = (text: string) => ({ error: () => text });

const nameText = "a Hugging Face id, e.g. Qwen/Qwen3-8B";
const name = z.string(allowed(nameText)).min(1, allowed(nameText));
const patternsText = "a pattern of file names, or a list of them";
const patterns = z.union([z.string(), z.array(z.string())], allowed(patternsText)).nullish();
const entry = z.union(
  [
    name,
    z.looseObject({
      name,
      revision: z
        .string(allowed("a branch, a tag or a commit"))
        .regex(/^[A-Za-z0-9][\w./-]{0,127}$/, allowed("a branch, a tag or a commit"))
        .nullish(),
      target: z.array(z.int(), allowed("a list of ranks")).nullish(),
      allow_patterns: patterns,
      ignore_patterns: patterns,
    }),
  ],
  allowed(`${nameText}, or { name, revision }`),
);
const entries = z.array(entry, allowed("a list of models"));

export const distribution = z.looseObject(
  {
    models: z
      .looseObject(
        { enabled: z.boolean(allowed("true or false")).nullish(), entries: entries.nullish() },
        allowed("{ entries: [...] }"),
      )
      .nullish(),
    additional_models: entries.nullish(),
  },
  allowed("a mapping with models and additional_models"),
);

export type Distribution = z.infer<typeof distribution>;
export type DistributionEntry = z.infer<typeof entry>;
