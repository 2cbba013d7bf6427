import { z } from "zod";
import { Faults } from "../config/faults";
import { ask } from "./answers";

const modelInfo = z.object({ sha: z.string().regex(/^[0-9a-f]{40}$/) });

/**
 * The commit that a branch or tag of a model on Hugging Face is now; $HF_ENDPOINT is asked where that is set.
 *
 * @param id `owner/name`.
 * @throws Faults where it can't be had.
 */
export async function modelCommit(id: string, revision: string): Promise<string> {
  const hub = process.env.HF_ENDPOINT || "https://huggingface.co";
  const url = new URL(`${hub.replace(/\/+$/, "")}/api/models/${id}/revision/${encodeURIComponent(revision)}`);
  const response = await ask(url);
  const { data } = modelInfo.safeParse(response.ok ? await response.json().catch(() => undefined) : undefined);
  if (data) return data.sha;
  throw new Faults("the model", [
    `${url.origin}: found ${response.ok ? "an answer without a commit" : `the answer ${response.status}`} for ${id} at ${revision}, wanted its commit; check the model's name and revision`,
  ]);
}
