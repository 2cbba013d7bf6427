import type { Word } from "../recipe/command";
import { FLAGS, flagValue } from "./flags";
import type { Mention } from "./models";

/** What a server's speculative decoding reads. */
export interface Drafter {
  readonly mention?: Mention;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Methods whose weights are in the served model itself, or that have none. */
const WITHOUT_MODEL = /^(mtp|\w+_mtp|dspark|ngram|\[ngram\]|ngram_gpu|suffix|extract_hidden_states|custom_class)$/;

/** Methods that have no weights, whatever is called their model. */
const WITHOUT_WEIGHTS = /^(ngram|\[ngram\]|ngram_gpu|suffix|extract_hidden_states|custom_class)$/;

/** Methods that read another model than the served one. */
const WITH_MODEL = ["draft_model", "eagle", "eagle3", "medusa", "mlp_speculator", "dflash"];

/**
 * The drafter that vLLM's arguments name: `model` and `revision` of --speculative-config, whole or key by key, or
 * --spec-model. A problem where they are no JSON, or name a method that needs one and no model.
 *
 * @param tensor tensor parallel size of the server: the drafter's own, unless it says another.
 */
export function drafterOf(words: readonly Word[], tensor: number): Drafter {
  const whole = flagValue(words, FLAGS.speculativeConfig);
  const own = (flag: keyof typeof FLAGS) => flagValue(words, FLAGS[flag]);
  const first = whole ?? own("speculativeModel") ?? own("speculativeMethod");
  if (!first) return { problems: [], warnings: [] };
  const at = `${first.at}: ${whole ? "--speculative-config" : "speculative decoding"}`;
  const config = whole ? jsonObject(whole.text) : {};
  if (!config) {
    return { problems: [`${at}: found ${shortened(whole?.text ?? "")}; allowed: a JSON object`], warnings: [] };
  }
  const value = (key: string, flag: keyof typeof FLAGS) => own(flag)?.text ?? config[key] ?? undefined;
  const model = value("model", "speculativeModel");
  const method = value("method", "speculativeMethod");
  const revision = value("revision", "speculativeRevision");
  const split = Number(value("draft_tensor_parallel_size", "speculativeTensorParallel") ?? tensor);
  const odd = Object.entries({ model, method, revision }).find(([, text]) => (text ?? "") !== "" && !isText(text));
  if (odd) return { problems: [`${at}: ${odd[0]}: found ${JSON.stringify(odd[1])}; allowed: a text`], warnings: [] };
  if (isText(method) && WITHOUT_WEIGHTS.test(method)) return { problems: [], warnings: [] };
  if (!isText(model) || model === "") return withoutModel(at, isText(method) ? method : undefined);
  if (WITHOUT_WEIGHTS.test(model) || (!isText(method) && isClass(model))) return { problems: [], warnings: [] };
  const mention: Mention = {
    name: model,
    use: "drafter",
    at: `${at}: model`,
    ...(isText(revision) && { revision }),
    split: Number.isInteger(split) && split > 0 ? split : tensor,
  };
  return { mention, problems: [], warnings: [] };
}

/** Without a method, vLLM takes it for draft_model. */
function withoutModel(at: string, method = "draft_model"): Drafter {
  if (WITHOUT_MODEL.test(method)) return { problems: [], warnings: [] };
  if (WITH_MODEL.includes(method)) {
    return {
      problems: [
        `${at}: found the method ${method} and no model, wanted the drafter's: "model": "z-lab/Qwen3-8B-DFlash"`,
      ],
      warnings: [],
    };
  }
  const unknown = `${at}: found the method ${JSON.stringify(method)}, of which nobody can tell whether it reads another model than the served one: name it as "model", or in distribution_config.additional_models`;
  return { problems: [], warnings: [unknown] };
}

/** A class of the image's own Python: `package.Proposer`. */
function isClass(model: string): boolean {
  return /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$/.test(model);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

export function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A word as a message shows it. */
export function shortened(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}
